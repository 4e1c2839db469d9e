"""The judge where not all is known: ranges of time, targets, doubted lists, unknown states and types."""

from datetime import timedelta
from typing import Any

import pytest

from snapshots.rules.runs import Run
from snapshots.rules.schedules import schedules_of
from snapshots.rules.states import is_unknown_type
from snapshots.rules.verdict import Verdict
from tests.verdicts.runs import (
    DAY,
    FAILING,
    FRESH,
    HOUR,
    LATE,
    MINUTE,
    NOW,
    RUNNING,
    STUCK,
    UNKNOWN,
    at,
    judged,
    run,
    undated,
)

# --- 10 ranges, doubt, targets


@pytest.mark.parametrize(
    ("newest", "verdict"),
    [
        (run(7 * DAY + 30 * MINUTE - timedelta.resolution, kind="MANUAL"), FRESH),
        (run(7 * DAY + 30 * MINUTE, kind="MANUAL"), LATE),
        (undated(6 * DAY, 2 * HOUR, kind="MANUAL"), FRESH),
        (undated(7 * DAY - HOUR, 2 * HOUR, kind="MANUAL"), UNKNOWN),
        (undated(7 * DAY + 30 * MINUTE, 2 * HOUR, kind="MANUAL"), LATE),
        (undated(HOUR, None, kind="MANUAL"), UNKNOWN),
        (undated(8 * DAY, None, kind="MANUAL"), LATE),
    ],
)
def test_a_target_asks_young_enough_of_the_oldest_end_and_too_old_of_the_youngest(
    newest: Run, verdict: Verdict
) -> None:
    assert at(newest, target=7 * DAY) is verdict


def test_any_type_meets_a_target_and_the_worst_answer_is_the_verdict() -> None:
    template = run(HOUR, kind="TEMPLATE")
    assert at(template, target=DAY) is FRESH
    assert at(template, run(31 * HOUR), target=DAY) is LATE
    assert at(run(29 * HOUR), target=DAY) is LATE


@pytest.mark.parametrize("kind", ["DAILY", "MANUAL", "WEEKLY", "TEMPLATE", "NIGHTLY"])
@pytest.mark.parametrize(
    ("newest_ago", "began_ago", "verdict"),
    [
        # It began before the target ran out, or in the half hour that a run may take to appear.
        (25 * HOUR, 90 * MINUTE, RUNNING),
        (25 * HOUR, 40 * MINUTE, RUNNING),
        (24 * HOUR + 30 * MINUTE, timedelta(), RUNNING),
        (29 * HOUR, 5 * HOUR, RUNNING),
        (30 * HOUR, 6 * HOUR, STUCK),
        (30 * DAY, 29 * DAY, STUCK),
        # It began later, or before what is the newest usable one.
        (25 * HOUR, 29 * MINUTE, LATE),
        (25 * HOUR, 26 * HOUR, LATE),
        (12 * HOUR, 13 * HOUR, FRESH),
    ],
)
def test_a_target_waits_for_a_run_that_began_in_time(
    kind: str, newest_ago: timedelta, began_ago: timedelta, verdict: Verdict
) -> None:
    assert at(run(newest_ago, kind="MANUAL"), run(began_ago, "BackingUp", "MANUAL"), target=DAY) is verdict
    # A schedule's first run is running with any target, and late by the schedule if it is too old.
    if schedules_of(kind) == ():
        assert at(run(newest_ago, kind=kind), run(began_ago, "BackingUp", kind), target=DAY) is verdict


@pytest.mark.parametrize(
    "failed", [run(2 * HOUR, "Error", "MANUAL"), run(2 * HOUR, "Creating", "MANUAL", listed=False)]
)
def test_a_target_waits_for_nothing_that_has_ended(failed: Run) -> None:
    newest = run(DAY, kind="MANUAL")
    said = [at(newest, failed, after=after, target=DAY) for after in (29.9 * MINUTE, 30 * MINUTE)]
    assert said == [FRESH, LATE]


