"""The world at rest: its numbers, its mix, its quirks, and what a test may change."""

from collections import Counter
from uuid import uuid4

import pytest
import requests

from snapshots.simulator.environment import UnknownThing
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.loops import in_turn
from tests.proof import first
from tests.simulator.conftest import AREA, EXAMPLE_ID, EXAMPLE_VOLUME, KEY, LIST, Clock, Get

VOLUME_FIELDS = {"volumeId", "volume", "volumeType"}


def body_of(world: World, code: str = AREA) -> bytes:
    with world.environment(code) as environment:
        return environment.snapshots_body()


@pytest.mark.parametrize("speed", [0.0, 60.0])
def test_same_seed_and_clock_give_the_same_bytes(clock: Clock, speed: float) -> None:
    worlds = [World(seed=7, clock=clock, speed=speed) for _ in range(2)]
    clock.pass_by(60)
    body_of(worlds[0])  # one is looked at on the way, the other is not
    clock.pass_by(60)
    assert body_of(worlds[0]) == body_of(worlds[1])
    assert worlds[0].volumes(AREA) == worlds[1].volumes(AREA)


def test_another_seed_gives_another_world(clock: Clock) -> None:
    assert body_of(World(seed=1, clock=clock)) != body_of(World(seed=2, clock=clock))


def test_started_again_later_it_is_the_same_world_an_hour_older(clock: Clock) -> None:
    before = {row["id"]: row["name"] for row in World(clock=clock).snapshots(AREA)}
    clock.pass_by(3600)
    after = {row["id"]: row["name"] for row in World(clock=clock).snapshots(AREA)}
    both = before.keys() & after.keys()
    assert len(before) > len(both) > len(before) - 10
    assert [before[id] for id in both] == [after[id] for id in both]


@in_turn(("volumes", "snapshots"), [(0, 0), (0, 5), (1, 1), (3, 7), (12, 200), (40, 1000)])
def test_exactly_so_many(volumes: int, snapshots: int) -> None:
    world = World(volumes=volumes, snapshots=snapshots)
    for code in world.environments:
        assert len({row["id"] for row in world.snapshots(code)}) == snapshots
        assert len(world.volumes(code)) == volumes


@pytest.mark.parametrize("seed", first(3, range(20)))
def test_the_mix_of_states(seed: int) -> None:
    states = Counter(row["state"] for row in World(seed=seed).snapshots(AREA))
    assert states["BackedUp"] > 180
    assert 1 <= states["Error"] <= 15
    assert (states["BackingUp"], states["Creating"], states["Destroying"]) == (1, 1, 1)


def test_the_mix_of_schedules_and_names() -> None:
    rows = World().snapshots(AREA)
    assert {row["intervalType"] for row in rows} == {"MANUAL", "HOURLY", "DAILY", "WEEKLY", "MONTHLY"}
    names = [str(row["name"]) for row in rows]
    assert any(name.startswith("detached_") for name in names)
    assert any(not name[-14:].isdigit() for name in names)


def test_a_few_have_a_deleted_volume_and_a_few_have_none() -> None:
    world = World()
    known = {row["id"] for row in world.volumes(AREA)}
    rows = world.snapshots(AREA)
    orphans = [row for row in rows if row.get("volumeId", EXAMPLE_VOLUME) not in known]
    assert 0 < len(orphans) < 10
    assert all(row["volume"] for row in orphans)
    assert 0 < sum(not VOLUME_FIELDS & row.keys() for row in rows) < 10


@in_turn(("volume_type", "shown"), [("echo", "ROOT-35545"), ("kind", "ROOT")])
def test_volume_type_echoes_the_name_or_tells_the_kind(volume_type: str, shown: str) -> None:
    row = World(volume_type=volume_type).add_snapshot(AREA)
    assert (row["volume"], row["volumeType"]) == ("ROOT-35545", shown)


def test_an_added_snapshot_comes_first_under_its_default_name(sim: Simulator, get: Get) -> None:
    added = sim.world.add_snapshot(AREA)
    assert added["name"] == "web-01_ROOT-35545_20261124090000"
    assert get(LIST).json()["data"][0] == added


