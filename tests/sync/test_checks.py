"""One snapshot, or one volume's: these insert and update, never bury by a list, never stamp the environment."""

from typing import Any
from uuid import uuid4

import pytest
from time_machine import Traveller

from dashboard.teams.models import ApiKey
from snapshots.models import Environment, Snapshot
from snapshots.simulator.server import Simulator
from snapshots.sync.leases import Caller, Claim, Why, claim, release
from snapshots.sync.single import Checked, check_snapshot, check_volume
from tests.sync.steps import MINUTE, PATH, backed_up, history, ids, refreshed, row, usable_ids

STAMPS = ("listed_at", "believed_at", "first_listed_at", "partial_at", "tried_at", "fault_kind", "next_try_at")


def stamps(environment: Environment) -> dict[str, Any]:
    environment.refresh_from_db()
    return {name: getattr(environment, name) for name in STAMPS}


def ask(environment: Environment, snapshot_id: object) -> Checked:
    return check_snapshot(environment, str(snapshot_id), caller=Caller.BUTTON)


def test_an_unknown_snapshot_is_found_and_written(seen: Environment, sim: Simulator) -> None:
    new, before = sim.world.add_snapshot(PATH), stamps(seen)
    checked = ask(seen, new["id"])
    assert (checked.found, checked.written and checked.written.added, checked.at) == (True, 1, sim.world.clock())
    assert str(new["id"]) in usable_ids(seen)
    assert stamps(seen) == before
    assert seen.lease_until is None
    assert sim.requests[-1].target == f"/v1/services/{PATH}/snapshots/{new['id']}"


def test_a_known_snapshot_is_updated(seen: Environment, sim: Simulator) -> None:
    snapshot_id, generation = ids(sim)[0], seen.generation
    sim.world.set_state(PATH, snapshot_id, "Error")
    checked = ask(seen, snapshot_id)
    assert checked.written is not None
    assert (checked.written.changed, row(seen, snapshot_id).state) == (1, "Error")
    seen.refresh_from_db()
    assert seen.generation == generation + 1


def test_a_check_counts_for_neither_gap_nor_ttl(seen: Environment, sim: Simulator) -> None:
    ask(seen, ids(sim)[0])
    ask(seen, ids(sim)[1])
    refreshed(seen, Caller.PAGE)
    assert ask(seen, ids(sim)[1]).found


def test_404_on_a_listed_row_makes_it_a_candidate_and_on_a_candidate_buries_it(
    seen: Environment, sim: Simulator
) -> None:
    gone, before = sorted(backed_up(sim))[0], stamps(seen)
    sim.world.remove_snapshot(PATH, gone)
    assert ask(seen, gone).found is False
    assert row(seen, gone).is_candidate
    assert row(seen, gone).last_seen_at == seen.listed_at
    assert ask(seen, gone).found is False
    assert not row(seen, gone).listed
    assert history(seen, gone) == [("deleted", "BackedUp", "")]
    assert stamps(seen) == before


def test_404_buries_a_candidate_of_a_list_even_in_doubt(seen: Environment, sim: Simulator) -> None:
    gone = ids(sim)[0]
    sim.world.remove_snapshot(PATH, gone)
    sim.fault(path="/snapshots", empty_list=True)
    refreshed(seen)
    ask(seen, gone)
    assert not row(seen, gone).listed
    assert Snapshot.objects.filter(listed=True).count() == 23


def test_404_of_what_the_mirror_never_had_writes_nothing(seen: Environment, sim: Simulator) -> None:
    generation = seen.generation
    assert ask(seen, uuid4()).found is False
    seen.refresh_from_db()
    assert (Snapshot.objects.count(), seen.generation, seen.lease_until) == (24, generation, None)


def test_a_row_marked_by_404_is_back_with_the_next_list_that_has_it(
    seen: Environment, sim: Simulator, clock: Traveller
) -> None:
    snapshot_id = ids(sim)[0]
    sim.fault(path=snapshot_id, status=404, times=1)
    ask(seen, snapshot_id)
    clock.shift(MINUTE)
    assert refreshed(seen).returned == 1
    assert history(seen, snapshot_id) == []


def test_a_row_marked_by_404_is_buried_by_the_next_list_without_it(
    seen: Environment, sim: Simulator, clock: Traveller
) -> None:
    gone = ids(sim)[0]
    sim.world.remove_snapshot(PATH, gone)
    ask(seen, gone)
    clock.shift(MINUTE)
    assert refreshed(seen).missing == 1


