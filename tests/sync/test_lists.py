"""What lists do to the mirror: rows come, change, go and come back; an incomplete list buries nothing."""

import pytest
from time_machine import Traveller

from snapshots.models import Change, Environment, Snapshot
from snapshots.rules.taken_time import UNDATED
from snapshots.simulator.server import Simulator
from snapshots.sync.leases import Caller
from tests.sync.steps import KEY, MINUTE, PATH, backed_up, history, ids, refresh, refreshed, row, usable_ids


def test_the_first_list_fills_the_mirror_and_is_no_change(environment: Environment, sim: Simulator) -> None:
    written = refreshed(environment, Caller.PAGE)
    assert (written.added, written.total) == (24, 24)
    assert usable_ids(environment) == backed_up(sim)
    assert list(Change.objects.values_list("kind", "after")) == [("began", "24")]
    assert environment.listed_at == environment.believed_at == environment.first_listed_at
    assert environment.generation == 2  # the list, and the problems that it shows


def test_the_key_travels_in_its_header_and_the_path_is_exact(environment: Environment, sim: Simulator) -> None:
    refreshed(environment, Caller.PAGE)
    (request,) = sim.requests
    assert request.target == f"/v1/services/{PATH}/snapshots"
    assert request.headers["MC-Api-Key"] == KEY


def test_a_new_snapshot_appears_with_the_time_that_its_name_tells(seen: Environment, sim: Simulator) -> None:
    new = sim.world.add_snapshot(PATH)
    assert refreshed(seen).added == 1
    stored = row(seen, new["id"])
    assert stored.taken_source == "name"
    assert stored.taken_key == stored.taken_after == stored.taken_before == sim.world.clock()
    assert history(seen, new["id"]) == [("completed", "", "BackedUp")]


def test_a_named_snapshot_was_taken_between_two_lists(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    before = seen.listed_at
    new = sim.world.add_snapshot(PATH, name="before-upgrade")
    refreshed(seen)
    stored = row(seen, new["id"])
    assert (stored.taken_after, stored.taken_before, stored.taken_source) == (before, sim.world.clock(), "syncs")


def test_a_nameless_snapshot_of_the_first_list_is_undated(environment: Environment, sim: Simulator) -> None:
    old = sim.world.add_snapshot(PATH, name="golden")
    refreshed(environment)
    stored = row(environment, old["id"])
    assert (stored.taken_after, stored.taken_key) == (None, UNDATED)


def test_a_changed_state_is_written_with_its_history(seen: Environment, sim: Simulator) -> None:
    snapshot_id = sorted(backed_up(sim))[0]
    sim.world.set_state(PATH, snapshot_id, "Error")
    assert refreshed(seen).changed == 1
    assert row(seen, snapshot_id).state == "Error"
    assert snapshot_id not in usable_ids(seen)
    assert history(seen, snapshot_id) == [("failed", "BackedUp", "Error")]


def test_the_first_time_that_a_snapshot_was_usable_stays(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    snapshot_id = sim.world.add_snapshot(PATH, state="Creating")["id"]
    refreshed(seen)
    moments = [row(seen, snapshot_id).usable_at]
    for state in ("BackedUp", "Error", "BackedUp"):
        clock.shift(MINUTE)
        sim.world.set_state(PATH, str(snapshot_id), state)
        refreshed(seen)
        moments.append(row(seen, snapshot_id).usable_at)
    first = row(seen, snapshot_id).first_seen_at
    assert moments[0] is None
    assert moments[1] == moments[2] == moments[3] != first


def test_a_rename_is_history_and_moves_no_date(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    snapshot_id = str(sim.world.add_snapshot(PATH)["id"])
    refreshed(seen)
    before = row(seen, snapshot_id)
    clock.shift(MINUTE)
    sim.world.rename(PATH, snapshot_id, "keep_20200101000000")
    assert refreshed(seen).changed == 1
    after = row(seen, snapshot_id)
    taken = ("taken_after", "taken_before", "taken_source", "taken_key", "first_seen_at")
    assert [getattr(after, name) for name in taken] == [getattr(before, name) for name in taken]
    assert history(seen, snapshot_id)[1:] == [("renamed", before.name, "keep_20200101000000")]


def test_a_row_left_out_once_is_kept_labelled_and_not_usable(seen: Environment, sim: Simulator) -> None:
    gone, listed_at = sorted(backed_up(sim))[0], seen.listed_at
    sim.world.remove_snapshot(PATH, gone)
    written = refreshed(seen)
    stored = row(seen, gone)
    assert (written.left_out, written.missing) == (1, 0)
    assert stored.is_candidate
    assert not stored.is_usable
    assert gone not in usable_ids(seen)
    assert (stored.missing_since, stored.last_seen_at) == (sim.world.clock(), listed_at)
    assert history(seen, gone) == []


@pytest.mark.both_databases
def test_a_row_left_out_twice_is_missing_and_stays(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    gone = ids(sim)[3]
    sim.world.remove_snapshot(PATH, gone)
    refreshed(seen)
    since = row(seen, gone).missing_since
    clock.shift(MINUTE)
    assert refreshed(seen).missing == 1
    stored = row(seen, gone)
    assert (stored.listed, stored.missing_since) == (False, since)
    assert history(seen, gone) == [("deleted", stored.state, "")]
    assert Snapshot.objects.filter(environment=seen).count() == 24


@pytest.mark.parametrize(("absences", "kinds"), [(1, []), (2, ["deleted", "returned"])])
def test_a_row_that_is_back_clears_its_mark(
    seen: Environment, sim: Simulator, clock: Traveller, absences: int, kinds: list[str]
) -> None:
    gone = next(each for each in sim.world.snapshots(PATH) if each["state"] == "BackedUp")
    sim.world.remove_snapshot(PATH, str(gone["id"]))
    for _ in range(absences):
        refreshed(seen)
        clock.shift(MINUTE)
    sim.world.add_snapshot(PATH, id=str(gone["id"]), name=str(gone["name"]))
    assert refreshed(seen).returned == 1
    stored = row(seen, gone["id"])
    assert stored.is_usable
    assert (stored.missing_since, stored.last_seen_at) == (None, None)
    assert [kind for kind, _, _ in history(seen, gone["id"])] == kinds


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"record_count": "absent"}, "record_count_absent"),
        ({"record_count": "text"}, "record_count_absent"),
        ({"record_count": 1}, "record_count_differs"),
        ({"record_count": -1}, "record_count_differs"),
        ({"record_count": "negative"}, "record_count_absent"),
    ],
)
def test_an_incomplete_list_updates_but_buries_nothing_and_says_so(
    seen: Environment, sim: Simulator, fault: dict[str, object], reason: str
) -> None:
    first, gone, listed_at = ids(sim)[0], ids(sim)[5], seen.listed_at
    new = sim.world.add_snapshot(PATH)
    sim.world.set_state(PATH, first, "Error")
    sim.world.remove_snapshot(PATH, gone)
    sim.fault(path="/snapshots", **fault)
    written = refreshed(seen)
    assert (written.added, written.changed, written.left_out) == (1, 1, 0)
    assert written.incomplete == (reason,)
    assert row(seen, new["id"]).listed
    assert row(seen, gone).missing_since is None
    assert (seen.listed_at, seen.partial_reason) == (listed_at, reason)
    assert seen.is_partial


