"""Volumes: the optional endpoint beside what the snapshots tell, and numbers that equal a count."""

import random
from collections import Counter

import pytest
from time_machine import Traveller

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey
from snapshots.models import Environment, Snapshot, Volume
from snapshots.simulator.server import Simulator
from snapshots.sync import refresh as sync
from snapshots.sync import single
from snapshots.sync.leases import Caller
from tests.proof import first
from tests.sync.steps import MINUTE, PATH, backed_up, ids, refresh, refreshed, usable_ids

LIST, VOLUMES = "/snapshots", "/volumes"
FAULTS: list[dict[str, object]] = [{"empty_list": True}, {"shrink": 0.7}, {"record_count": 2}, {"status": 500}]


def volume(environment: Environment, volume_id: object) -> Volume:
    return Volume.objects.get(environment=environment, volume_id=volume_id)


@pytest.mark.parametrize("caller", [Caller.PAGE, Caller.BUTTON, Caller.ADMIN_BUTTON])
def test_no_page_asks_for_volumes(environment: Environment, sim: Simulator, caller: Caller) -> None:
    refreshed(environment, caller)
    assert (sim.calls(LIST), sim.calls(VOLUMES)) == (1, 0)


@pytest.mark.proof
def test_the_command_asks_every_fifteen_minutes(environment: Environment, sim: Simulator, clock: Traveller) -> None:
    asked = []
    for _ in range(32):
        refreshed(environment)
        asked.append(sim.calls(VOLUMES))
        clock.shift(MINUTE)
    assert asked == [1] * 15 + [2] * 15 + [3] * 2


def test_the_endpoints_fields_are_stored(environment: Environment, sim: Simulator) -> None:
    refreshed(environment)
    remote = sim.world.volumes(PATH)[0]
    stored = volume(environment, remote["id"])
    assert (stored.name, stored.kind, stored.state) == (remote["name"], remote["type"], remote["state"])
    assert (stored.instance_name, stored.size_in_gb) == (remote["instanceName"], remote["sizeInGb"])
    assert (stored.created, stored.listed, stored.from_endpoint) == (remote["creationDate"], True, True)
    assert environment.volumes_listed_at == sim.world.clock()


@pytest.mark.parametrize("fault", [{"status": 500}, {"refuse": 403}, {"html": True}, {"reset": True}])
def test_a_fault_of_the_endpoint_touches_no_snapshot(
    environment: Environment, sim: Simulator, clock: Traveller, fault: dict[str, object]
) -> None:
    sim.fault(path=VOLUMES, **fault)
    assert refreshed(environment).added == 24
    assert usable_ids(environment) == backed_up(sim)
    assert (environment.fault_kind, environment.volumes_listed_at) == ("", None)
    assert environment.volumes_fault
    before = sim.calls(VOLUMES)
    clock.shift(MINUTE)
    refreshed(environment)
    assert sim.calls(VOLUMES) == before


def test_the_fault_of_the_endpoint_is_forgotten_when_it_answers(
    environment: Environment, sim: Simulator, clock: Traveller
) -> None:
    sim.fault(path=VOLUMES, refuse=403, times=1)
    refreshed(environment)
    clock.shift(15 * MINUTE)
    refreshed(environment)
    assert (environment.volumes_fault, environment.volumes_listed_at) == ("", sim.world.clock())


def test_a_fault_of_the_list_asks_for_no_volumes(environment: Environment, sim: Simulator) -> None:
    sim.fault(path=LIST, refuse=403)
    refresh(environment)
    assert sim.calls(VOLUMES) == 0


def test_without_the_endpoint_a_volume_is_named_as_its_newest_snapshot_names_it(
    environment: Environment, sim: Simulator, clock: Traveller
) -> None:
    volume_id = str(sim.world.volumes(PATH)[0]["id"])
    refreshed(environment, Caller.PAGE)
    assert volume(environment, volume_id).name == sim.world.volumes(PATH)[0]["name"]
    sim.world.add_snapshot(PATH, volume_id=volume_id, volume="renamed-since")
    clock.shift(MINUTE)
    refreshed(environment, Caller.PAGE)
    stored = volume(environment, volume_id)
    assert (stored.name, stored.from_endpoint, stored.listed) == ("renamed-since", False, False)


