"""A list that says nothing new writes no snapshot, and is soon known by its bytes."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from time_machine import Traveller

from snapshots.cloudca import decode
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.sync.leases import Caller
from snapshots.sync.refresh import refresh
from snapshots.sync.single import check_snapshot
from tests.sync.steps import MINUTE, PATH, ids, refreshed, row, usable_ids


def statements(log: CaptureQueriesContext, *verbs: str) -> list[str]:
    return [query["sql"] for query in log.captured_queries if query["sql"].startswith(verbs)]


def writes(log: CaptureQueriesContext, table: str) -> list[str]:
    return [each for each in statements(log, "INSERT", "UPDATE", "DELETE") if f'"{table}"' in each]


@pytest.mark.both_databases
@pytest.mark.parametrize("fault", [{}, {"set_fields": {"size": 8}}])
def test_an_unchanged_list_writes_no_snapshot_and_stamps_the_environment(
    seen: Environment, sim: Simulator, fault: dict[str, object]
) -> None:
    generation, listed_at = seen.generation, seen.listed_at
    sim.fault(path="/snapshots", **fault)  # other bytes, the same seven fields
    with CaptureQueriesContext(connection) as log:
        assert refreshed(seen).total == 0
    assert writes(log, "snapshots_snapshot") == writes(log, "snapshots_volume") == []
    assert len(writes(log, "snapshots_environment")) == 2  # the claim, the stamp
    assert seen.generation == generation
    assert seen.listed_at != listed_at


@pytest.mark.both_databases
def test_the_same_bytes_are_not_even_compared(seen: Environment) -> None:
    with CaptureQueriesContext(connection) as log:
        refreshed(seen)
    assert not [query for query in log.captured_queries if '"snapshots_snapshot"' in query["sql"]]


@pytest.mark.both_databases(proof=True)
def test_the_same_bytes_take_few_statements(seen: Environment, clock: Traveller) -> None:
    refreshed(seen)  # confirms its problems
    clock.shift(60)
    with CaptureQueriesContext(connection) as log:
        (outcome,) = refresh([seen], caller=Caller.COMMAND)
    assert outcome.written is not None
    assert len(statements(log, "INSERT", "UPDATE", "DELETE")) == 2  # the claim, the stamp
    # The row and its key, the row for the claim; the row and the key's generation; the verdicts, the day; the open
    # problems, and the volumes that have one; those that lost many; those of which the report must know something new.
    assert len(statements(log, "SELECT")) == 10


@pytest.mark.both_databases(proof=True)
def test_the_same_bytes_do_not_keep_a_candidate_alive(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    gone = ids(sim)[0]
    sim.world.remove_snapshot(PATH, gone)
    missing = []
    for _ in range(4):
        missing.append(refreshed(seen).missing)
        clock.shift(MINUTE)
    assert missing == [0, 1, 0, 0]
    assert not row(seen, gone).listed


@pytest.mark.both_databases(proof=True)
def test_the_same_bytes_do_not_keep_a_doubt_alive(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    for each in ids(sim):
        sim.world.remove_snapshot(PATH, each)
    missing = []
    for _ in range(4):
        missing.append(refreshed(seen).missing)
        clock.shift(10 * MINUTE)
    assert missing == [0, 0, 24, 0]


@pytest.mark.both_databases
def test_the_old_bytes_after_a_change_are_compared_again(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    gone = sim.world.snapshots(PATH)[0]
    sim.fault(path="/snapshots", shrink=0.05, times=2)
    counts = []
    for _ in range(3):
        written = refreshed(seen)
        clock.shift(MINUTE)
        counts.append((written.left_out, written.missing, written.returned))
    assert counts == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert row(seen, gone["id"]).listed


@pytest.mark.both_databases(proof=True)
def test_the_old_bytes_after_an_incomplete_list_undo_it(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    usable = usable_ids(seen)
    sim.fault(path="/snapshots", set_fields={"state": "Error"}, record_count=1, times=1)
    refreshed(seen)
    assert not usable_ids(seen)
    clock.shift(MINUTE)
    refreshed(seen)
    assert usable_ids(seen) == usable


@pytest.mark.both_databases(proof=True)
def test_the_old_bytes_after_a_check_undo_it(seen: Environment, sim: Simulator) -> None:
    usable = usable_ids(seen)
    snapshot_id = min(usable)
    sim.fault(path=snapshot_id, set_fields={"state": "Error"})
    check_snapshot(seen, snapshot_id, caller=Caller.BUTTON)
    assert snapshot_id not in usable_ids(seen)
    refreshed(seen)
    assert usable_ids(seen) == usable


@pytest.mark.both_databases(proof=True)
def test_an_incomplete_list_of_the_same_bytes_stays_incomplete(
    seen: Environment, sim: Simulator, clock: Traveller
) -> None:
    sim.fault(path="/snapshots", record_count=1)
    for _ in range(2):
        assert refreshed(seen).incomplete
        clock.shift(MINUTE)
    assert seen.is_partial


@pytest.mark.both_databases(proof=True)
def test_the_same_bytes_are_not_read(seen: Environment, monkeypatch: pytest.MonkeyPatch, clock: Traveller) -> None:
    kept = ("listed_rows", "most_rows", "capped_rows", "list_notes", "body_hash", "facets", "suspect_since")
    before = {name: getattr(seen, name) for name in kept}
    monkeypatch.setattr(decode, "read_snapshots", lambda _: pytest.fail("the rows are read"))
    for _ in range(2):
        assert refreshed(seen).total == 0
        assert {name: getattr(seen, name) for name in kept} == before
        assert seen.listed_at == seen.believed_at == timezone.now()
        clock.shift(MINUTE)


@pytest.mark.both_databases(proof=True)
def test_the_same_bytes_are_read_if_rows_may_contradict_each_other(
    seen: Environment, sim: Simulator, clock: Traveller
) -> None:
    """A list that contradicts itself proves no absence, however often it comes."""
    believed = seen.believed_at
    sim.fault(path="/snapshots", duplicate_ids=True)
    for _ in range(3):
        assert refreshed(seen).total == 0
        assert ("duplicates" in seen.list_notes, seen.believed_at) == (True, believed)
        clock.shift(MINUTE)
