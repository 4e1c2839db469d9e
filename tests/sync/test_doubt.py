"""Lists that lost too much: nothing of them is believed until two further ones agree, ten minutes apart each."""

from datetime import timedelta

import pytest
from time_machine import Traveller

from snapshots.models import Environment, Snapshot
from snapshots.simulator.server import Simulator
from tests.sync.steps import MINUTE, PATH, backed_up, gone_events, history, ids, refreshed, row, usable_ids

LOSSES: list[dict[str, object]] = [{"empty_list": True}, {"shrink": 0.6}]


def listed(environment: Environment) -> int:
    return Snapshot.objects.filter(environment=environment, listed=True).count()


@pytest.mark.parametrize("loss", LOSSES)
def test_two_further_lists_ten_minutes_apart_bury(
    seen: Environment, sim: Simulator, clock: Traveller, loss: dict[str, object]
) -> None:
    sim.fault(path="/snapshots", **loss)
    sim.fault(path="/snapshots/[^/]+", status=404)
    left: list[int] = []
    for minutes in (0, 5, 5, 9, 1):
        clock.shift(minutes * MINUTE)
        assert refreshed(seen).doubted is (len(left) < 4)
        left.append(listed(seen))
    lost = 24 if "empty_list" in loss else 14
    assert left == [24, 24, 24, 24, 24 - lost]
    assert seen.suspect_since is None
    assert gone_events(seen) == lost
    assert Snapshot.objects.count() == 24


@pytest.mark.parametrize("loss", LOSSES)
def test_what_a_doubted_list_left_out_is_not_usable_but_still_listed(
    seen: Environment, sim: Simulator, loss: dict[str, object]
) -> None:
    sim.fault(path="/snapshots", **loss)
    written = refreshed(seen)
    assert (written.doubted, written.missing, written.left_out) == (True, 0, seen.suspect_gone)
    kept = set() if "empty_list" in loss else set(ids(sim)[:10])
    assert usable_ids(seen) == backed_up(sim) & kept
    assert (seen.suspect_since, seen.suspect_listed) == (sim.world.clock(), 24)


def test_a_normal_list_in_between_ends_the_doubt(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    sim.fault(path="/snapshots", empty_list=True, times=1)
    refreshed(seen)
    clock.shift(MINUTE)
    written = refreshed(seen)
    assert (written.returned, written.missing, written.doubted) == (24, 0, False)
    assert seen.suspect_since is None
    assert usable_ids(seen) == backed_up(sim)


def test_a_doubt_that_ended_starts_from_nothing_the_next_time(
    seen: Environment, sim: Simulator, clock: Traveller
) -> None:
    for times in (2, 2):
        sim.fault(path="/snapshots", empty_list=True, times=times)
        for _ in range(times):
            refreshed(seen)
            clock.shift(11 * MINUTE)
        refreshed(seen)
        clock.shift(11 * MINUTE)
    assert (listed(seen), gone_events(seen)) == (24, 0)


def test_only_rows_marked_when_the_doubt_began_are_buried(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    later = ids(sim)[0]
    sim.fault(path="/snapshots", shrink=0.6)
    refreshed(seen)
    clock.shift(11 * MINUTE)
    sim.world.remove_snapshot(PATH, later)
    sim.clear_faults()
    sim.fault(path="/snapshots", shrink=0.6)
    sim.fault(path="/snapshots/[^/]+", status=404)
    for _ in range(2):
        refreshed(seen)
        clock.shift(10 * MINUTE)
    assert row(seen, later).is_candidate
    assert listed(seen) == 24 - 14
    refreshed(seen)
    assert not row(seen, later).listed


def test_incomplete_lists_neither_agree_nor_end_the_doubt(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    sim.fault(path="/snapshots", empty_list=True, times=1)
    refreshed(seen)
    since = seen.suspect_since
    sim.fault(path="/snapshots", empty_list=True, record_count=3)
    for _ in range(3):
        clock.shift(11 * MINUTE)
        refreshed(seen)
    assert (seen.suspect_since, seen.suspect_checks, listed(seen)) == (since, 0, 24)


def test_another_accounts_list_buries_nothing_at_once(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    own = set(ids(sim))
    for snapshot_id in own:
        sim.world.remove_snapshot(PATH, snapshot_id)
    for _ in range(30):
        sim.world.add_snapshot(PATH)
    for _ in range(3):
        written = refreshed(seen)
        clock.shift(MINUTE)
        assert (written.missing, written.doubted) == (0, True)
    assert listed(seen) == 24 + 30
    assert not own & usable_ids(seen)


def test_a_doubted_list_dates_nothing(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    believed = seen.listed_at
    sim.fault(path="/snapshots", empty_list=True)
    refreshed(seen)
    named = sim.world.add_snapshot(PATH, name="in-the-dark")
    default = sim.world.add_snapshot(PATH)
    taken = sim.world.clock()
    clock.shift(30 * MINUTE)
    refreshed(seen)
    sim.clear_faults()
    clock.shift(MINUTE)
    refreshed(seen)
    assert row(seen, named["id"]).taken_after == believed
    assert (row(seen, default["id"]).taken_source, row(seen, default["id"]).taken_before) == ("name", taken)


def test_an_empty_environment_may_stay_empty(environment: Environment, sim: Simulator, clock: Traveller) -> None:
    sim.fault(path="/snapshots", empty_list=True)
    for _ in range(2):
        written = refreshed(environment)
        clock.shift(MINUTE)
        assert (written.total, written.doubted) == (0, False)


def test_the_last_snapshot_of_an_environment_goes_with_doubt(
    environment: Environment, sim: Simulator, clock: Traveller
) -> None:
    only = ids(sim)[0]
    for snapshot_id in ids(sim)[1:]:
        sim.world.remove_snapshot(PATH, snapshot_id)
    refreshed(environment)
    sim.world.remove_snapshot(PATH, only)
    for _ in range(3):
        clock.shift(10 * MINUTE)
        refreshed(environment)
    assert not row(environment, only).listed
    assert history(environment, only) == [("vanished", "BackingUp", "")]


def test_what_new_ones_replaced_is_no_loss(environment: Environment, sim: Simulator, clock: Traveller) -> None:
    volumes = [str(each["id"]) for each in sim.world.volumes(PATH)]

    def day_of_runs() -> list[str]:
        begun = [sim.world.clock() - timedelta(hours=hours) for hours in range(24, 0, -1)]
        added = [
            sim.world.add_snapshot(PATH, interval_type="HOURLY", volume_id=volume_id, created=at)
            for at in begun
            for volume_id in volumes
        ]
        return [str(each["id"]) for each in added]

    old = day_of_runs()
    refreshed(environment)
    clock.shift(timedelta(days=3))
    new = day_of_runs()
    for each in old:
        sim.world.remove_snapshot(PATH, each)
    assert not refreshed(environment).doubted
    clock.shift(MINUTE)
    assert refreshed(environment).missing == len(old)
    assert set(new) <= usable_ids(environment)
