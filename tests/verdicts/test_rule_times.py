"""The stored times of a report: begun at deadlines, cut by exclusions and targets, written once, and forgotten."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from dashboard.teams.models import Team, User
from snapshots.alerts.tick import Ticker
from snapshots.management.retention import forget
from snapshots.models import DataGap, Environment, Policy, RuleTime
from snapshots.policy.exclusions import Exclusion, exclude, resume
from snapshots.policy.targets import set_of_team
from snapshots.setup.environments import remove
from snapshots.verdicts.rule_hours import Span, rule_hours
from snapshots.verdicts.rule_times import note
from tests.alerts.conftest import Records, clock, environment, fill, key, records, sim, told, week
from tests.views.snapshots.conftest import Fill
from tests.views.volumes.home.steps import disk, volume

__all__ = ["clock", "environment", "fill", "key", "records", "sim", "told", "week"]
pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HOUR = timedelta(hours=1)
State = RuleTime.State


@pytest.fixture
def counted(told: Environment) -> Environment:
    note(told, is_listed=True)
    return told


def times(name: str) -> list[tuple[State, float, float | None, int]]:
    """The stored times of a volume: state, begin and end in hours from now, target."""
    now = timezone.now()
    return [
        (
            State(each.state),
            (each.began_at - now) / HOUR,
            (each.ended_at - now) / HOUR if each.ended_at else None,
            each.target_hours,
        )
        for each in RuleTime.objects.filter(volume=volume(name)).order_by("began_at", "pk")
    ]


def test_each_volume_has_one_open_time_and_nothing_is_written_twice(counted: Environment) -> None:
    found = {str(each.volume): State(each.state) for each in RuleTime.objects.select_related("volume")}
    problems = ("none", "late", "stuck", "failing", "mixed")
    assert {name: found[name] for name in (*problems, "fresh", "running")} == {
        **dict.fromkeys(problems, State.NOT_MET),
        "fresh": State.MET,
        "running": State.MET,
    }
    number = RuleTime.objects.count()
    assert number == len(found)
    with CaptureQueriesContext(connection) as log:
        note(counted)
    assert [query["sql"][:6] for query in log.captured_queries] == ["SELECT"]
    Ticker().tick()
    assert RuleTime.objects.count() == number


def test_it_is_not_met_from_its_deadline_on_and_met_with_the_list_that_shows_it(
    counted: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    before = timezone.now()
    clock.shift(40 * HOUR)
    fill(records)
    note(Environment.objects.get(), is_listed=True, listed_before=before)
    # Daily, and three hours old then: due after a day, with six hours of grace.
    assert times("fresh") == [(State.MET, -40.0, -13.0, 168), (State.NOT_MET, -13.0, None, 168)]
    clock.shift(HOUR)
    fill([*records, *disk("fresh", 0.01)])
    note(Environment.objects.get(), is_listed=True, listed_before=before + 40 * HOUR)
    assert times("fresh")[1:] == [(State.NOT_MET, -14.0, 0.0, 168), (State.MET, 0.0, None, 168)]


def test_another_target_begins_another_time(
    counted: Environment, team: Team, alice: User, clock: time_machine.Traveller
) -> None:
    clock.shift(HOUR)
    set_of_team(team, 1, person=alice)
    Ticker().tick()
    assert times("fresh") == [(State.MET, -1.0, 0.0, 168), (State.NOT_MET, 0.0, None, 1)]


def test_excluded_time_is_not_counted(
    counted: Environment, team: Team, alice: User, clock: time_machine.Traveller
) -> None:
    clock.shift(HOUR)
    exclude(team, [volume("late").pk], Exclusion(timezone.now() + 2 * HOUR, "moved"), person=alice)
    Ticker().tick()
    clock.shift(3 * HOUR)
    Ticker().tick()
    assert [(begin, end) for _state, begin, end, _target in times("late")] == [(-4.0, -3.0), (-1.0, None)]
    exclude(team, [volume("late").pk], Exclusion(timezone.now() + 2 * HOUR, "moved"), person=alice)
    resume(team, [volume("late").pk], person=alice)
    Ticker().tick()
    hours = rule_hours([counted], Span(timezone.now() - 4 * HOUR, timezone.now()), timezone.now())
    assert hours.volumes[volume("late").pk].total == 2 * HOUR


def test_a_time_without_a_complete_list_is_unknown(
    counted: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    start = timezone.now()
    clock.shift(2 * HOUR)
    lasting = rule_hours([Environment.objects.get()], Span(start, timezone.now()), timezone.now())
    fill(records)
    over = rule_hours([Environment.objects.get()], Span(start, timezone.now()), timezone.now())
    assert [(gap.began_at, gap.ended_at) for gap in DataGap.objects.all()] == [(start, timezone.now())]
    for found in (lasting, over):
        assert {each.unknown for each in found.volumes.values()} == {2 * HOUR}
        assert [gap.span.length for gap in found.gaps] == [2 * HOUR]
    assert [lasting.gaps[0].is_over, over.gaps[0].is_over] == [False, True]


def test_times_without_data_that_overlap_count_once(counted: Environment, clock: time_machine.Traveller) -> None:
    """After a clock was set back the same time comes again."""
    start = timezone.now()
    clock.shift(8 * HOUR)
    for first, last, fault in [(1, 4, "refused"), (2, 6, ""), (3, 5, ""), (6, 7, "")]:
        DataGap.objects.create(
            environment=counted, began_at=start + first * HOUR, ended_at=start + last * HOUR, fault_kind=fault
        )
    counted.watched_at = timezone.now()
    found = rule_hours([counted], Span(start, timezone.now()), timezone.now())
    assert [(gap.span, gap.fault) for gap in found.gaps] == [
        (Span(start + HOUR, start + 6 * HOUR), "refused"),
        (Span(start + 6 * HOUR, start + 7 * HOUR), ""),
    ]
    late = found.volumes[volume("late").pk]
    assert (late.unknown, late.total) == (6 * HOUR, 8 * HOUR)


def test_what_is_over_is_forgotten_after_the_history(
    counted: Environment, team: Team, alice: User, clock: time_machine.Traveller, settings: Settings
) -> None:
    remove(counted, person=alice)
    Ticker().tick()
    assert not RuleTime.objects.filter(ended_at__isnull=True).exists()
    DataGap.objects.create(environment=counted, began_at=timezone.now() - HOUR, ended_at=timezone.now())
    clock.shift(timedelta(days=settings.HISTORY_DAYS, hours=1))
    Environment.everything.update(removed_at=timezone.now())
    list(forget(timezone.now()))
    assert (RuleTime.objects.count(), DataGap.objects.count()) == (0, 0)


def test_without_a_policy_no_target_is_asked(told: Environment) -> None:
    Policy.objects.all().delete()
    note(told)
    assert set(RuleTime.objects.values_list("target_hours", flat=True)) == {0}