def test_a_list_with_a_row_that_cannot_be_read_is_incomplete(seen: Environment, sim: Simulator) -> None:
    sim.world.add_snapshot(PATH, id="no-uuid")
    gone = ids(sim)[5]
    sim.world.remove_snapshot(PATH, gone)
    written = refreshed(seen)
    assert (written.incomplete, written.left_out) == (("rows_skipped",), 0)
    assert row(seen, gone).missing_since is None


def test_incomplete_lists_never_confirm_a_candidate(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    gone = ids(sim)[0]
    sim.world.remove_snapshot(PATH, gone)
    refreshed(seen)
    sim.fault(path="/snapshots", record_count=1)
    for _ in range(3):
        clock.shift(15 * MINUTE)
        assert refreshed(seen).missing == 0
    assert row(seen, gone).is_candidate
    sim.clear_faults()
    clock.shift(MINUTE)
    assert refreshed(seen).missing == 1
    assert not seen.is_partial


def test_an_incomplete_first_list_shows_its_rows_and_is_no_first_list(environment: Environment, sim: Simulator) -> None:
    sim.fault(path="/snapshots", record_count=1, times=1)
    assert refreshed(environment).added == 24
    assert environment.listed_at is environment.first_listed_at is None
    assert not Change.objects.exists()


def test_duplicate_ids_are_one_row_and_the_list_is_complete(seen: Environment, sim: Simulator) -> None:
    sim.fault(path="/snapshots", duplicate_ids=True)
    written = refreshed(seen)
    assert (written.incomplete, written.added) == ((), 0)
    assert seen.list_notes == "duplicates"


@pytest.mark.both_databases
def test_rows_of_odd_types_and_names_are_stored(environment: Environment, sim: Simulator) -> None:
    sim.fault(path="/snapshots", hostile_names=True, set_fields={"intervalType": None, "state": 7})
    assert refreshed(environment).added == 24
    assert set(Snapshot.objects.values_list("state", "interval_type")) == {("7", "")}


def test_a_fault_keeps_the_old_rows_usable_and_says_so(seen: Environment, sim: Simulator) -> None:
    sim.fault(path="/snapshots", truncated=True)
    outcome = refresh(seen)
    assert outcome.fault is not None
    assert usable_ids(seen) == backed_up(sim)
    assert (seen.fault_kind, seen.fault_since) == ("interrupted", sim.world.clock())
