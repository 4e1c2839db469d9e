"""When a volume is gone, when it is not, and how the optional endpoint is asked."""

from datetime import timedelta

import pytest
from django.utils import timezone
from time_machine import Traveller

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey
from snapshots.models import Environment, Volume
from snapshots.simulator.server import Simulator
from tests.sync.conftest import clock, environment, key, seen, sim
from tests.sync.steps import KEY, MINUTE, PATH, refresh, refreshed

__all__ = ["clock", "environment", "key", "seen", "sim"]
pytestmark = pytest.mark.django_db
QUARTER = 15 * MINUTE
LISTS = r"/volumes$"
ONE = r"/volumes/[^/]+$"


def first_id(sim: Simulator) -> str:
    return str(sim.world.volumes(PATH)[0]["id"])


def stored(environment: Environment, volume_id: str) -> Volume:
    return Volume.objects.get(environment=environment, volume_id=volume_id)


def pass_quarters(number: int, environment: Environment, clock: Traveller) -> None:
    for _ in range(number):
        clock.shift(QUARTER)
        refreshed(environment)


def calls(sim: Simulator) -> tuple[int, int]:
    """How often the list of volumes was asked for, and how often single ones."""
    paths = [request.path for request in sim.requests]
    return sum(path.endswith("/volumes") for path in paths), sum("/volumes/" in path for path in paths)


