"""Until an environment has answered, nobody sees a row of it."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import time_machine
from django.core.cache import caches

from dashboard.teams.access import issue_tokens
from snapshots.models import Environment, ShareLink, Snapshot, Volume
from tests.authorization.conftest import House, house
from tests.authorization.plan import TEAM_VIEWS, TOKEN_VIEWS, VIEWS, level
from tests.views.snapshots.conftest import NOW, VOLUME

__all__ = ["house"]

pytestmark = pytest.mark.django_db
TEAM = "acme"
# What makes two answers to one question differ: tokens and nonces.
CHANCE = re.compile(rb'name="(?:csrfmiddlewaretoken|form_id)" value="[^"]*"|nonce-[\w-]+|hx-headers=\S+')
QUERIES = {
    "snapshots:list": ("q=FOREIGN", "state=BackedUp", f"volume_id={VOLUME}", "age=30d", "listed=no"),
    "snapshots:volumes": ("q=FOREIGN", "q=ROOT", "group=instance", "status=fresh", "status=unknown"),
    "snapshots:changes": ("q=FOREIGN", f"volume_id={VOLUME}"),
    "snapshots:search": ("q=FOREIGN", "q=ROOT", f"q={VOLUME}"),
}


class Asked(NamedTuple):
    """A question and its answer; `view` names both in a failure."""

    view: str
    status: int
    content: bytes


Ask = Callable[[House], Iterator[Asked]]


@pytest.fixture
def half(house: House) -> Iterator[Environment]:
    """An environment of which every row is written, with its verdict, but not yet the environment's own."""
    environment = house.teams[TEAM].environments.get(name="prod")
    ShareLink.objects.all().delete()
    assert Snapshot.objects.filter(environment=environment).exists()
    assert Volume.objects.filter(environment=environment, judged_at__isnull=False).exists()
    never = Environment(team=environment.team)
    names = (
        "listed_at",
        "first_listed_at",
        "partial_at",
        "believed_at",
        "data_at",
        "watched_at",
        "facets",
        "body_hash",
    )
    Environment.objects.filter(pk=environment.pk).update(**{name: getattr(never, name) for name in names})
    environment.changes.all().delete()
    with time_machine.travel(NOW, tick=False):
        yield environment


def pages(house: House) -> Iterator[Asked]:
    """Ask for every page of the team, with filters too, and for everything that a script may read."""
    for view in TEAM_VIEWS:
        if level(view, "GET") is None:
            continue
        for query in ("", *QUERIES.get(view, ())):
            answer = house.ask("alice", "GET", f"{house.address(view, TEAM)}?{query}")
            yield Asked(f"{view}?{query}", answer.status_code, CHANCE.sub(b"", answer.content))


def scripts(house: House) -> Iterator[Asked]:
    maker = house.teams[TEAM].memberships.get(user=house.users["alice"])
    _token, secret = issue_tokens.make(maker, name="script", days=30, environments=[], form_id="script")
    for view in TOKEN_VIEWS:
        if view in VIEWS and level(view, "GET") is not None:
            answer = house.ask("anonymous", "GET", house.address(view, TEAM), None, **{"MC-Api-Key": secret})
            yield Asked(view, answer.status_code, answer.content)


def without_rows(environment: Environment) -> None:
    Volume.objects.filter(environment=environment).delete()
    Snapshot.objects.filter(environment=environment).delete()


@pytest.mark.parametrize("ask", [pages, scripts])
def test_no_reader_sees_half_of_a_first_list(house: House, half: Environment, ask: Ask) -> None:
    with house.undone():
        found = list(ask(house))
    without_rows(half)
    caches["fragments"].clear()
    empty = list(ask(house))
    assert {one.status for one in found} >= {200}
    assert [one.view for one, other in zip(found, empty, strict=True) if one != other] == []