def test_added_as_told(sim: Simulator) -> None:
    id = str(uuid4())
    row = sim.world.add_snapshot(AREA, id=id, name="n", state="Odd", interval_type="DAILY", volume_id="", rapid=True)
    assert row == {"id": id, "name": "n", "state": "Odd", "intervalType": "DAILY", "rapid": True}
    assert sim.world.snapshots(AREA)[0] == row
    with pytest.raises(ValueError, match="already"):
        sim.world.add_snapshot(AREA, id=id)


def test_removed_it_is_gone(sim: Simulator, get: Get) -> None:
    sim.world.remove_snapshot(AREA, EXAMPLE_ID)
    assert EXAMPLE_ID not in get(LIST).text
    assert get(f"{LIST}/{EXAMPLE_ID}").status_code == 404


def test_renamed_volume_shows_on_its_snapshots_but_not_in_their_names(sim: Simulator) -> None:
    sim.world.rename(AREA, EXAMPLE_VOLUME, "system")
    row = next(row for row in sim.world.snapshots(AREA) if row["id"] == EXAMPLE_ID)
    assert (row["volume"], row["volumeType"]) == ("system", "system")
    assert row["name"] == "i-douglas-ADM_foo_20161116211009"


def test_renamed_snapshot(sim: Simulator, get: Get) -> None:
    sim.world.rename(AREA, EXAMPLE_ID, "golden")
    assert get(f"{LIST}/{EXAMPLE_ID}").json()["data"]["name"] == "golden"


def test_removed_volume_keeps_its_name_on_snapshots(sim: Simulator, get: Get) -> None:
    sim.world.remove_volume(AREA, EXAMPLE_VOLUME)
    assert get(f"/services/{AREA}/volumes/{EXAMPLE_VOLUME}").status_code == 404
    assert get(f"{LIST}/{EXAMPLE_ID}").json()["data"]["volume"] == "ROOT-35545"


def test_a_volume_is_busy_while_its_snapshot_is_made(sim: Simulator, get: Get) -> None:
    volume = sim.world.add_volume(AREA, name="mine", instance_name="web-09")
    made = sim.world.add_snapshot(AREA, volume_id=str(volume["id"]), state="CreatedOnPrimary")
    path = f"/services/{AREA}/volumes/{volume['id']}"
    assert get(path).json()["data"]["state"] == "Snapshotting"
    sim.world.set_state(AREA, str(made["id"]), "Error")
    assert get(path).json()["data"]["state"] == "Ready"


def test_unknown_things_say_so(sim: Simulator) -> None:
    with pytest.raises(UnknownThing, match="There is no environment a/b"):
        sim.world.snapshots("a/b")
    with pytest.raises(UnknownThing, match="There is no snapshot x in compute-on/test_area"):
        sim.world.remove_snapshot(AREA, "x")
    with pytest.raises(UnknownThing, match="There is no volume x in compute-on/test_area"):
        sim.world.remove_volume(AREA, "x")


@pytest.mark.parametrize("many", [2_000, pytest.param(100_000, marks=pytest.mark.proof)])
def test_many_are_served(clock: Clock, many: int) -> None:
    world = World(environments=[AREA], volumes=many // 50, snapshots=many, clock=clock)
    with Simulator(world, keys={KEY: None}) as sim:
        body = requests.get(sim.url + LIST, headers={"MC-Api-Key": KEY}, timeout=60).json()
    assert body["metadata"] == {"recordCount": many}
    assert len({row["id"] for row in body["data"]}) == many


def test_the_body_is_kept_until_something_changes() -> None:
    world = World()
    first = body_of(world)
    assert body_of(world) is first
    world.set_state(AREA, EXAMPLE_ID, "Copying")
    assert (first.count(b"Copying"), body_of(world).count(b"Copying")) == (0, 1)
    world.remove_snapshot(AREA, EXAMPLE_ID)
    assert b'"recordCount":199}' in body_of(world)
