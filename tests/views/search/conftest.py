"""What a team has to be searched, under the clock of the lists' tests."""

from collections.abc import Callable

import pytest
from django.test import Client

from snapshots.models import Environment, Volume
from tests.conftest import Answer
from tests.views.snapshots.conftest import HTMX, Fill, clock, environment, fill, key
from tests.views.snapshots.reading import Element, Response, tree
from tests.views.volumes.home.conftest import week
from tests.views.volumes.home.steps import FAILED, disk

__all__ = ["clock", "environment", "fill", "key", "week"]
SEARCH = "/t/acme/search/"
Find = Callable[..., Answer]


@pytest.fixture
def filled(week: object, fill: Fill) -> Environment:
    """Three servers: volumes that stand well and badly, one of them named like a server."""
    found = fill(
        [
            *disk("billing", 3, host="db-03"),
            *disk("payments", 4, state=FAILED, host="db-03"),
            *disk("db-03-copy", 5, host="files-01"),
            *disk("old-db-03", 200, host="files-01"),
            *disk("db-03", 6, host="files-02"),
            *disk("100%_sure\\", 7, host="web-07", name="nightly"),
        ]
    )
    Volume.objects.filter(name__in=["billing", "payments"]).update(instance_name="db-03", instance_id=INSTANCE)
    return found


INSTANCE = "7d1f2c34-0000-4000-8000-0123456789ab"


@pytest.fixture
def find(alice_client: Client) -> Find:
    """Give what the top bar is given."""

    def find(text: str) -> Answer:
        return alice_client.get(SEARCH, {"q": text}, headers=HTMX)

    return find


def group(page: Response, kind: str) -> list[Element]:
    """The rows of a group; none where it is not there."""
    groups = [each for each in tree(page).all(css="hits") if each.attributes["data-kind"] == kind]
    return groups[0].all("a", css="hit") if groups else []


def names(page: Response, kind: str = "volumes") -> list[str]:
    return [row.one(css="hit-name").text for row in group(page, kind)]


def every_name(page: Response) -> dict[str, list[str]]:
    found = {kind: names(page, kind) for kind in ("volumes", "instances", "snapshots")}
    return {kind: of_kind for kind, of_kind in found.items() if of_kind}


def counts(page: Response) -> str:
    """What the live region says."""
    return next(each.attributes["data-counts"] for each in tree(page) if "data-counts" in each.attributes)
