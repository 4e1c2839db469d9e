"""One id twice in a list: an answer that no order changes, told once, and no proof of absence."""

import json
from datetime import datetime

import pytest
from time_machine import Traveller

from snapshots.models import Change, Environment
from snapshots.simulator.server import Simulator
from tests.sync.steps import MINUTE, PATH, refreshed, row, usable_ids

pytestmark = pytest.mark.django_db


def listed(sim: Simulator, *more: dict[str, object], without: str = "", is_turned: bool = False) -> None:
    """Let the list hold these rows too, before or after its own."""
    sim.clear_faults()
    rows = [each for each in sim.world.snapshots(PATH) if each["id"] != without]
    rows = [*more, *rows] if is_turned else [*rows, *more]
    sim.fault(path="/snapshots", body=json.dumps({"data": rows, "metadata": {"recordCount": len(rows)}}))


@pytest.mark.parametrize("other", ["Copying", "Error", "Creating", "Processing"])
def test_a_twin_changes_nothing_in_any_order(seen: Environment, sim: Simulator, clock: Traveller, other: str) -> None:
    usable = next(each for each in sim.world.snapshots(PATH) if each["state"] == "BackedUp")
    before = usable_ids(seen)
    for turn in range(6):
        listed(sim, {**usable, "state": other}, is_turned=bool(turn % 2))
        refreshed(seen)
        clock.shift(MINUTE)
    assert usable_ids(seen) == before
    assert not Change.objects.exclude(kind="began").exists()
    assert (seen.list_notes, seen.is_partial, seen.listed_at) == ("duplicates", False, clock_before(sim))


def clock_before(sim: Simulator) -> datetime:
    return sim.requests[-1].at


def test_a_list_that_contradicts_itself_buries_nothing(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    twin, gone = sim.world.snapshots(PATH)[:2]
    for _ in range(3):
        listed(sim, {**twin, "state": "Error"}, without=str(gone["id"]))
        refreshed(seen)
        clock.shift(MINUTE)
    stored = row(seen, gone["id"])
    assert (stored.listed, stored.missing_since) == (True, None)


@pytest.mark.both_databases
def test_the_same_row_twice_is_no_contradiction(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    twin, gone = sim.world.snapshots(PATH)[:2]
    sim.world.remove_snapshot(PATH, str(gone["id"]))
    for _ in range(2):
        listed(sim, twin)
        refreshed(seen)
        clock.shift(MINUTE)
    assert not row(seen, gone["id"]).listed
