"""Volumes with leftovers of each kind, and the page as its reader meets it."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from uuid import NAMESPACE_DNS, uuid5

import pytest
from django.db.models import F
from django.test import Client

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Snapshot, Volume
from tests.conftest import Answer
from tests.views.snapshots.conftest import NOW, Fill, clock, environment, fill, key, taken
from tests.views.snapshots.reading import Element, Response, tree

__all__ = ["clock", "environment", "fill", "key"]
PAGE = "/t/acme/leftovers/"
_numbers = count(1)


def volume_id(name: str) -> str:
    return str(uuid5(NAMESPACE_DNS, name))


def disk(
    volume: str, *days: float, kind: str = "DAILY", state: str = "BackedUp", **fields: str
) -> list[SnapshotRecord]:
    """Snapshots of a volume by the days that they are old, each named as the provider names it unless told."""
    own = {"volume": volume, "volume_id": volume_id(volume), "interval_type": kind, "state": state}
    return [taken(next(_numbers), NOW - timedelta(days=age), **own | fields) for age in days]


def change(volume: str, **values: object) -> None:
    """Write what the store would write of a volume; a new generation, as with every write."""
    assert Volume.objects.filter(name=volume).update(**values) == 1
    Environment.objects.update(generation=F("generation") + 1)


def ask(client: Client, query: str = "", **headers: str) -> Answer:
    return client.get(PAGE + query, headers=headers)


def rows(page: Response) -> list[Element]:
    return tree(page).all("tr", css="lrow")


def ids(page: Response) -> list[str]:
    return [row.one("input").attributes["value"] for row in rows(page)]


def shown(page: Response) -> dict[str, list[str]]:
    """Volume -> its rows' ages and reasons, as the page has them, in its order."""
    found: dict[str, list[str]] = {}
    for group in tree(page).all("tbody", css="volume-rows"):
        name = group.one(css="group-name").all("bdi")[0].text
        found[name] = [
            f"{row.one(css='l-age').one(css='first').text}: {', '.join(tag.text for tag in row.all('li'))}"
            for row in group.all("tr", css="lrow")
        ]
    return found


def only_usable(page: Response) -> list[str]:
    """The ages of the rows that warn."""
    return [row.one(css="l-age").one(css="first").text for row in rows(page) if row.all(css="only-usable")]


def facts(page: Response) -> dict[str, str]:
    """Volume -> what the head of its rows says."""
    heads = tree(page).all("tr", css="group-row")
    return {head.one(css="group-name").all("bdi")[0].text: head.one(css="group-facts").text for head in heads}


def cards(page: Response) -> dict[str, int]:
    found = tree(page).all("a", css="reason-card")
    return {card.one(css="card-label").text: int(card.one("strong").text) for card in found}


def matrix(page: Response) -> dict[str, list[int]]:
    """Reason -> how many of each age, then of all."""
    body = tree(page).one("table", css="matrix").one("tbody")
    return {row.one("th").text: [int(cell.text) for cell in row.all(css="m-number")] for row in body.all("tr")}


def numbers(page: Response) -> Iterator[tuple[str, int]]:
    """Each card's and each cell's address and number."""
    for card in tree(page).all("a", css="reason-card"):
        yield card.attributes["href"], int(card.one("strong").text)
    for cell in tree(page).all("a", css="m-link"):
        yield cell.attributes["href"], int(cell.one(css="m-number").text)


def left_out(page: Response) -> list[str]:
    return [banner.one("p").text for banner in tree(page).all(css="left-out")]


def about(page: Response) -> str:
    return tree(page).one(id="about").text


@pytest.fixture
def told(fill: Fill) -> Environment:
    """A volume for each reason, one with several, one with none."""
    environment = fill(
        [
            *disk("archive", 334),
            *disk("legacy-share", 275, kind="MANUAL"),
            *disk("legacy-share", 274),
            *disk("mail-spool", *range(60, 95)),
            *disk("mail-spool", 1),
            *disk("data", 82, kind="MANUAL"),
            *disk("data", *range(5)),
            *disk("fresh", 1, 2, 31),
        ]
    )
    change("legacy-share", deleted_at=NOW)
    return environment


def stored(days: float) -> Snapshot:
    """The snapshot that is so old."""
    return Snapshot.objects.get(taken_before=NOW - timedelta(days=days))