def test_the_endpoints_name_goes_before_the_snapshots(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    volume_id = str(sim.world.volumes(PATH)[0]["id"])
    sim.world.add_snapshot(PATH, volume_id=volume_id, volume="told-by-a-snapshot")
    refreshed(seen)
    assert volume(seen, volume_id).name == sim.world.volumes(PATH)[0]["name"]
    sim.world.rename(PATH, volume_id, "billing-db-data")
    clock.shift(15 * MINUTE)
    refreshed(seen)
    assert volume(seen, volume_id).name == "billing-db-data"


def test_a_volume_goes_after_two_lists_and_comes_back(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    volume_id = str(sim.world.volumes(PATH)[0]["id"])
    sim.world.remove_volume(PATH, volume_id)
    lives = []
    for _ in range(2):
        clock.shift(15 * MINUTE)
        refreshed(seen)
        lives.append((volume(seen, volume_id).listed, volume(seen, volume_id).missing_since is not None))
    sim.world.add_volume(PATH, id=volume_id, name="again")
    clock.shift(15 * MINUTE)
    refreshed(seen)
    assert lives == [(True, True), (False, True)]
    assert (volume(seen, volume_id).listed, volume(seen, volume_id).missing_since) == (True, None)


def test_an_empty_volume_list_is_doubted_and_then_believed(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    for each in sim.world.volumes(PATH):
        sim.world.remove_volume(PATH, str(each["id"]))
    listed = []
    for _ in range(3):
        clock.shift(15 * MINUTE)
        refreshed(seen)
        listed.append(Volume.objects.filter(listed=True).count())
    assert listed == [4, 4, 0]
    assert usable_ids(seen) == backed_up(sim)


def test_an_incomplete_volume_list_buries_nothing(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    stamped = seen.volumes_listed_at
    sim.fault(path=VOLUMES, shrink=0.5, record_count=2)
    for _ in range(3):
        clock.shift(15 * MINUTE)
        refreshed(seen)
    assert Volume.objects.filter(listed=True, missing_since=None).count() == 4
    assert seen.volumes_listed_at == stamped


@pytest.mark.both_databases
def test_an_unchanged_volume_list_raises_no_generation(seen: Environment, clock: Traveller) -> None:
    generation = seen.generation
    clock.shift(15 * MINUTE)
    refreshed(seen)
    assert seen.generation == generation


# --- the stored numbers after any sequence


def recounted(environment: Environment) -> dict[str, object]:
    rows = list(Snapshot.objects.filter(environment=environment))
    listed = [each for each in rows if each.listed]
    return {
        "listed": len(listed),
        "gone": len(rows) - len(listed),
        "no_volume": sum(not each.volume_id for each in listed),
        "state": dict(Counter(each.state for each in listed)),
        "interval_type": dict(Counter(each.interval_type for each in listed)),
    }


def check_numbers(environment: Environment) -> None:
    environment.refresh_from_db()
    assert environment.facets == recounted(environment)
    listed = Snapshot.objects.filter(environment=environment, listed=True).exclude(volume_id="")
    stored = dict(Volume.objects.filter(environment=environment).values_list("volume_id", "snapshot_count"))
    assert {key: number for key, number in stored.items() if number} == Counter(
        listed.values_list("volume_id", flat=True)
    )


def stir(walk: random.Random, sim: Simulator) -> None:
    """Change the provider's world by one random thing."""
    world, listed = sim.world, ids(sim)
    volumes = [str(each["id"]) for each in world.volumes(PATH)]
    match walk.choice(["add", "add", "state", "remove", "rename", "volume", "lost", "fault"]):
        case "add":
            world.add_snapshot(PATH, volume_id=walk.choice(["", *volumes]), interval_type=walk.choice(["DAILY", "x"]))
        case "state" if listed:
            world.set_state(PATH, walk.choice(listed), walk.choice(["BackedUp", "Error", "Destroying", "Odd"]))
        case "remove" if listed:
            world.remove_snapshot(PATH, walk.choice(listed))
        case "rename" if listed:
            world.rename(PATH, walk.choice([*listed, *volumes]), f"name-{walk.random()}")
        case "volume":
            world.add_volume(PATH, name=f"DATA-{walk.random()}")
        case "lost" if len(volumes) > 1:
            world.remove_volume(PATH, walk.choice(volumes))
        case "fault":
            sim.fault(path=LIST, times=walk.randint(1, 3), **walk.choice(FAULTS))


def ask_someone(walk: random.Random, environment: Environment, sim: Simulator) -> None:
    """Refresh by the list, or ask for one snapshot or volume."""
    kind = walk.choice(["list", "list", "list", "snapshot", "volume"])
    known = list(Snapshot.objects.values_list("snapshot_id", flat=True))
    if kind == "list":
        list(sync.refresh([environment], caller=walk.choice([Caller.COMMAND, Caller.FORCE, Caller.BUTTON])))
    elif kind == "snapshot" and known:
        single.check_snapshot(environment, walk.choice(known), caller=Caller.BUTTON)
    else:
        single.check_volume(environment, str(sim.world.volumes(PATH)[0]["id"]), caller=Caller.BUTTON)


@pytest.mark.both_databases(proof=True)
@pytest.mark.parametrize("seed", first(1, range(3)))
def test_numbers_equal_a_recount_and_nothing_wrong_is_fresh_after_any_walk(
    environment: Environment, sim: Simulator, clock: Traveller, seed: int
) -> None:
    walk = random.Random(seed)
    for _ in range(60 if seed else 40):
        stir(walk, sim)
        had = set(Snapshot.objects.values_list("snapshot_id", flat=True))
        before, is_honest = environment.listed_at, not sim.faults.listed()
        ask_someone(walk, environment, sim)
        check_numbers(environment)
        assert had <= set(Snapshot.objects.values_list("snapshot_id", flat=True))
        if environment.listed_at != before:
            assert usable_ids(environment) <= backed_up(sim)
            assert usable_ids(environment) == backed_up(sim) or not is_honest
        clock.shift(walk.choice([20, MINUTE, 11 * MINUTE]))


@pytest.fixture
def dangling(sim: Simulator) -> str:
    """A volume that was deleted before we began to look; one of its snapshots is left."""
    volume_id = "0d6c1d1e-1f5f-4a7b-9a55-4a1f0e0c9d11"
    sim.world.add_snapshot(PATH, interval_type="DAILY", volume_id=volume_id)
    return volume_id


def test_a_volume_known_from_its_snapshots_alone_is_asked_for(
    environment: Environment, sim: Simulator, clock: Traveller, dangling: str
) -> None:
    refreshed(environment)
    assert volume(environment, dangling).deleted_at is None
    clock.shift(16 * MINUTE)
    refreshed(environment)
    assert sim.calls(f"/volumes/{dangling}") == 1
    assert volume(environment, dangling).deleted_at is not None


def test_one_that_cannot_be_asked_for_is_not_deleted(
    environment: Environment, sim: Simulator, clock: Traveller, dangling: str
) -> None:
    sim.fault(path="/volumes/[^/]+", status=503)
    for _ in range(3):
        refreshed(environment)
        clock.shift(16 * MINUTE)
    assert volume(environment, dangling).deleted_at is None


def test_one_whose_snapshots_another_key_does_not_show_is_not_deleted(
    environment: Environment, sim: Simulator, clock: Traveller, dangling: str
) -> None:
    refreshed(environment)
    sim.keys["CANARY-another-key-of-acme"] = None
    ApiKey.replace(environment.team, Secret("CANARY-another-key-of-acme"))
    (snapshot_id,) = (each["id"] for each in sim.world.snapshots(PATH) if each["volumeId"] == dangling)
    sim.world.remove_snapshot(PATH, str(snapshot_id))
    for _ in range(3):
        clock.shift(16 * MINUTE)
        refreshed(environment)
    assert sim.calls(f"/volumes/{dangling}") == 3
    assert volume(environment, dangling).deleted_at is None


def test_a_volume_that_answers_but_is_not_listed_is_not_deleted(
    environment: Environment, sim: Simulator, clock: Traveller
) -> None:
    only = str(sim.world.add_volume(PATH, name="unlisted")["id"])
    sim.world.add_snapshot(PATH, volume_id=only)
    sim.fault(path="/volumes", empty_list=True)
    for _ in range(3):
        refreshed(environment)
        clock.shift(16 * MINUTE)
    stored = volume(environment, only)
    assert (stored.deleted_at, stored.asked_at is not None) == (None, True)


def test_the_oldest_question_is_asked_first(
    environment: Environment, sim: Simulator, clock: Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("snapshots.sync.store_volumes.MOST_RETRIEVED", 3)
    kept = [str(sim.world.add_volume(PATH, name=f"v{number}")["id"]) for number in range(7)]
    for volume_id in kept:
        sim.world.add_snapshot(PATH, volume_id=volume_id)
    sim.fault(path="/volumes", empty_list=True)
    for _ in range(6):
        refreshed(environment)
        clock.shift(16 * MINUTE)
    assert [sim.calls(f"/volumes/{volume_id}") >= 1 for volume_id in kept] == [True] * 7