def test_a_found_candidate_is_usable_again(seen: Environment, sim: Simulator) -> None:
    snapshot_id = next(iter(sorted(usable_ids(seen))))
    sim.fault(path="/snapshots", empty_list=True)
    refreshed(seen)
    assert snapshot_id not in usable_ids(seen)
    ask(seen, snapshot_id)
    assert usable_ids(seen) == {snapshot_id}


def test_a_reply_about_another_id_stores_nothing(seen: Environment, sim: Simulator) -> None:
    before, rows = stamps(seen), list(Snapshot.objects.order_by("pk").values())
    sim.fault(wrong_id=True)
    checked = ask(seen, ids(sim)[0])
    assert (checked.found, checked.fault and checked.fault.kind) == (None, "mismatched")
    assert list(Snapshot.objects.order_by("pk").values()) == rows
    assert stamps(seen) == before
    assert seen.lease_until is None


@pytest.mark.parametrize("fault", [{"status": 500}, {"html": True}, {"refuse": 403}, {"reset": True}])
def test_a_fault_of_a_check_is_not_the_environments(
    seen: Environment, sim: Simulator, fault: dict[str, object]
) -> None:
    before = stamps(seen)
    sim.fault(**fault)
    checked = ask(seen, ids(sim)[0])
    assert checked.fault is not None
    assert stamps(seen) == before


def test_one_volumes_snapshots_are_inserted_and_updated_never_buried(seen: Environment, sim: Simulator) -> None:
    volume_id = str(sim.world.volumes(PATH)[0]["id"])
    own = [str(each["id"]) for each in sim.world.snapshots(PATH) if each.get("volumeId") == volume_id]
    before, new = stamps(seen), sim.world.add_snapshot(PATH, volume_id=volume_id)
    sim.world.remove_snapshot(PATH, own[0])
    sim.world.set_state(PATH, own[1], "Error")
    checked = check_volume(seen, volume_id, caller=Caller.BUTTON)
    assert checked.written is not None
    assert (checked.written.added, checked.written.changed, checked.written.left_out) == (1, 1, 0)
    assert row(seen, own[0]).missing_since is None
    assert row(seen, new["id"]).volume_id == volume_id
    assert sim.requests[-1].target == f"/v1/services/{PATH}/snapshots?volume_id={volume_id}"
    assert stamps(seen) == before


def test_rows_of_other_volumes_in_a_volumes_list_are_ignored(seen: Environment, sim: Simulator) -> None:
    foreign = str(uuid4())
    sim.fault(path="/snapshots", set_fields={"volumeId": foreign})
    checked = check_volume(seen, str(sim.world.volumes(PATH)[0]["id"]), caller=Caller.BUTTON)
    assert checked.found is False
    assert not Snapshot.objects.filter(volume_id=foreign).exists()


def test_an_unknown_volume_has_no_snapshots(seen: Environment) -> None:
    checked = check_volume(seen, str(uuid4()), caller=Caller.BUTTON)
    assert (checked.found, checked.fault) == (False, None)


def test_404_of_a_volumes_list_is_a_fault(seen: Environment, sim: Simulator) -> None:
    sim.fault(path="/snapshots", status=404)
    checked = check_volume(seen, str(uuid4()), caller=Caller.BUTTON)
    assert checked.fault is not None
    assert checked.fault.kind == "not_found"


@pytest.mark.both_databases
def test_a_held_lease_denies_a_check(seen: Environment, sim: Simulator) -> None:
    held = claim(seen, caller=Caller.COMMAND)
    assert isinstance(held, Claim)
    sim.clear()
    checked = ask(seen, ids(sim)[0])
    assert (checked.denied and checked.denied.why, sim.calls()) == (Why.HELD, 0)
    release(held)
    assert ask(seen, ids(sim)[0]).found


def test_a_check_of_a_removed_environment_is_a_fault(seen: Environment, sim: Simulator) -> None:
    Environment.objects.filter(pk=seen.pk).delete()
    checked = ask(seen, ids(sim)[0])
    assert checked.fault is not None
    assert checked.fault.kind == "removed"


def test_without_a_key_nothing_is_asked(seen: Environment, sim: Simulator, key: ApiKey) -> None:
    key.delete()
    sim.clear()
    checked = ask(seen, ids(sim)[0])
    assert (checked.denied and checked.denied.why, sim.calls()) == (Why.NO_KEY, 0)
