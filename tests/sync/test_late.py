"""A late refresh, with an old key or of a removed environment, writes nothing.

A refresh of two environments asks for both before it writes the first: what happens between the two outcomes happens
while the second answer is on its way.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from time_machine import Traveller

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey
from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.models import Environment, Snapshot, Volume
from snapshots.simulator.server import Simulator
from snapshots.sync import leases, refresh
from snapshots.sync.leases import Caller, Claim, Late
from snapshots.sync.store_snapshots import store_absence, store_listing, store_rows
from tests.sync.steps import KEY, MINUTE, OTHER_PATH, denied, failed, ids, refreshed
from tests.waiting import until

LIST = "/snapshots"
EMPTY: Listing[SnapshotRecord] = Listing((), 0, 0, 0, 0, 0, body_hash="")


def rows(environment: Environment) -> list[dict[str, Any]]:
    return [dict(each) for each in Snapshot.objects.filter(environment=environment).order_by("pk").values()]


def kind(outcome: refresh.Outcome) -> str:
    assert outcome.fault is not None
    return outcome.fault.kind


def under_way(first: Environment, second: Environment, sim: Simulator, **fault: object) -> Iterator[refresh.Outcome]:
    """Refresh both. The first is written; the second has been asked for, and its answer is not looked at yet."""
    sim.fault(path=LIST, environment=OTHER_PATH, slow=0.3, times=1, **fault)
    outcomes = refresh.refresh([first, second], caller=Caller.COMMAND)
    assert next(outcomes).environment == first
    until(lambda: bool(sim.calls(f"{OTHER_PATH}{LIST}")), what="the second environment to be asked for")
    return outcomes


@pytest.mark.both_databases
def test_the_fence_refuses_whoever_lost_the_lease(
    seen: Environment, other: Environment, sim: Simulator, clock: Traveller
) -> None:
    outcomes = under_way(seen, other, sim)
    clock.shift(46)
    refreshed(other)
    sim.world.remove_snapshot(OTHER_PATH, ids(sim, OTHER_PATH)[0])
    before, stored = rows(other), Environment.objects.filter(pk=other.pk).values()[0]
    assert kind(next(outcomes)) == "late"
    assert rows(other) == before
    assert Environment.objects.filter(pk=other.pk).values()[0] == stored


@pytest.mark.both_databases
def test_a_late_fault_is_not_recorded_either(
    seen: Environment, other: Environment, sim: Simulator, clock: Traveller
) -> None:
    outcomes = under_way(seen, other, sim, refuse=403)
    clock.shift(46)
    refreshed(other)
    assert kind(next(outcomes)) == "late"
    other.refresh_from_db()
    assert not other.fault_kind


@pytest.mark.both_databases
def test_a_late_holder_does_not_end_the_lease_of_the_next(
    seen: Environment, other: Environment, sim: Simulator, clock: Traveller
) -> None:
    outcomes = under_way(seen, other, sim)
    clock.shift(46)
    assert isinstance(leases.claim(other, caller=Caller.COMMAND), Claim)
    assert kind(next(outcomes)) == "late"
    assert denied(other) is leases.Why.HELD


@pytest.mark.both_databases
def test_a_new_key_throws_the_old_keys_answer_away_and_may_call_at_once(
    seen: Environment, other: Environment, sim: Simulator, clock: Traveller
) -> None:
    outcomes = under_way(seen, other, sim)
    ApiKey.replace(other.team, Secret(KEY))
    assert kind(next(outcomes)) == "late"
    assert (rows(other), Volume.objects.filter(environment=other).count()) == ([], 0)
    clock.shift(10)
    assert refreshed(other).added == 24


@pytest.mark.both_databases(proof=True)
def test_a_key_that_was_removed_and_made_again_is_another_one(
    seen: Environment, other: Environment, sim: Simulator, key: ApiKey
) -> None:
    outcomes = under_way(seen, other, sim)
    key.delete()
    ApiKey.replace(other.team, Secret(KEY))
    assert kind(next(outcomes)) == "late"
    assert rows(other) == []


@pytest.mark.both_databases
def test_the_answer_for_a_removed_environment_is_thrown_away(
    seen: Environment, other: Environment, sim: Simulator
) -> None:
    outcomes = under_way(seen, other, sim)
    gone = other.pk
    other.delete()
    assert kind(next(outcomes)) == "removed"
    assert not Snapshot.objects.filter(environment_id=gone).exists()


@pytest.mark.both_databases(proof=True)
def test_an_environment_that_is_gone_before_its_turn_stops_no_other(seen: Environment, other: Environment) -> None:
    Environment.objects.filter(pk=other.pk).delete()
    first, second = refresh.refresh([other, seen], caller=Caller.COMMAND)
    assert kind(first) == "removed"
    assert second.written is not None


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "write",
    [
        lambda held, at: store_listing(held, EMPTY, received_at=at),
        lambda held, at: store_rows(held, [], received_at=at),
        lambda held, at: store_absence(held, rows(held.environment)[0]["snapshot_id"], received_at=at),
        lambda held, at: leases.record_fault(held, kind="refused", sentence="No.", status=403, retry_after=None),
    ],
)
def test_every_write_asks_the_fence(seen: Environment, clock: Traveller, write: Any) -> None:
    held = leases.claim(seen, caller=Caller.COMMAND)
    clock.shift(MINUTE)
    refreshed(seen)
    before = rows(seen), Environment.objects.filter(pk=seen.pk).values()[0]
    with pytest.raises(Late):
        write(held, before[1]["listed_at"])
    assert (rows(seen), Environment.objects.filter(pk=seen.pk).values()[0]) == before


@pytest.mark.both_databases
def test_a_lease_ends_after_45_seconds(seen: Environment, clock: Traveller) -> None:
    leases.claim(seen, caller=Caller.COMMAND)
    clock.shift(44)
    assert denied(seen, Caller.FORCE) is leases.Why.HELD
    clock.shift(1)
    refreshed(seen, Caller.FORCE)


@pytest.mark.both_databases
@pytest.mark.parametrize(("seconds_behind", "is_held"), [(0.001, True), (59, True), (61, False)])
def test_a_lease_binds_a_machine_whose_clock_is_a_little_behind(
    seen: Environment, clock: Traveller, seconds_behind: float, is_held: bool
) -> None:
    leases.claim(seen, caller=Caller.COMMAND)
    clock.shift(-seconds_behind)
    claimed = leases.claim(Environment.objects.get(pk=seen.pk), caller=Caller.FORCE)
    assert isinstance(claimed, leases.Denied) is is_held


@pytest.mark.both_databases(proof=True)
def test_a_fault_gives_the_lease_back(seen: Environment, sim: Simulator) -> None:
    sim.fault(path=LIST, status=418, times=1)
    failed(seen)
    assert seen.lease_until is None
    refreshed(seen, Caller.FORCE)