@pytest.mark.parametrize("lasts", [45 * MINUTE, 5 * HOUR])
def test_a_target_equal_to_its_period_is_kept_by_healthy_runs(lasts: timedelta) -> None:
    newest, next_one = run(DAY), run(timedelta(), "Creating")
    before = [at(newest, after=-minutes * MINUTE, target=DAY) for minutes in (600, 1, 0)]
    during = {at(newest, next_one, after=minutes * MINUTE, target=DAY) for minutes in range(int(lasts / MINUTE))}
    assert (before, during) == ([FRESH] * 3, {RUNNING})


def test_a_run_within_a_kept_target_is_no_word() -> None:
    volume = [run(12 * HOUR, kind="MANUAL"), run(9 * HOUR, "Creating", "MANUAL")]
    said = [at(*volume, after=hours * HOUR, target=DAY) for hours in (0, 11.9, 12, 12.4, 12.5)]
    assert said == [FRESH, FRESH, RUNNING, RUNNING, STUCK]


def test_without_knowing_when_a_run_began_a_target_cannot_tell() -> None:
    newest, running = run(25 * HOUR, kind="MANUAL"), undated(10 * MINUTE, HOUR, "Creating", "MANUAL")
    said = [at(newest, running, after=hours * HOUR, target=DAY) for hours in (-0.6, 0, 5.8, 5.9)]
    assert said == [RUNNING, UNKNOWN, UNKNOWN, STUCK]


@pytest.mark.parametrize(("seen_ago", "verdict"), [(HOUR, UNKNOWN), (7 * HOUR, STUCK), (31 * HOUR, LATE)])
def test_a_target_cannot_tell_whether_a_run_of_unknown_age_began_in_time(seen_ago: timedelta, verdict: Verdict) -> None:
    # The limit is six hours. One that was already seen before the newest usable one is left over.
    assert at(run(30 * HOUR, kind="MANUAL"), undated(seen_ago, None, "BackingUp", "MANUAL"), target=DAY) is verdict


def test_one_of_unknown_age_beside_a_dated_one_may_be_the_newer() -> None:
    volume = [run(8 * DAY, kind="MANUAL"), undated(HOUR, None, kind="MANUAL")]
    assert at(*volume, target=7 * DAY) is UNKNOWN
    assert at(*volume, run(HOUR, kind="MANUAL"), target=7 * DAY) is FRESH


@pytest.mark.parametrize(
    ("newest", "verdict"),
    [
        (undated(29 * HOUR, HOUR / 2), FRESH),
        (undated(29.5 * HOUR, HOUR), UNKNOWN),
        (undated(30 * HOUR, HOUR), LATE),
        (undated(HOUR, None), UNKNOWN),
        (undated(31 * HOUR, None), LATE),
    ],
)
def test_a_deadline_of_an_undated_run_is_a_range_too(newest: Run, verdict: Verdict) -> None:
    assert at(newest) is verdict


def test_a_run_of_which_nobody_knows_whether_it_began_in_time() -> None:
    running = undated(HOUR / 2, 2 * HOUR, "Creating")
    assert at(run(31 * HOUR), running) is UNKNOWN


@pytest.mark.parametrize(
    ("later", "verdict"),
    [
        (run(2 * HOUR, "Error"), UNKNOWN),
        (run(2 * HOUR, "Creating", listed=False), UNKNOWN),
        (run(7 * HOUR, "Creating"), UNKNOWN),
        (run(HOUR / 2, "Error"), FAILING),
    ],
)
def test_a_try_that_may_be_older_than_a_usable_one_decides_nothing(later: Run, verdict: Verdict) -> None:
    for usable in (undated(HOUR, None), undated(HOUR, 8 * HOUR)):
        assert at(later, usable, run(25 * HOUR)) is verdict


def candidate(ago: timedelta, state: str = "BackedUp", kind: str = "DAILY") -> Run:
    return run(ago, state, kind, is_candidate=True)


