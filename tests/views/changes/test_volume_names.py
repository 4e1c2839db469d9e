"""A volume that is renamed while the volumes endpoint is listed too: told once, by whichever list has it first."""

import pytest
import time_machine

from snapshots.models import Change, Environment, Volume
from snapshots.simulator.server import Simulator
from tests.sync.conftest import clock, environment, key, seen, sim
from tests.sync.steps import MINUTE, PATH, refreshed

__all__ = ["clock", "environment", "key", "seen", "sim"]
pytestmark = pytest.mark.django_db
VOLUMES = "/volumes"
QUARTER = 15 * MINUTE


def renamed() -> list[tuple[str, str]]:
    return list(Change.objects.filter(kind="volume_renamed").order_by("pk").values_list("before", "after"))


@pytest.fixture
def volume(seen: Environment) -> Volume:
    """A volume that both lists know."""
    return Volume.objects.filter(environment=seen, from_endpoint=True, snapshot_count__gt=1).order_by("pk")[0]


def test_both_lists_tell_it_once(
    seen: Environment, sim: Simulator, clock: time_machine.Traveller, volume: Volume
) -> None:
    sim.world.rename(PATH, volume.volume_id, "db-data")
    for _ in range(3):
        clock.shift(QUARTER)
        refreshed(seen)
    assert renamed() == [(volume.name, "db-data")]
    assert Volume.objects.get(pk=volume.pk).name == "db-data"


def test_the_endpoint_alone_tells_it(
    seen: Environment, sim: Simulator, clock: time_machine.Traveller, volume: Volume
) -> None:
    for row in sim.world.snapshots(PATH):
        sim.world.remove_snapshot(PATH, str(row["id"]))
    for _ in range(4):
        clock.shift(QUARTER)
        refreshed(seen)
    sim.world.rename(PATH, volume.volume_id, "db-data")
    clock.shift(QUARTER)
    refreshed(seen)
    assert renamed() == [(volume.name, "db-data")]


def test_the_endpoints_first_word_is_no_new_name(
    environment: Environment, sim: Simulator, clock: time_machine.Traveller
) -> None:
    sim.fault(path=VOLUMES, status=500)
    refreshed(environment)
    sim.clear_faults()
    Volume.objects.filter(environment=environment).update(name="as a snapshot had it")
    clock.shift(2 * QUARTER)
    refreshed(environment)
    assert Volume.objects.filter(from_endpoint=True).exclude(name="as a snapshot had it").exists()
    assert renamed() == []
