"""When a snapshot was taken, from whole lists: what widens a range, and what never narrows it."""

from datetime import UTC, datetime, timedelta

import pytest
from time_machine import Traveller

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey
from snapshots.models import Change, Environment, Snapshot, Volume
from snapshots.rules.verdict import Verdict
from snapshots.simulator.server import Simulator
from snapshots.verdicts.sql import Reason
from tests.sync.steps import MINUTE, PATH, history, refreshed, row
from tests.verdicts.current import status_at, values_at

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OTHER_KEY = "CANARY-another-key-of-acme"


def taken(snapshot: Snapshot) -> tuple[datetime | None, datetime, str]:
    return snapshot.taken_after, snapshot.taken_before, snapshot.taken_source


def said(environment: Environment, volume_id: str, now: datetime) -> Verdict:
    return Verdict(dict(values_at(now, [environment], "volume_id", "verdict"))[volume_id])


@pytest.fixture
def bare(sim: Simulator) -> str:
    """A volume without snapshots."""
    return str(sim.world.add_volume(PATH, name="data-2", instance_name="vm1")["id"])


def weekly(sim: Simulator, volume_id: str, at: datetime) -> str:
    added = sim.world.add_snapshot(PATH, interval_type="WEEKLY", volume_id=volume_id, created=at)
    return str(added["id"])


def test_a_run_that_is_listed_days_late_is_not_taken_for_new(
    environment: Environment, sim: Simulator, clock: Traveller, bare: str
) -> None:
    began = NOW - 3 * DAY
    weekly(sim, bare, began - 7 * DAY)
    refreshed(environment)
    for _ in range(3):
        clock.shift(DAY)
        refreshed(environment)
    late = weekly(sim, bare, began)
    clock.shift(MINUTE)
    refreshed(environment)
    first_with = sim.world.clock()
    assert taken(row(environment, late)) == (began, first_with, "conflict")
    assert not history(environment, late)
    for age, fresh in ((7.9 * DAY, True), (8.1 * DAY, False)):
        clock.move_to(began + age)
        refreshed(environment)
        assert (said(environment, bare, began + age) is Verdict.FRESH) is fresh


@pytest.mark.parametrize("name", ["vm1_data-1_{:%Y%m%d%H%M%S}", "typed_{:%Y%m%d%H%M%S}"])
def test_a_name_that_says_older_widens_the_range_whoever_made_it(seen: Environment, sim: Simulator, name: str) -> None:
    old = NOW - 30 * DAY
    added = sim.world.add_snapshot(PATH, name=name.format(old))
    refreshed(seen)
    assert taken(row(seen, added["id"])) == (old, sim.world.clock(), "conflict")


def test_a_date_in_the_row_outweighs_its_name(environment: Environment, sim: Simulator, bare: str) -> None:
    created = NOW - 117 * DAY
    text = created.strftime("%Y-%m-%dT%H:%M:%S+0000")
    added = sim.world.add_snapshot(PATH, interval_type="DAILY", volume_id=bare, createdAt=text)
    refreshed(environment)
    assert taken(row(environment, added["id"])) == (created, NOW, "conflict")
    assert said(environment, bare, NOW) is not Verdict.FRESH


def test_a_date_that_comes_later_dates_what_was_undated(
    environment: Environment, sim: Simulator, clock: Traveller, bare: str
) -> None:
    added = sim.world.add_snapshot(PATH, name="golden", volume_id=bare)
    refreshed(environment)
    created = NOW - 40 * DAY
    sim.world.change_snapshot(PATH, str(added["id"]), {"created": created.isoformat()})
    clock.shift(MINUTE)
    refreshed(environment)
    stored = row(environment, added["id"])
    assert (stored.taken_before, stored.created_at) == (created, created)


@pytest.fixture
def rekeyed(seen: Environment, sim: Simulator, clock: Traveller) -> Environment:
    """The environment under another key, before its first list."""
    return under_another_key(seen, sim, clock)


def test_what_another_key_sees_first_was_not_taken_just_now(rekeyed: Environment, sim: Simulator) -> None:
    added = sim.world.add_snapshot(PATH, name="of-the-other-project", created=NOW - 90 * DAY)
    refreshed(rekeyed)
    assert taken(row(rekeyed, added["id"])) == (None, sim.world.clock(), "syncs")
    assert not history(rekeyed, added["id"])