@pytest.mark.parametrize(
    ("volume", "verdict"),
    [
        ([candidate(HOUR), run(31 * HOUR)], UNKNOWN),
        ([candidate(HOUR), run(25 * HOUR)], FRESH),
        ([candidate(31 * HOUR), run(55 * HOUR)], LATE),
        ([candidate(HOUR)], UNKNOWN),
        ([candidate(HOUR, "Creating"), run(25 * HOUR)], UNKNOWN),
        ([candidate(HOUR, "Error"), run(25 * HOUR)], FAILING),
        # It hangs, or vanished, or was completed and rotated away.
        ([candidate(7 * HOUR, "Creating"), run(25 * HOUR)], UNKNOWN),
        ([candidate(7 * HOUR, "Creating"), run(31 * HOUR)], STUCK),
        ([candidate(31 * HOUR, kind="MANUAL")], UNKNOWN),
    ],
)
def test_what_one_list_left_out_is_judged_both_ways(volume: list[Run], verdict: Verdict) -> None:
    assert at(*volume) is verdict


def test_a_doubted_one_is_not_counted_as_usable() -> None:
    judgement = judged(candidate(HOUR), run(25 * HOUR))
    assert (judgement.usable, judgement.newest_usable) == (1, run(25 * HOUR))


# --- states that are not known


@pytest.mark.parametrize("state", ["Processing", "", "backedup", "BackedUp ", "Löschen"])
@pytest.mark.parametrize("kind", ["DAILY", "MANUAL"])
def test_whether_the_only_snapshot_is_usable_is_not_known(state: str, kind: str) -> None:
    judgement = judged(run(HOUR, state, kind))
    assert (judgement.thresholds.at(NOW), judgement.unknown_states) == (UNKNOWN, 1)
    assert (judgement.usable, judgement.newest_usable) == (0, None)


@pytest.mark.parametrize(
    ("others", "facts", "verdict"),
    [
        ([run(25 * HOUR)], {}, FRESH),
        ([run(31 * HOUR)], {}, UNKNOWN),
        ([run(31 * HOUR), run(2 * HOUR)], {}, FRESH),
        ([run(25 * HOUR)], {"target": DAY}, UNKNOWN),
        ([run(25 * HOUR), run(10 * MINUTE, "Error")], {}, FAILING),
        ([run(9 * DAY, kind="WEEKLY")], {}, LATE),
    ],
)
def test_a_state_that_is_not_known_is_judged_both_ways(
    others: list[Run], facts: dict[str, Any], verdict: Verdict
) -> None:
    for usable_at in (None, NOW - HOUR):
        assert at(run(HOUR, "Processing", usable_at=usable_at), *others, **facts) is verdict


def test_where_it_is_too_old_either_way_that_is_said() -> None:
    assert at(run(31 * HOUR, "Processing"), run(55 * HOUR)) is LATE
    assert at(run(HOUR, "Processing", listed=False), run(31 * HOUR)) is LATE


def test_the_reason_is_the_state_only_where_it_decides() -> None:
    odd = run(40 * DAY, "Processing")
    assert judged(odd, candidate(HOUR), run(25 * HOUR)).unknown_states == 0
    assert judged(run(HOUR, "Processing"), run(25 * HOUR)).unknown_states == 1


@pytest.mark.parametrize(
    ("others", "facts", "verdict"),
    [
        ([], {}, UNKNOWN),
        ([run(2 * HOUR, kind="MANUAL")], {}, UNKNOWN),
        ([run(HOUR)], {}, FRESH),
        ([run(31 * HOUR)], {}, LATE),
        ([], {"target": DAY}, FRESH),
        ([], {"target": HOUR}, LATE),
    ],
)
def test_whether_a_run_of_an_unknown_type_is_due_is_not_known(
    others: list[Run], facts: dict[str, Any], verdict: Verdict
) -> None:
    odd = run(2 * HOUR, kind="NIGHTLY", is_of_unknown_type=True)
    assert at(odd, *others, **facts) is verdict
    assert at(odd._replace(listed=False), run(HOUR, kind="MANUAL")) is FRESH


@pytest.mark.parametrize(
    ("interval_type", "is_unknown"),
    [
        ("NIGHTLY", True),
        ("", True),
        ("daily", True),
        ("DAILY,NIGHTLY", True),
        ("DAILY, WEEKLY", False),
        ("GROUP", False),
    ],
)
def test_which_types_are_not_known(interval_type: str, is_unknown: bool) -> None:
    assert is_unknown_type(interval_type) is is_unknown
