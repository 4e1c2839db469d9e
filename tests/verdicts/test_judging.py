"""From rows to verdicts: what a sync stores of a volume, and what it must not forget."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.models import Environment, Policy, Snapshot, Volume
from snapshots.rules.clock_skew import Clocks
from snapshots.rules.verdict import Verdict
from snapshots.sync import first_list, leases, prejudge
from snapshots.sync.leases import Caller, Claim
from snapshots.sync.store_snapshots import store_listing
from snapshots.verdicts import evaluate
from tests.verdicts.current import values_at

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DISK = "c779ca42-6966-41af-a7dc-23db4e41d4ee"
Show = Callable[..., Volume]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def environment(clock: time_machine.Traveller, team: Team) -> Environment:
    ApiKey.replace(team, Secret("CANARY-key"))
    return Environment.objects.create(team=team, service_code="compute-on", name="prod")


@pytest.fixture
def show(environment: Environment) -> Show:
    """Let the provider list these rows now, and return the volume as it is judged then."""

    def show(*rows: SnapshotRecord, **more: Any) -> Volume:
        held = claimed(environment)
        if environment.answered_at is None:
            first_list.begin(held, timezone.now())
        store_listing(held, listing(rows), received_at=timezone.now(), **more, ask=dict.fromkeys)
        return Volume.objects.get(volume_id=DISK)

    return show


def claimed(environment: Environment) -> Claim:
    held = leases.claim(environment, caller=Caller.FORCE)
    assert isinstance(held, Claim)
    return held


def listing(rows: tuple[SnapshotRecord, ...], *, lacking: int = 0) -> Listing[SnapshotRecord]:
    return Listing(rows, len(rows), 0, 0, 0, len(rows) + lacking, body_hash="")


def row(number: int, began: datetime, kind: str = "DAILY", state: str = "BackedUp", name: str = "") -> SnapshotRecord:
    return SnapshotRecord(
        id=str(UUID(int=number)),
        name=name or f"web-01_disk_{began:%Y%m%d%H%M%S}",
        state=state,
        interval_type=kind,
        volume_id=DISK,
        volume="disk",
        volume_type="disk",
        raw="{}",
    )


def said(environment: Environment) -> list[Verdict]:
    rows = [Environment.objects.get(pk=environment.pk)]
    return [Verdict(verdict) for (verdict,) in values_at(timezone.now(), rows, "verdict")]


def manual(count: int, ago: timedelta = DAY) -> list[SnapshotRecord]:
    return [row(100 + number, NOW - ago - number * HOUR, "MANUAL") for number in range(count)]


@pytest.mark.both_databases
@pytest.mark.parametrize("ago", [DAY, 200 * DAY])
def test_more_than_half_lost_at_once_is_flagged_however_old_they_were(
    show: Show, clock: time_machine.Traveller, ago: timedelta
) -> None:
    rows = manual(9, ago)
    show(*rows)
    flags = []
    for left in (9, 4, 4, 4):
        clock.shift(600)
        flags.append(show(*rows[:left]).fewer_at)
    assert flags[:2] == [None, None]
    assert flags[2] == NOW + 30 * MINUTE


@pytest.mark.parametrize(
    ("had", "left", "is_flagged"), [(9, 5, False), (5, 2, True), (4, 2, False), (3, 0, True), (12, 5, True)]
)
def test_how_many_are_too_many(
    show: Show, clock: time_machine.Traveller, had: int, left: int, is_flagged: bool
) -> None:
    rows, other = manual(had), row(1, NOW, "MANUAL", "Error")
    show(*rows, other)
    for _ in range(2):
        clock.shift(600)
        volume = show(*rows[:left], other)
    assert (volume.fewer_at is not None) is is_flagged


def test_rotation_within_a_day_is_no_loss(show: Show, clock: time_machine.Traveller) -> None:
    rows = [row(number, NOW + (number - 4) * HOUR, "HOURLY") for number in range(40)]
    for newest in range(4, 40):
        volume = show(*rows[newest - 4 : newest + 1])
        clock.shift(3600)
    assert volume.fewer_at is None
    assert Snapshot.objects.no_longer_listed().count() > 30


def test_a_schedule_is_remembered_longer_than_its_rows_count(show: Show, clock: time_machine.Traveller) -> None:
    kept = row(1, NOW - HOUR, "MANUAL")
    show(row(2, NOW, "HOURLY"), kept)
    words = []
    for days, more in enumerate(([], [], [row(3, NOW, "MANUAL")], [row(4, NOW + 9 * DAY, "HOURLY", "Error")]), 1):
        clock.shift(3 * 24 * 3600)
        volume = show(kept, *more)
        words.append((days, volume.schedules, volume.late_from is not None))
    assert words == [(1, "H", True), (2, "H", True), (3, "H", True), (4, "H", True)]


def test_a_try_that_vanished_is_failing(show: Show, clock: time_machine.Traveller, environment: Environment) -> None:
    good = row(1, NOW - 20 * HOUR)
    words = []
    for rows in ([good], [good, row(2, NOW, state="Creating")], [good], [good]):
        show(*rows)
        words += said(environment)
        clock.shift(60)
    assert words == [Verdict.FRESH, Verdict.RUNNING, Verdict.UNKNOWN, Verdict.FAILING]


def test_our_first_sight_is_put_right_by_the_providers_clock(show: Show, clock: time_machine.Traveller) -> None:
    ahead = 10 * MINUTE
    show(row(1, NOW - 20 * HOUR), clocks=Clocks(NOW, 600, 600))
    clock.shift(60)
    began = timezone.now() + ahead
    volume = show(row(1, NOW - 20 * HOUR), row(2, began, state="Creating"), clocks=Clocks(NOW, 600, 600))
    assert volume.stuck_from == began + 6 * HOUR


def test_a_volume_that_the_endpoint_did_not_list_yet_is_new(
    show: Show, clock: time_machine.Traveller, environment: Environment
) -> None:
    show(row(1, NOW, state="Creating"))
    assert said(environment) == [Verdict.NONE]
    Environment.objects.update(volumes_listed_at=NOW)
    Volume.objects.all().delete()
    Snapshot.objects.all().delete()
    clock.shift(300)
    show(row(2, NOW, state="Creating"))
    assert said(environment) == [Verdict.NEW]


# --- the first list


@pytest.fixture(params=["empty", "incomplete"])
def judging(request: pytest.FixtureRequest, environment: Environment) -> ModuleType:
    """The module that judges the first complete list: of an empty mirror, or after an incomplete list."""
    if request.param == "empty":
        return first_list
    store_listing(claimed(environment), listing((row(1, NOW - 3 * DAY),), lacking=1), received_at=timezone.now())
    return prejudge


def test_nothing_is_said_before_all_of_the_first_list_is_judged(
    show: Show, clock: time_machine.Traveller, environment: Environment, judging: ModuleType
) -> None:
    with patch.object(judging, "write_judgements", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        show(row(1, NOW - 3 * DAY))
    environment.refresh_from_db()
    assert said(environment) == ([] if judging is first_list else [Verdict.UNKNOWN])
    clock.shift(60)
    show(row(1, NOW - 3 * DAY))
    environment.refresh_from_db()
    assert (said(environment), environment.lease_until) == ([Verdict.LATE], None)
    assert environment.data_at == NOW + MINUTE


@pytest.mark.both_databases
def test_the_first_list_is_judged_outside_of_the_lock(show: Show, judging: ModuleType) -> None:
    held = []

    def judgements(*facts: Any, **more: Any) -> Iterator[object]:
        held.append(connection.in_atomic_block and len(connection.savepoint_ids) > outer)
        return kept(*facts, **more)

    kept, outer = evaluate.judgements, len(connection.savepoint_ids)
    with patch.object(judging, "judgements", judgements):
        show(row(1, NOW))
    assert held == [False]


@pytest.mark.both_databases
def test_a_target_that_is_set_meanwhile_is_not_lost(show: Show, environment: Environment, judging: ModuleType) -> None:
    hours = iter([100, 50, 24])

    def judgements(*facts: Any, **more: Any) -> object:
        found = list(kept(*facts, **more))
        for each in hours:
            Policy.objects.update_or_create(team=environment.team, defaults={"target_hours": each})
            break
        return found

    kept = evaluate.judgements
    with patch.object(judging, "judgements", judgements):
        volume = show(row(1, NOW - 3 * DAY, "MANUAL"))
    target = Policy.objects.get().target_hours
    assert volume.late_from == NOW - 3 * DAY + target * HOUR + 30 * MINUTE


def test_what_was_lost_of_late_is_found_by_its_index(environment: Environment) -> None:
    if connection.vendor != "sqlite":
        return
    lost = Snapshot.objects.filter(environment=environment, missing_since__gte=NOW, volume_id__in=[DISK])
    assert "snapshot_by_missing" in lost.explain()


@pytest.mark.both_databases
def test_volumes_that_turn_hourly_are_judged_again_together(
    show: Show, environment: Environment, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    hourly = [
        SnapshotRecord(f"{number}", "by hand", "BackedUp", "HOURLY", f"disk-{number}", "disk", "disk", "{}")
        for number in range(20)
    ]
    show(row(100, NOW - DAY), *hourly)
    stored = judged(environment)
    Volume.objects.update(schedules="")
    with django_assert_max_num_queries(12):
        assert judged(environment) == stored


def judged(environment: Environment) -> list[tuple[object, ...]]:
    (volumes,) = evaluate.judged_again(environment, at=NOW)
    return sorted((volume.volume_id, volume.schedules, str(volume.answers), str(volume.days)) for volume in volumes)
