"""The judge, rule by rule, on plain values: a volume's verdict at a time, and its reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from snapshots.rules.runs import Run
from snapshots.rules.schedules import deadline_after, deadlines_between, due_after, grace, schedules_of
from snapshots.rules.verdict import Verdict, status
from tests.verdicts.runs import (
    DAY,
    FAILING,
    FRESH,
    HOUR,
    LATE,
    MINUTE,
    NEW,
    NONE,
    NOW,
    RUNNING,
    STUCK,
    UNKNOWN,
    at,
    judged,
    made,
    run,
    undated,
)

# --- 1 usable


@pytest.mark.parametrize(
    ("state", "was_complete", "verdict"),
    [
        ("BackedUp", True, FRESH),
        ("BackedUp", False, FRESH),
        ("Copying", True, FRESH),
        ("BackingUp", True, FRESH),
        # First met while it is copied: it was complete for certain, but nobody has seen it so.
        ("Copying", False, UNKNOWN),
        ("BackingUp", False, STUCK),
        ("Creating", True, STUCK),
        ("Destroying", True, LATE),
        ("Destroyed", True, LATE),
        ("Error", True, LATE),
        # Nobody here knows what these states mean.
        ("Odd", True, UNKNOWN),
        ("Odd", False, UNKNOWN),
        ("backedup", False, UNKNOWN),
        ("", True, UNKNOWN),
    ],
)
def test_what_can_be_used(state: str, was_complete: bool, verdict: Verdict) -> None:
    usable_at = NOW - DAY if was_complete else None
    newest = run(7 * HOUR, state, usable_at=usable_at, first_seen_at=NOW - 7 * HOUR)
    assert at(run(31 * HOUR), newest) is verdict


def test_one_that_is_listed_no_more_is_not_usable() -> None:
    assert at(run(HOUR, listed=False), run(31 * HOUR)) is LATE
    assert judged(run(HOUR, listed=False), run(31 * HOUR)).usable == 1


# --- 2 due and deadline

GRACES = {"HOURLY": 30 * MINUTE, "DAILY": 6 * HOUR, "WEEKLY": 24 * HOUR, "MONTHLY": 24 * HOUR}
PERIODS = {"HOURLY": HOUR, "DAILY": DAY, "WEEKLY": 7 * DAY, "MONTHLY": 31 * DAY}


@pytest.mark.parametrize("kind", GRACES)
def test_fresh_until_the_deadline_and_late_from_it_on(kind: str) -> None:
    began = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)  # a month of 31 days
    newest = Run((kind,), "BackedUp", began, began, began, began)
    deadline = began + PERIODS[kind] + GRACES[kind]
    thresholds = judged(newest).thresholds
    assert grace(kind) == GRACES[kind]
    assert (thresholds.at(deadline - timedelta.resolution), thresholds.at(deadline)) == (FRESH, LATE)


@pytest.mark.parametrize(
    ("began", "due"),
    [
        ("2026-01-15", "2026-02-15"),
        ("2026-01-28", "2026-02-28"),
        ("2026-01-29", "2026-03-01"),
        ("2026-01-31", "2026-03-03"),
        ("2028-01-29", "2028-02-29"),
        ("2028-01-31", "2028-03-02"),
        ("2026-02-28", "2026-03-28"),
        ("2026-03-31", "2026-05-01"),
        ("2026-12-31", "2027-01-31"),
        ("2026-12-01", "2027-01-01"),
    ],
)
def test_a_month_is_a_calendar_month_and_never_early(began: str, due: str) -> None:
    start = datetime.fromisoformat(f"{began}T23:59:59+00:00")
    assert due_after("MONTHLY", start) == datetime.fromisoformat(f"{due}T23:59:59+00:00")


def test_where_a_short_month_runs_over_the_deadlines_of_a_range_take_in_both_sides() -> None:
    after, before = datetime(2026, 1, 30, tzinfo=UTC), datetime(2026, 2, 5, tzinfo=UTC)
    earliest, latest = deadlines_between("MONTHLY", after, before)
    inside = [deadline_after("MONTHLY", after + hours * HOUR) for hours in range(6 * 24 + 1)]
    assert (earliest, latest) == (datetime(2026, 3, 2, tzinfo=UTC), max(latest, *inside))
    assert earliest == min(inside)


@pytest.mark.parametrize(
    ("kind", "counts_for"),
    [
        ("HOURLY", ("HOURLY",)),
        ("HOURLY,DAILY", ("HOURLY", "DAILY")),
        ("DAILY, WEEKLY,MONTHLY", ("DAILY", "WEEKLY", "MONTHLY")),
        ("MANUAL", ()),
        ("TEMPLATE", ()),
        ("GROUP", ()),
        ("RECURRING", ()),
        ("daily", ()),
        ("", ()),
        ("NIGHTLY", ()),
    ],
)
def test_which_schedules_a_type_counts_for(kind: str, counts_for: tuple[str, ...]) -> None:
    assert schedules_of(kind) == counts_for
    assert tuple(answer.schedule for answer in judged(run(HOUR, kind=kind)).answers) == counts_for


def test_only_a_schedules_own_type_counts_for_it() -> None:
    volume = [run(10 * MINUTE, kind="HOURLY"), run(HOUR, kind="MANUAL"), run(31 * HOUR)]
    answers = {answer.schedule: answer.thresholds.at(NOW) for answer in judged(*volume).answers}
    assert answers == {"HOURLY": FRESH, "DAILY": LATE}
    assert at(*volume) is LATE


def test_a_joined_type_counts_for_each() -> None:
    assert at(run(HOUR, kind="DAILY,WEEKLY"), run(40 * DAY, kind="WEEKLY")) is FRESH


@pytest.mark.parametrize(("began_ago", "verdict"), [(6 * HOUR, RUNNING), (6 * HOUR - MINUTE, LATE)])
def test_a_run_that_began_by_the_deadline_is_under_way_and_a_later_one_is_not(
    began_ago: timedelta, verdict: Verdict
) -> None:
    # The deadline was six hours ago.
    running = run(began_ago, "Creating", first_seen_at=NOW - HOUR)
    assert at(run(36 * HOUR), running, longest=3 * HOUR) is verdict


def test_a_waiting_run_does_not_make_one_that_began_in_time_late() -> None:
    volume = [
        run(130 * MINUTE, kind="HOURLY"),
        run(70 * MINUTE, "BackingUp", "HOURLY"),
        run(MINUTE, "Allocated", "HOURLY"),
    ]
    assert at(*volume, longest=50 * MINUTE) is RUNNING
    assert at(*volume, longest=10 * MINUTE) is STUCK


def test_the_base_is_the_newest_run_that_can_still_be_used() -> None:
    assert at(run(HOUR, "Destroying"), run(31 * HOUR)) is LATE
    assert at(run(HOUR, listed=False), run(29 * HOUR)) is FRESH


# --- 3 stuck


@pytest.mark.parametrize(
    ("kind", "longest", "limit"),
    [
        ("HOURLY", timedelta(), HOUR),
        ("HOURLY", 40 * MINUTE, 2 * HOUR),
        ("DAILY", timedelta(), 6 * HOUR),
        ("DAILY", 3 * HOUR, 9 * HOUR),
        ("WEEKLY", 3 * HOUR, 42 * HOUR),
        ("MONTHLY", timedelta(), 180 * HOUR),
    ],
)
@pytest.mark.parametrize("state", ["Allocated", "Creating", "CreatedOnPrimary", "BackingUp"])
def test_stuck_from_its_limit_on(kind: str, longest: timedelta, limit: timedelta, state: str) -> None:
    newest = run(PERIODS[kind] / 2, kind=kind)
    thresholds = judged(newest, run(timedelta(), state, kind), longest=longest).thresholds
    assert thresholds.stuck == NOW + limit
    assert thresholds.at(NOW + limit - timedelta.resolution) in (RUNNING,)
    assert thresholds.at(NOW + limit) >= STUCK


def test_it_counts_from_the_earlier_of_its_name_and_our_first_sight() -> None:
    by_name = run(2 * HOUR, "Creating", first_seen_at=NOW)
    by_sight = run(timedelta(), "Creating", first_seen_at=NOW - 3 * HOUR)
    assert judged(run(DAY), by_name).thresholds.stuck == NOW + 4 * HOUR
    assert judged(run(DAY), by_sight).thresholds.stuck == NOW + 3 * HOUR


@pytest.mark.parametrize("state", ["Destroying", "Copying"])
def test_destroying_and_copying_are_never_stuck(state: str) -> None:
    thresholds = judged(run(2 * HOUR), run(90 * DAY, state, usable_at=NOW - 90 * DAY)).thresholds
    assert (thresholds.stuck, thresholds.at(NOW)) == (None, FRESH)


def test_an_older_one_is_left_over_and_no_verdict() -> None:
    judgement = judged(run(HOUR), run(3 * DAY, "Allocated"), run(2 * DAY, "BackingUp"))
    assert (judgement.thresholds.stuck, judgement.thresholds.at(NOW)) == (None, FRESH)
    assert judgement.answers[0].tries == 0


@pytest.mark.parametrize("kind", GRACES)
@pytest.mark.parametrize("state", ["Allocated", "Creating", "CreatedOnPrimary", "BackingUp"])
def test_a_run_that_began_in_time_and_hangs_is_stuck_and_never_late(kind: str, state: str) -> None:
    newest = run(PERIODS[kind] + 10 * MINUTE, kind=kind)
    hanging = run(timedelta(), state, kind)
    limit = max(HOUR, grace(kind), PERIODS[kind] / 4 if kind != "MONTHLY" else 180 * HOUR)
    moments = [limit - MINUTE, limit, 10 * PERIODS[kind]]
    assert [at(newest, hanging, after=moment) for moment in moments] == [RUNNING, STUCK, STUCK]


def test_later_tries_beside_the_one_that_hangs_change_nothing() -> None:
    hanging = run(10 * DAY, "BackingUp")
    later = [run(9 * DAY, "Error"), run(8 * DAY, "Creating", listed=False), run(HOUR, "Allocated")]
    assert at(run(11 * DAY), hanging, *later) is STUCK
    assert at(run(11 * DAY), run(10 * DAY + MINUTE, "Error"), hanging) is STUCK


@pytest.mark.parametrize(
    "gone", [{"state": "Error"}, {"listed": False}, {"state": "Error", "listed": False}], ids=lambda gone: str(gone)
)
def test_what_hung_and_ended_badly_is_failing_until_the_deadline_and_then_late(gone: dict[str, Any]) -> None:
    ended = run(5 * HOUR, "BackingUp")._replace(**gone)
    assert [at(run(29 * HOUR), ended, after=after) for after in (timedelta(), HOUR)] == [FAILING, LATE]


def test_a_run_that_began_after_the_deadline_is_no_excuse() -> None:
    for ago in (MINUTE, 5 * DAY):
        assert at(run(12 * DAY), run(ago, "BackingUp")) is LATE


def test_a_left_over_of_long_ago_makes_nothing_stuck() -> None:
    hanging = [run(40 * DAY, "BackingUp"), run(30 * DAY, "Creating", "MANUAL")]
    assert at(run(HOUR), *hanging, target=DAY) is FRESH
    assert at(run(31 * HOUR), *hanging, target=DAY) is LATE


def test_of_a_schedule_that_hangs_and_one_that_did_not_start_the_worse_is_said() -> None:
    daily = [run(35 * HOUR), run(11 * HOUR, "BackingUp")]
    assert at(*daily, run(MINUTE, kind="HOURLY")) is STUCK
    assert at(*daily, run(2 * HOUR, kind="HOURLY")) is LATE


def test_how_long_a_run_of_unknown_age_hangs_is_not_known_at_once() -> None:
    running = undated(5 * HOUR, 2 * HOUR, "BackingUp")
    assert [at(run(DAY), running, after=hours * HOUR) for hours in (-2, 0, 1)] == [RUNNING, UNKNOWN, STUCK]


# --- 4 the data's time


def said(*runs: Run, data_ago: timedelta, **facts: Any) -> tuple[Verdict, Verdict]:
    judgement = judged(*runs, **facts)
    return status(judgement.thresholds, patience=judgement.patience, data_at=NOW - data_ago, age=data_ago)


@pytest.mark.parametrize(
    ("newest_ago", "data_ago", "shown", "then"),
    [
        (29 * HOUR, timedelta(), FRESH, FRESH),
        (29 * HOUR, 5 * HOUR, FRESH, FRESH),
        # The deadline passed after the newest list: a run may have come since.
        (31 * HOUR, 2 * HOUR, UNKNOWN, FRESH),
        (31 * HOUR, HOUR, LATE, LATE),
        (37 * HOUR, 6 * HOUR, LATE, LATE),
        (38 * HOUR, 6 * HOUR + MINUTE, UNKNOWN, LATE),
        (20 * HOUR, 24 * HOUR, FRESH, FRESH),
        (20 * HOUR, 24 * HOUR + MINUTE, UNKNOWN, FRESH),
        (90 * HOUR, 24 * HOUR + MINUTE, UNKNOWN, LATE),
    ],
)
def test_what_old_data_can_say(newest_ago: timedelta, data_ago: timedelta, shown: Verdict, then: Verdict) -> None:
    assert said(run(newest_ago), data_ago=data_ago) == (shown, then)


def test_without_a_complete_list_nothing_can_be_told() -> None:
    thresholds = judged(run(HOUR)).thresholds
    assert status(thresholds, patience=DAY, data_at=None, age=None) == (UNKNOWN, UNKNOWN)


def test_what_was_under_way_may_be_stuck_by_now() -> None:
    assert said(run(25 * HOUR), run(7 * HOUR, "Creating"), data_ago=2 * HOUR) == (UNKNOWN, RUNNING)


@pytest.mark.parametrize(
    ("kinds", "target", "patience"),
    [
        (["HOURLY", "DAILY"], None, 15 * MINUTE),
        (["DAILY"], HOUR, 6 * HOUR),
        (["WEEKLY"], None, 42 * HOUR),
        (["MANUAL"], 8 * HOUR, 2 * HOUR),
        (["MANUAL"], HOUR / 2, 15 * MINUTE),
        ([], None, 6 * HOUR),
    ],
)
def test_the_patience_of_a_problem(kinds: list[str], target: timedelta | None, patience: timedelta) -> None:
    assert judged(*(run(MINUTE, kind=kind) for kind in kinds), target=target).patience == patience


# --- 5 failing


def vanished(ago: timedelta, state: str = "Creating") -> Run:
    return run(ago, state, listed=False)


@pytest.mark.parametrize("last", [run(4 * HOUR, "Error"), vanished(4 * HOUR), vanished(4 * HOUR, "BackingUp")])
def test_failing_until_the_deadline_and_late_after_it(last: Run) -> None:
    thresholds = judged(run(28 * HOUR), last).thresholds
    assert (thresholds.at(NOW), thresholds.at(NOW + 2 * HOUR)) == (FAILING, LATE)


@pytest.mark.parametrize(
    "tries",
    [
        [run(4 * HOUR, "Error"), run(MINUTE, "Creating")],
        [vanished(4 * HOUR), run(MINUTE, "Creating")],
        [run(4 * HOUR, "Creating"), run(3 * HOUR, "Error")],
        [run((240 - 5 * number) * MINUTE, "Error", listed=False) for number in range(40)],
        [*(vanished((240 - 5 * number) * MINUTE) for number in range(40)), run(MINUTE, "Allocated")],
    ],
)
def test_to_try_again_is_no_success(tries: list[Run]) -> None:
    assert at(run(28 * HOUR), *tries) is FAILING
    assert at(run(28 * HOUR), *tries, run(timedelta())) is FRESH


def test_no_later_try_ends_late() -> None:
    failed = [run((480 - 5 * number) * MINUTE, "Error", listed=False) for number in range(90)]
    for later in ([], [run(MINUTE, "Creating")], [vanished(MINUTE)], [run(MINUTE, "Error")]):
        assert at(run(31 * HOUR + 30 * MINUTE), *failed, *later) is LATE


def test_tries_are_counted() -> None:
    answer = judged(run(50 * HOUR), run(26 * HOUR, "Error"), vanished(20 * HOUR), run(HOUR, "Creating")).answers[0]
    assert (answer.tries, answer.failed, answer.running) == (3, 2, run(HOUR, "Creating"))


@pytest.mark.parametrize(
    ("later", "verdict"),
    [
        ([run(3 * HOUR, "Error"), run(HOUR, "Creating")], FAILING),
        ([run(3 * HOUR, "Creating"), run(HOUR, "Error")], FAILING),
        ([run(3 * HOUR, "Error"), run(HOUR)], FRESH),
        ([run(3 * HOUR, "Error", "MANUAL")], FRESH),
        ([run(3 * HOUR, "Error", "HOURLY"), run(HOUR / 2, kind="HOURLY")], FRESH),
        # Seen complete before it went: nothing has failed.
        ([run(3 * HOUR, "BackingUp", listed=False, usable_at=NOW)], FRESH),
        ([run(30 * HOUR, "Error")], FRESH),
    ],
)
def test_a_schedule_fails_by_its_own_runs_since_its_newest_usable_one(later: list[Run], verdict: Verdict) -> None:
    assert at(run(27 * HOUR), *later) is verdict


def test_a_first_run_that_fails_is_failing_and_then_late() -> None:
    volume = [run(10 * DAY, kind="MANUAL"), run(HOUR, "Error")]
    assert [at(*volume), at(*volume, after=5 * HOUR)] == [FAILING, LATE]


# --- 6 none and new


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({}, NONE),
        (made(HOUR), NEW),
        (made(DAY - MINUTE), NEW),
        (made(DAY), NONE),
        (made(2 * DAY) | {"target": 3 * DAY}, NEW),
        (made(2 * HOUR) | {"target": HOUR}, NONE),
        # The endpoint is asked less often than the snapshots: made between its last list and our first sight.
        ({"created_after": NOW - HOUR, "created_before": NOW}, NEW),
        ({"created_after": NOW - 2 * DAY, "created_before": NOW - HOUR}, UNKNOWN),
        ({"created_after": NOW - 3 * DAY, "created_before": NOW - DAY}, NONE),
    ],
)
def test_without_a_usable_snapshot(facts: dict[str, Any], verdict: Verdict) -> None:
    assert at(**facts) is verdict
    assert at(run(10 * MINUTE, "Error", "MANUAL"), **facts) is verdict


def test_a_new_volume_whose_first_run_is_under_way_is_new() -> None:
    assert at(run(10 * MINUTE, "Creating"), **made(HOUR)) is NEW


# --- 8 ended


def test_a_schedule_that_stopped_is_late_until_it_is_ended_on_purpose() -> None:
    stopped = run(9 * DAY)
    assert at(stopped) is LATE
    assert at(stopped, ended={"DAILY": NOW - DAY}) is FRESH
    assert judged(stopped, ended={"DAILY": NOW - DAY}).answers == ()


def test_a_new_run_of_its_type_brings_it_back() -> None:
    again = run(31 * HOUR, first_seen_at=NOW - 31 * HOUR)
    assert at(run(9 * DAY), again, ended={"DAILY": NOW - 2 * DAY}) is LATE
    assert at(run(9 * DAY), run(HOUR, kind="WEEKLY"), ended={"DAILY": NOW - 2 * DAY}) is FRESH


def test_an_end_is_of_one_schedule() -> None:
    volume = [run(9 * DAY), run(9 * DAY, kind="HOURLY")]
    assert at(*volume, ended={"DAILY": NOW}) is LATE
    assert at(*volume, ended={"DAILY": NOW, "HOURLY": NOW}) is FRESH


def test_a_schedule_of_which_nothing_is_left_is_late() -> None:
    assert at(run(HOUR, listed=False), run(HOUR, kind="MANUAL")) is LATE
    assert at(run(HOUR, "", listed=False, usable_at=NOW - HOUR), run(HOUR, kind="MANUAL")) is LATE
