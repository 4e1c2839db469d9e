"""A verdict in words: short, beside it what that leaves out, and the sentence that explains it."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from snapshots.models import Environment, Policy, Volume
from snapshots.rules.verdict import Verdict
from snapshots.text.verdict_labels import badge, beside, short_name
from snapshots.text.verdict_reason import why
from snapshots.verdicts.sql import FOR_EVER, Reason
from tests.views.snapshots.conftest import Fill, fail
from tests.views.volumes.home.steps import FAILED, MAKING, disk, stands

pytestmark = pytest.mark.django_db
SHORT = {
    "none": "No usable snapshot; Daily late by 1 d; Last 3 attempts failed",
    "late": "Daily late by 2 d",
    "stuck": "Daily stuck for 8 h",
    "failing": "Daily failing; Last attempt failed",
    "undated": "Age unknown",
    "running": "Running",
    "fresh": "Fresh",
    "mixed": "Daily late by 1 d; Hourly OK",
}


@pytest.mark.parametrize(("name", "words"), SHORT.items())
def test_each_verdict_has_its_words(told: Environment, name: str, words: str) -> None:
    assert short_name(stands(name)) == words


def test_a_late_one_says_how_it_was_judged(told: Environment) -> None:
    assert why(stands("late")) == (
        "Daily runs since 20 Nov; newest usable snapshot: 21 Nov 12:00 (from the name). The next run was due 22 Nov "
        "12:00, deadline 18:00. Target: at most 7 d old. Based on data from 12:00 UTC."
    )


def test_tries_are_counted(told: Environment) -> None:
    assert "no usable snapshot. 3 attempts since then, all failed." in why(stands("none"))
    assert "1 attempt since then failed." in why(stands("failing"))
    assert "deadline 14:00. A snapshot has been in progress since 24 Nov 04:00. Target" in why(stands("stuck"))


def test_two_tries_that_failed_are_both(week: Policy, fill: Fill) -> None:
    fill([*disk("two", 50), *disk("two", 20, 2, state=FAILED)])
    assert "2 attempts since then, both failed." in why(stands("two"))


def test_a_try_that_runs_beside_one_that_failed(week: Policy, fill: Fill) -> None:
    fill([*disk("two", 50), *disk("two", 20, state=FAILED), *disk("two", 1, state=MAKING)])
    assert "2 attempts since then, 1 failed. A snapshot has been in progress since 24 Nov 11:00." in why(stands("two"))


def test_a_missed_target_is_named(week: Policy, fill: Fill) -> None:
    fill(disk("old", 9 * 24 + 1, kind="MANUAL"))
    assert short_name(stands("old")) == "9 d old, target 7 d"
    assert "Newest usable snapshot of any type: 15 Nov 11:00 (from the name)." in why(stands("old"))


def test_the_target_stands_beside_a_late_schedule(week: Policy, fill: Fill) -> None:
    fill([*disk("old", 9 * 24), *disk("old", 9 * 24 + 1, kind="HOURLY")])
    assert short_name(stands("old")) == "Hourly: no run for 9 d; Daily: no run for 9 d; 9 d old, target 7 d"


def test_just_over_the_target_says_by_how_much(week: Policy, fill: Fill) -> None:
    fill(disk("old", 7 * 24 + 1, kind="MANUAL"))
    assert short_name(stands("old")) == "1 h over its target of 7 d"


def test_a_target_is_said_without_loss(fill: Fill, week: Policy) -> None:
    Policy.objects.update(target_hours=36)
    fill(disk("old", 50, kind="MANUAL"))
    assert badge(stands("old")).word == "2 d old, target 36 h"


def test_late_by_two_periods_is_marked_as_a_failure(week: Policy, fill: Fill) -> None:
    fill([*disk("one", 24 + 24 + 23.5), *disk("two", 24 + 49)])
    assert (badge(stands("one")).tone, badge(stands("two")).tone) == ("warn", "bad")
    assert badge(stands("one")).word == "Daily late by 1 d"


def test_no_schedule_and_no_target_is_not_called_fresh(fill: Fill, key: object) -> None:
    fill(disk("free", 1, kind="MANUAL"))
    assert (stands("free").verdict, badge(stands("free")).word) == (Verdict.FRESH, "No schedule or target")
    assert "so no run is due" in why(stands("free"))


def test_a_problem_on_old_data_was_one(told: Environment, clock: time_machine.Traveller) -> None:
    clock.shift(timedelta(hours=7))
    assert badge(stands("late")).word == "Was late at 12:00"
    assert (stands("late").verdict, stands("late").reason) == (Verdict.UNKNOWN, Reason.OLD_DATA)
    assert "What happened since the newest list is unknown." in why(stands("late"))


def test_a_run_that_fell_due_after_the_data_is_named(week: Policy, fill: Fill, clock: time_machine.Traveller) -> None:
    fill(disk("fresh", 20))
    clock.shift(timedelta(hours=10, minutes=1))
    assert short_name(stands("fresh")) == "Stale data from 12:00; Run was due 16:00"


def test_after_a_day_without_data_nothing_is_told(told: Environment, clock: time_machine.Traveller) -> None:
    clock.shift(timedelta(hours=24, minutes=1))
    assert {stands(name).verdict for name in SHORT} == {Verdict.UNKNOWN}
    assert {stands(name).reason for name in SHORT} == {Reason.OLD_DATA}
    assert badge(stands("none")).word == "No usable snapshot at 24 Nov 12:00"


def test_an_environment_that_was_never_listed_whole(week: Policy, fill: Fill) -> None:
    fill(disk("fresh", 20), record_count=99)
    assert (badge(stands("fresh")).word, stands("fresh").reason) == ("No complete list yet", Reason.NEVER_LISTED)
    assert "no complete list" in why(stands("fresh"))


def test_a_row_left_out_once_is_a_doubt(week: Policy, fill: Fill, clock: time_machine.Traveller) -> None:
    records = [*disk("fresh", 1), *disk("other", 1)]
    fill(records)
    clock.shift(60)
    fill(records[1:])
    assert (badge(stands("fresh")).word, stands("fresh").reason) == ("Snapshot unconfirmed", Reason.IN_DOUBT)
    assert badge(stands("other")).word == "Fresh"


@pytest.mark.parametrize(
    ("until", "words"),
    [(FOR_EVER, "Without end: lab"), (datetime(2026, 12, 3, 8, 30, tzinfo=UTC), "Until 3 Dec 08:30: lab")],
)
def test_what_is_excluded_says_until_when_and_why(told: Environment, until: object, words: str) -> None:
    Volume.objects.update(excluded_until=until, exclusion_reason="lab")
    assert (stands("late").verdict, beside(stands("late"))) == (Verdict.EXCLUDED, words)


def test_an_environments_exclusion_counts_too(told: Environment) -> None:
    Volume.objects.update(excluded_until=timezone.now(), exclusion_reason="over")
    Environment.objects.update(excluded_until=FOR_EVER, exclusion_reason="moving")
    assert short_name(stands("late")) == "Excluded; Without end: moving"
    assert why(stands("late")).startswith("Excluded without end. Reason: moving.")


def test_a_deleted_volume_says_what_is_left(told: Environment) -> None:
    Volume.objects.update(deleted_at=timezone.now())
    assert short_name(stands("late")) == "Deleted; 2 snapshots left"


def test_a_schedule_may_have_stopped_after_three_periods(week: Policy, fill: Fill) -> None:
    fill([*disk("three", 72), *disk("more", 72.1)])
    for name, has_stopped in (("three", False), ("more", True)):
        status = stands(name)
        assert [status.has_stopped(part) for part in status.parts] == [has_stopped]
    assert badge(stands("more")).word == "Daily: no run for 3 d"
    assert "No run has started since 21 Nov 11:54." in why(stands("more"))


def test_the_moment_follows_the_providers_clock(week: Policy, fill: Fill) -> None:
    """Its names are ten minutes ahead of ours; late by the time that passed there."""
    fill(disk("late", 50))
    Environment.objects.update(clock_ahead=600, data_at=timezone.now() + timedelta(minutes=600))
    assert badge(stands("late")).word == "Daily late by 1 d"
    assert stands("late").moment == timezone.now() + timedelta(minutes=600)


def test_a_refused_environment_keeps_its_last_words(told: Environment) -> None:
    fail(told)
    assert badge(stands("late")).word == SHORT["late"]
