"""Volumes with a story each, and the volumes page as its reader meets it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import NAMESPACE_DNS, uuid5

from django.db.models import F
from django.test import Client
from django.utils import timezone

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Policy, Volume
from snapshots.verdicts.status import VolumeStatus, target_of
from tests.conftest import Answer
from tests.verdicts.current import status_at
from tests.views.snapshots.conftest import next_number, record
from tests.views.snapshots.reading import Element, Response, tree

HOME = "/t/acme/"
PLAIN = "/t/acme/volumes/"
HOSTILE = "<script>alert(1)</script>\u202e{{ 7|add:7 }}&amp;"
MADE, FAILED, MAKING = "BackedUp", "Error", "Creating"


def volume_id(name: str) -> str:
    return str(uuid5(NAMESPACE_DNS, name))


def disk(
    name: str, /, *hours: float, kind: str = "DAILY", state: str = MADE, host: str = "web-01", **fields: str
) -> list[SnapshotRecord]:
    """Snapshots of a volume, by the hours that they are old."""
    now = timezone.now()
    return [_snapshot(name, now - timedelta(hours=age), kind, state, host, fields) for age in hours]


def _snapshot(name: str, at: datetime, kind: str, state: str, host: str, fields: dict[str, str]) -> SnapshotRecord:
    values = {
        "name": f"{host}_{name}_{at:%Y%m%d%H%M%S}",
        "state": state,
        "interval_type": kind,
        "volume_id": volume_id(name),
        "volume": name,
        "volume_type": name,
    }
    return record(next_number(), **values | fields)


def stories() -> list[SnapshotRecord]:
    """One volume for each verdict that a list of snapshots alone can give."""
    return [
        *disk("none", 50, 26, 2, state=FAILED, host="db-01"),
        *disk("late", 96, 72, host="web-01"),
        *disk("stuck", 28, host="db-02"),
        *disk("stuck", 8, state=MAKING, host="db-02"),
        *disk("failing", 25, host="db-02"),
        *disk("failing", 1, state=FAILED, host="db-02"),
        *disk("undated", 1, kind="MANUAL", name="before the move"),
        *disk("running", 24.5, host="web-02"),
        *disk("running", 0.2, state=MAKING, host="web-02"),
        *disk("fresh", 3, 27, host="web-02"),
        *disk("mixed", 50, kind="DAILY", host="ci-01"),
        *disk("mixed", 0.5, 1.5, kind="HOURLY", host="ci-01"),
    ]


def volume(name: str) -> Volume:
    return Volume.objects.get(volume_id=volume_id(name))


def change(name: str, **values: object) -> None:
    """Write what the store would write of a volume; a new generation, as with every write."""
    Volume.objects.filter(name=name).update(**values)
    Environment.objects.update(generation=F("generation") + 1)


def stands(name: str) -> VolumeStatus:
    """How a volume stands now, as the page finds it."""
    found = volume(name)
    environment = Environment.objects.get(pk=found.environment_id)
    policy = Policy.objects.filter(team=found.team_id).first()
    target = target_of(found, environment, policy.target_hours if policy else None)
    return status_at(timezone.now(), found, target)


def home(client: Client, query: str = "", **headers: str) -> Answer:
    return client.get(PLAIN + query, headers=headers)


def rows(page: Response) -> list[Element]:
    return tree(page).all("tr", css="vrow")


def names(page: Response) -> list[str]:
    """The rows' volumes, in order."""
    return [row.one(css="v-name").one("a").text for row in rows(page)]


def badges(page: Response) -> dict[str, str]:
    return {row.one(css="v-name").one("a").text: row.one(css="badge").text for row in rows(page)}


def cell(page: Response, name: str, column: str) -> str:
    row = next(row for row in rows(page) if row.one(css="v-name").one("a").text == name)
    return row.one(css=f"v-{column}").text


def tiles(page: Response) -> dict[str, int]:
    """The tiles' numbers by their words."""
    return {tile.one(css="tile-label").text[2:]: int(tile.one("strong").text) for tile in tree(page).all(css="tile")}


def tile_links(page: Response) -> Iterator[tuple[str, int]]:
    """Each tile's address and number."""
    for tile in tree(page).all(css="tile"):
        yield tile.attributes["href"], int(tile.one("strong").text)


def asides(page: Response) -> str:
    return tree(page).one(css="asides").text


def outage(page: Response) -> str:
    """The sentence on what stopped; "" where nothing did."""
    return " ".join(banner.text for banner in tree(page).one(id="summary").all(css="banner"))