def test_the_second_list_of_a_key_dates_again(rekeyed: Environment, sim: Simulator, clock: Traveller) -> None:
    refreshed(rekeyed)
    believed = sim.world.clock()
    added = sim.world.add_snapshot(PATH, name="by-hand")
    clock.shift(MINUTE)
    refreshed(rekeyed)
    assert taken(row(rekeyed, added["id"])) == (believed, sim.world.clock(), "syncs")
    assert [kind for kind, *_ in history(rekeyed, added["id"])] == ["completed"]


def under_another_key(environment: Environment, sim: Simulator, clock: Traveller) -> Environment:
    sim.keys[OTHER_KEY] = None
    ApiKey.replace(environment.team, Secret(OTHER_KEY))
    clock.shift(MINUTE)
    environment.team.refresh_from_db()
    return Environment.objects.get(pk=environment.pk)


def hide_a_volume(sim: Simulator) -> str:
    """The new key does not see this volume."""
    hidden = str(sim.world.snapshots(PATH)[0]["volumeId"])
    for each in sim.world.snapshots(PATH):
        if each["volumeId"] == hidden:
            sim.world.remove_snapshot(PATH, str(each["id"]))
    sim.world.remove_volume(PATH, hidden)
    return hidden


@pytest.mark.parametrize("is_complete", [True, False])
def test_what_a_key_never_showed_is_not_missing(
    environment: Environment, sim: Simulator, clock: Traveller, is_complete: bool
) -> None:
    """The key before listed it, once, in a complete list or in one that was not."""
    sim.fault(path="/snapshots", **({} if is_complete else {"record_count": 999}))
    refreshed(environment)
    sim.clear_faults()
    rekeyed = under_another_key(environment, sim, clock)
    hidden = hide_a_volume(sim)
    for _ in range(6):
        refreshed(rekeyed)
        clock.shift(11 * MINUTE)
    of_volume = Snapshot.objects.filter(environment=rekeyed, volume_id=hidden)
    assert of_volume.exists()
    assert of_volume.filter(listed=False).count() == 0
    assert not Change.objects.filter(kind__in=["deleted", "rotated"]).exists()
    assert not Volume.objects.filter(environment=rekeyed, volume_id=hidden, deleted_at__isnull=False).exists()


@pytest.mark.few(2)
@pytest.mark.parametrize("is_left_out_before", [False, True])
@pytest.mark.parametrize("state", ["BackedUp", "Creating", "Error"])
def test_of_a_volume_that_the_key_does_not_show_nothing_is_known(
    environment: Environment, sim: Simulator, clock: Traveller, bare: str, state: str, is_left_out_before: bool
) -> None:
    """It may have new snapshots, or what was in progress may be completed."""
    added = sim.world.add_snapshot(PATH, interval_type="DAILY", volume_id=bare, state=state, created=NOW - HOUR)
    refreshed(environment)
    if is_left_out_before:
        sim.world.remove_snapshot(PATH, str(added["id"]))
        clock.shift(MINUTE)
        refreshed(environment)
    rekeyed = under_another_key(environment, sim, clock)
    if not is_left_out_before:
        sim.world.remove_snapshot(PATH, str(added["id"]))
    sim.world.remove_volume(PATH, bare)
    for after in (timedelta(), HOUR, 2 * DAY):
        now = NOW + HOUR + after
        clock.move_to(now)
        refreshed(rekeyed)
        status = status_at(now, Volume.objects.get(volume_id=bare), None)
        assert (status.verdict, status.reason) == (Verdict.UNKNOWN, Reason.HIDDEN)


def test_what_goes_of_a_volume_that_the_key_shows_is_missing(
    rekeyed: Environment, sim: Simulator, clock: Traveller
) -> None:
    gone = str(sim.world.snapshots(PATH)[0]["id"])
    sim.world.remove_snapshot(PATH, gone)
    for _ in range(3):
        refreshed(rekeyed)
        clock.shift(MINUTE)
    assert not row(rekeyed, gone).listed


def test_a_volume_is_new_only_from_our_first_sight(environment: Environment, sim: Simulator, clock: Traveller) -> None:
    future = "2027-06-24T10:00:00+0000"
    volume_id = str(sim.world.add_volume(PATH, name="odd", creationDate=future)["id"])
    refreshed(environment)
    assert said(environment, volume_id, NOW) is Verdict.NEW
    clock.shift(DAY)
    refreshed(environment)
    assert said(environment, volume_id, NOW + DAY) is Verdict.NONE
