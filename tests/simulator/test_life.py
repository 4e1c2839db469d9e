"""The moving world: everything that can happen is seen within two minutes, and every step is a legal one."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from snapshots.simulator.environment import IllegalTransition, check_transition
from snapshots.simulator.world import World
from tests.proof import first
from tests.simulator.conftest import START, Clock

ENVIRONMENTS = ("compute-on/test_area", "compute-qc/prod", "compute-qc/dev")
LEGAL = {
    "Allocated": {"Creating"},
    "Creating": {"CreatedOnPrimary", "BackedUp", "Error"},
    "CreatedOnPrimary": {"BackingUp", "BackedUp"},
    "BackingUp": {"BackedUp", "Error"},
    "BackedUp": {"Destroying", "Copying", "BackingUp"},
    "Copying": {"BackedUp"},
    "Destroying": {"gone", "BackedUp"},
    "Error": {"gone"},
}
UNDER_WAY = {"Allocated", "Creating", "CreatedOnPrimary", "BackingUp"}

Watched = dict[str, dict[str, object]]


def watch(
    world: World, clock: Clock, code: str, *, seconds: int, step: float = 1.0
) -> Iterator[tuple[Watched, Watched]]:
    """Yield each state of an environment with the one before."""
    before = {str(row["id"]): row for row in world.snapshots(code)}
    for _ in range(int(seconds / step)):
        clock.pass_by(step)
        now = {str(row["id"]): row for row in world.snapshots(code)}
        yield before, now
        before = now


def happenings(before: Watched, now: Watched) -> set[str]:
    """Name the differences between two states."""
    steps = {f"{before[id]['state']} > {now[id]['state']}" for id in before.keys() & now.keys()}
    vanished = {f"{before[id]['state']} > gone" for id in before.keys() - now.keys()}
    appeared = {
        "by hand" if now[id]["intervalType"] == "MANUAL" else "by schedule" for id in now.keys() - before.keys()
    }
    return steps | vanished | appeared


EXPECTED = {
    "by hand",
    "by schedule",
    "Allocated > Creating",
    "Creating > CreatedOnPrimary",
    "CreatedOnPrimary > BackingUp",
    "BackingUp > BackedUp",
    "BackingUp > Error",
    "BackedUp > Destroying",
    "Destroying > gone",
}


@pytest.mark.parametrize("seed", first(3, range(5)))
@pytest.mark.parametrize("code", ENVIRONMENTS)
@pytest.mark.parametrize(("volumes", "snapshots"), [(12, 200), (1, 0), (3, 10)])
def test_everything_is_seen_in_two_minutes(clock: Clock, seed: int, code: str, volumes: int, snapshots: int) -> None:
    world = World(seed=seed, environments=[code], volumes=volumes, snapshots=snapshots, clock=clock, speed=60)
    seen: set[str] = set()
    for before, now in watch(world, clock, code, seconds=120):
        seen |= happenings(before, now)
    assert not EXPECTED - seen


@pytest.mark.parametrize("code", ENVIRONMENTS)
def test_volumes_get_busy_and_free_and_renamed_in_two_minutes(clock: Clock, code: str) -> None:
    world = World(environments=[code], clock=clock, speed=60)
    names = {row["id"]: row["name"] for row in world.volumes(code)}
    states: dict[object, list[object]] = {id: [] for id in names}
    for _ in range(120):
        clock.pass_by(1)
        for row in world.volumes(code):
            states[row["id"]].append(row["state"])
    assert any(
        _goes(seen, "Ready", "Snapshotting") and _goes(seen, "Snapshotting", "Ready") for seen in states.values()
    )
    assert sum(names[row["id"]] != row["name"] for row in world.volumes(code)) >= 1


def _goes(seen: list[object], old: str, new: str) -> bool:
    return (old, new) in pairwise(seen)


def test_every_step_of_a_long_walk_is_legal(clock: Clock) -> None:
    world = World(environments=["a/b"], clock=clock, speed=60)
    taken: set[str] = set()
    for before, now in watch(world, clock, "a/b", seconds=1800):
        for id in before:
            old, new = str(before[id]["state"]), str(now[id]["state"]) if id in now else "gone"
            assert old == new or new in LEGAL[old], f"{old} > {new}"
            taken.add(f"{old} > {new}")
        assert all(now[id]["state"] == "Allocated" for id in now.keys() - before.keys())
    assert len(taken) > 10


def test_a_volume_never_has_two_under_way(clock: Clock) -> None:
    world = World(environments=["a/b"], volumes=1, snapshots=0, clock=clock, speed=60)
    busiest = 0
    for _, now in watch(world, clock, "a/b", seconds=1800):
        under_way = sum(row["state"] in UNDER_WAY for row in now.values())
        busiest = max(busiest, under_way)
    assert busiest == 1


def test_an_illegal_step_is_refused() -> None:
    with pytest.raises(IllegalTransition, match="from Error to BackedUp"):
        check_transition("Error", "BackedUp")
    check_transition("Creating", "Error")


def test_the_world_keeps_its_size_through_two_weeks(clock: Clock) -> None:
    world = World(environments=["a/b"], clock=clock, speed=60)
    clock.pass_by(14 * 1440)
    rows = world.snapshots("a/b")
    assert 150 < len(rows) < 350
    assert sum(row["state"] in UNDER_WAY for row in rows) < 12


def test_names_follow_the_clock_not_the_life(clock: Clock) -> None:
    world = World(environments=["a/b"], clock=clock, speed=60)
    old = {row["id"] for row in world.snapshots("a/b")}
    clock.pass_by(300)
    stamps = [str(row["name"])[-14:] for row in world.snapshots("a/b") if row["id"] not in old]
    made = [stamp for stamp in stamps if stamp.isdigit()]
    assert len(made) > 5
    assert all(START.strftime("%Y%m%d%H%M%S") <= stamp <= clock().strftime("%Y%m%d%H%M%S") for stamp in made)


def test_what_somebody_else_removes_stays_removed_and_frees_its_volume(clock: Clock) -> None:
    world = World(environments=["a/b"], volumes=1, snapshots=0, clock=clock, speed=60)
    removed: set[str] = set()
    for _, now in watch(world, clock, "a/b", seconds=300):
        assert not removed & now.keys()
        for id in [id for id, row in now.items() if row["state"] == "Creating"]:
            world.remove_snapshot("a/b", id)
            removed.add(id)
    assert len(removed) > 10
    assert {row["state"] for row in world.snapshots("a/b")} <= {"Allocated"}


def test_a_state_set_by_somebody_else_stays(clock: Clock) -> None:
    world = World(environments=["a/b"], clock=clock, speed=60)
    under_way = next(str(row["id"]) for row in world.snapshots("a/b") if row["state"] == "Creating")
    world.set_state("a/b", under_way, "Frozen")
    clock.pass_by(30)
    assert {str(row["id"]): row["state"] for row in world.snapshots("a/b")}[under_way] == "Frozen"


def test_at_rest_nothing_happens(clock: Clock) -> None:
    world = World(environments=["a/b"], clock=clock)
    before = world.snapshots("a/b")
    clock.pass_by(10 * 86400)
    assert world.snapshots("a/b") == before
    assert world.age == 0