def test_gone_after_two_lists_and_its_own_404(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    volume_id = first_id(sim)
    sim.world.remove_volume(PATH, volume_id)
    pass_quarters(1, seen, clock)
    assert (stored(seen, volume_id).deleted_at, calls(sim)[1]) == (None, 0)
    generation = seen.generation
    pass_quarters(1, seen, clock)
    gone = stored(seen, volume_id)
    assert (gone.deleted_at, gone.listed, calls(sim)[1]) == (timezone.now(), False, 1)
    assert gone.snapshot_count > 0
    assert seen.generation > generation
    pass_quarters(2, seen, clock)
    assert calls(sim)[1] == 1


def test_a_volume_that_answers_is_not_gone_however_many_lists_leave_it_out(
    seen: Environment, sim: Simulator, clock: Traveller
) -> None:
    sim.fault(path=LISTS, shrink=0.25)
    pass_quarters(2, seen, clock)
    assert calls(sim)[1] == 1
    assert Volume.objects.filter(environment=seen, listed=True, missing_since=None, deleted_at=None).count() == 4
    pass_quarters(3, seen, clock)
    assert not Volume.objects.filter(environment=seen, deleted_at__isnull=False).exists()


def test_an_empty_list_over_volumes_that_answer_buries_none(
    seen: Environment, sim: Simulator, clock: Traveller
) -> None:
    sim.fault(path=LISTS, empty_list=True)
    pass_quarters(5, seen, clock)
    assert calls(sim)[1] > 0
    assert not Volume.objects.filter(environment=seen, deleted_at__isnull=False).exists()


def test_all_at_once_are_gone_after_three_lists_though_each_answers_404(
    seen: Environment, sim: Simulator, clock: Traveller
) -> None:
    for row in sim.world.volumes(PATH):
        sim.world.remove_volume(PATH, str(row["id"]))
    gone = []
    for _ in range(3):
        pass_quarters(1, seen, clock)
        gone.append(Volume.objects.filter(environment=seen, deleted_at__isnull=False).count())
    assert gone == [0, 0, 4]
    assert calls(sim)[1] >= 8


@pytest.mark.few(2)
@pytest.mark.parametrize("fault", [{"status": 500}, {"refuse": 403}, {"html": True}, {"reset": True}])
def test_a_retrieve_that_tells_nothing_buries_nothing(
    seen: Environment, sim: Simulator, clock: Traveller, fault: dict[str, object]
) -> None:
    volume_id = first_id(sim)
    sim.world.remove_volume(PATH, volume_id)
    sim.fault(path=ONE, **fault)
    pass_quarters(3, seen, clock)
    assert (stored(seen, volume_id).deleted_at, seen.volumes_fault, seen.fault_kind) == (None, "", "")
    sim.clear_faults()
    pass_quarters(1, seen, clock)
    assert stored(seen, volume_id).deleted_at == timezone.now()


def test_a_volume_that_is_listed_again_is_not_gone(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    row = sim.world.volumes(PATH)[0]
    volume_id = str(row["id"])
    sim.world.remove_volume(PATH, volume_id)
    pass_quarters(2, seen, clock)
    assert stored(seen, volume_id).deleted_at is not None
    sim.world.add_volume(PATH, id=volume_id, name="again")
    pass_quarters(1, seen, clock)
    assert (stored(seen, volume_id).deleted_at, stored(seen, volume_id).listed) == (None, True)


def test_the_same_name_again_is_another_volume(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    row = sim.world.volumes(PATH)[0]
    sim.world.remove_volume(PATH, str(row["id"]))
    sim.world.add_volume(PATH, name=str(row["name"]))
    pass_quarters(2, seen, clock)
    same = Volume.objects.filter(environment=seen, name=row["name"])
    assert {volume.deleted_at is not None: volume.volume_id == row["id"] for volume in same} == {
        True: True,
        False: False,
    }


def test_what_was_said_to_be_deleted_lives_when_a_new_snapshot_of_it_appears(
    environment: Environment, sim: Simulator, clock: Traveller
) -> None:
    sim.fault(path=LISTS, refuse=403)
    refreshed(environment)
    volume_id = first_id(sim)
    Volume.objects.filter(volume_id=volume_id).update(deleted_at=timezone.now())
    clock.shift(MINUTE)
    sim.world.add_snapshot(PATH, volume_id="")
    refreshed(environment)
    assert stored(environment, volume_id).deleted_at is not None
    sim.world.add_snapshot(PATH, volume_id=volume_id)
    clock.shift(MINUTE)
    refreshed(environment)
    assert stored(environment, volume_id).deleted_at is None


# --- the endpoint's own next try


def waits(environment: Environment, sim: Simulator, clock: Traveller, hours: int) -> list[int]:
    """How many minutes lay between the endpoint's calls while hours pass, a refresh each quarter."""
    asked, found = [], calls(sim)[0]
    for quarter in range(hours * 4):
        clock.shift(QUARTER)
        refresh(environment)
        if calls(sim)[0] > found:
            found = calls(sim)[0]
            asked.append(15 * (quarter + 1))
    return [later - earlier for earlier, later in zip([0, *asked], asked, strict=False)]


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [({"status": 500}, [15, 30, 60, 60]), ({"refuse": 403}, [15, 30, 60, 120]), ({"status": 404}, [15, 30, 60, 120])],
)
def test_it_backs_off_by_itself(
    environment: Environment, sim: Simulator, clock: Traveller, fault: dict[str, object], expected: list[int]
) -> None:
    sim.fault(path=LISTS, **fault)
    refresh(environment)
    assert waits(environment, sim, clock, 4)[:4] == expected
    assert (environment.fault_kind, environment.listed_at) == ("", timezone.now())
    assert environment.knows_volumes == ("status" in fault and fault["status"] == 500)


def test_it_waits_as_long_as_it_is_told_and_the_snapshots_do_not(
    environment: Environment, sim: Simulator, clock: Traveller
) -> None:
    sim.fault(path=LISTS, status=429, headers={"Retry-After": "900"}, times=1)
    refresh(environment)
    told = timezone.now()
    assert environment.volumes_next_try_at == told + timedelta(minutes=15)
    clock.shift(MINUTE)
    refreshed(environment)
    assert environment.listed_at == timezone.now()


def test_another_key_is_tried_at_once(environment: Environment, sim: Simulator, clock: Traveller) -> None:
    sim.fault(path=LISTS, refuse=403, times=3)
    for _ in range(2):
        refresh(environment)
        clock.shift(QUARTER)
    assert not environment.knows_volumes
    clock.shift(MINUTE)
    before = calls(sim)[0]
    ApiKey.replace(environment.team, Secret(KEY))
    refreshed(environment)
    assert calls(sim)[0] == before + 1


def test_it_answers_again_and_all_is_known(environment: Environment, sim: Simulator, clock: Traveller) -> None:
    sim.fault(path=LISTS, refuse=403, times=2)
    refresh(environment)
    waits(environment, sim, clock, 1)
    assert (environment.volumes_fault, environment.volumes_fault_count) == ("", 0)
    assert environment.knows_volumes
    assert Volume.objects.filter(environment=environment, from_endpoint=True).count() == 4
