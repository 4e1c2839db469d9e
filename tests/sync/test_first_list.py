"""The first list is written in many short transactions: until the last one, nobody sees a row of it."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pytest
import time_machine
from django.core.cache import caches
from django.db import connection

from dashboard.teams.access import issue_tokens
from snapshots.models import Environment, ShareLink, Snapshot, Volume
from snapshots.simulator.server import Simulator
from snapshots.sync import short_writes, single
from snapshots.sync.leases import Caller, Why
from snapshots.verdicts.sql import volumes_of_team
from snapshots.views.snapshots.snapshot_page import SNAPSHOT
from tests.authorization.conftest import House, house
from tests.authorization.plan import TEAM_VIEWS, TOKEN_VIEWS, VIEWS, level
from tests.sync.steps import PATH, denied, failed, ids, refresh, refreshed
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
    values = {name: getattr(never, name) for name in names}
    Environment.objects.filter(pk=environment.pk).update(half_written_since=NOW, **values)
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


@pytest.mark.both_databases
def test_who_read_the_environment_before_sees_no_half_either(
    environment: Environment, between: Callable[[Callable[[], object]], None]
) -> None:
    """A page reads the environments first, and their rows later."""
    before = Environment.objects.get(pk=environment.pk)
    seen: list[list[object]] = []

    def look() -> None:
        (snapshot_id,) = Snapshot.objects.filter(environment=environment).values_list("snapshot_id", flat=True)[:1]
        found = [model.objects.of_environment(before).count() for model in (Snapshot, Volume)]
        found += [volumes_of_team([before]).count(), Snapshot.objects.of_team(environment.team).count()]
        seen.append([*found, SNAPSHOT.first(environment=before.pk, snapshot_id=snapshot_id)])

    between(look)
    assert refreshed(environment).added == 24
    assert len(seen) > 4
    assert all(each == [0, 0, 0, 0, None] for each in seen)
    assert volumes_of_team([Environment.objects.get(pk=environment.pk)]).count() == 4
    assert volumes_of_team([before]).count() == 4


# --- in short transactions


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a first list take many transactions."""
    monkeypatch.setattr(short_writes, "ROWS", 3)


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch, small: None) -> Callable[[Callable[[], object]], None]:
    """Let something happen after each of its transactions once it has written snapshots."""

    def between(happens: Callable[[], object]) -> None:
        monkeypatch.setattr(short_writes, "sleep", lambda _: happens() if Snapshot.objects.exists() else None)

    return between


@pytest.mark.both_databases
def test_it_is_written_by_few_rows_at_a_time(environment: Environment, small: None) -> None:
    sizes: dict[str, list[int]] = {"INSERT INTO snapshots_snapshot": [], "UPDATE snapshots_volume": []}

    def note(execute: Callable[..., object], sql: str, params: Sequence[object], *rest: object) -> object:
        for begin, found in sizes.items():
            if sql.replace('"', "").startswith(begin):
                found.append(len(params) if isinstance(params, list) else 1)
        return execute(sql, params, *rest)

    with connection.execute_wrapper(note):
        assert refreshed(environment).added == 24
    assert sizes["INSERT INTO snapshots_snapshot"] == [3] * 8
    assert set(sizes["UPDATE snapshots_volume"]) == {1, 3}


@pytest.mark.both_databases
def test_one_that_lost_its_lease_writes_nothing_more(
    environment: Environment, clock: time_machine.Traveller, between: Callable[..., None]
) -> None:
    later: list[object] = []

    def take_over() -> None:
        if not later:
            later.append(None)
            clock.shift(46)
            assert refreshed(environment).added == 24
            later.append(stored(environment))

    between(take_over)
    assert failed(environment).kind == "late"
    assert stored(environment) == later[1]


@pytest.mark.both_databases
def test_a_long_one_keeps_its_lease(
    environment: Environment, clock: time_machine.Traveller, between: Callable[..., None]
) -> None:
    held = []

    def wait() -> None:
        clock.shift(30)
        held.append(denied(environment, Caller.FORCE))

    between(wait)
    assert refreshed(environment).added == 24
    assert set(held) == {Why.HELD}
    assert len(held) > 4


def test_a_row_that_was_there_before_is_shown_and_kept(environment: Environment, sim: Simulator, small: None) -> None:
    checked = single.check_snapshot(environment, next(iter(ids(sim))), caller=Caller.BUTTON)
    assert checked.found is True
    shown = Snapshot.objects.of_team(environment.team).get()
    assert refreshed(environment).added == 23
    assert Snapshot.objects.get(pk=shown.pk).first_seen_at == shown.first_seen_at


@pytest.mark.both_databases
def test_what_an_interrupted_one_left_is_deleted(
    environment: Environment, sim: Simulator, clock: time_machine.Traveller, between: Callable[..., None]
) -> None:
    between(lambda: pytest.fail("it dies"))
    with pytest.raises(pytest.fail.Exception):
        refresh(environment)
    assert Snapshot.objects.filter(environment=environment).count() == 3
    assert Snapshot.objects.of_team(environment.team).count() == 0
    for listed in ids(sim):
        sim.world.remove_snapshot(PATH, listed)
    clock.shift(46)
    between(lambda: None)
    refreshed(environment)
    assert environment.listed_at is not None
    assert not Snapshot.objects.exists()
    # The list of volumes came before; it is requested again with the snapshots.
    assert set(Volume.objects.values_list("from_endpoint", "judged_at")) == {(True, environment.data_at)}


def stored(environment: Environment) -> list[object]:
    rows = [model.objects.filter(environment=environment).order_by("pk").values() for model in (Snapshot, Volume)]
    return [*map(list, rows), *Environment.objects.filter(pk=environment.pk).values()]
