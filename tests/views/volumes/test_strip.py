"""The strip of 30 days: what each day came to, and the sentence under it. Pure values, no database."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from snapshots.models import Environment, Volume
from snapshots.rules.schedules import SCHEDULES
from snapshots.verdicts.inputs import Row, days_of, gaps_of
from snapshots.verdicts.last_30_days import Kind, Strip, strip_of
from snapshots.verdicts.watched_time import Watch
from snapshots.views.volumes import strip_svg
from tests.loops import in_turn

TODAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEAR = timedelta(minutes=5)


def ago(days: float, hour: int = 3, minute: int = 10) -> datetime:
    return datetime(2026, 11, 24, hour, minute, tzinfo=UTC) - timedelta(days=days)


def volume(runs: dict[str, list[datetime]], failed: Sequence[datetime] = (), *, at: datetime = NOON) -> Volume:
    """A volume with these runs of each interval type; a failed try of the first type at other times."""
    of = Volume()
    first = next(iter(runs), "")
    rows = [row(kind, began) for kind, times in runs.items() for began in times]
    rows += [row(first, began, state="Error") for began in failed]
    of.days, of.gaps = days_of(of, rows, at), gaps_of(of, rows, at)
    for kind in SCHEDULES:
        if began := [each.taken_before for each in rows if each.interval_type == kind]:
            last, earliest = max(began).isoformat(), min(began).isoformat()
            of.answers.append({"schedule": kind, "first_began": earliest, "last_began": last})
    return of


def row(kind: str, began: datetime, *, state: str = "BackedUp", after: datetime | None = None) -> Row:
    usable_at = began if state == "BackedUp" else None
    return Row(
        1, "v", kind, state, after or began, began, began, began, usable_at, None, listed=True, missing_since=None
    )


def daily(made: list[int], failed: list[int] = [], *, hour: int = 3) -> Volume:  # noqa: B006 never changed
    """A daily volume with a run on each of these days ago, and a failed try on others."""
    return volume({"DAILY": [ago(day, hour) for day in made]}, [ago(day, hour) for day in failed])


def strip(
    of: Volume,
    *,
    began: datetime | None = LONG_AGO,
    data_at: datetime | None = NOON,
    silences: tuple[tuple[datetime, datetime], ...] = (),
) -> Strip:
    return strip_of(of, today=TODAY, watch=Watch(began, data_at, silences), data_at=data_at)


def drawn(found: Strip) -> str:
    """One letter a day, equal ones counted: "27T 3M"."""
    letters = (strip_svg.LETTERS[mark.kind] for mark in found.marks)
    return " ".join(f"{len(list(same))}{letter}" for letter, same in groupby(letters))


def said(of: Volume, **given: Any) -> tuple[str, str]:
    found = strip(of, **given)
    return drawn(found), strip_svg.sentence(found)


def test_every_day_taken() -> None:
    assert said(daily(list(range(31)))) == ("30T", "30 of 30 daily runs OK")


def test_missed_days_are_those_whose_deadline_has_passed() -> None:
    assert said(daily(list(range(3, 31)))) == ("27T 3M", "27 of 30 daily runs OK")


@in_turn(("hour", "expected"), [(5, "29T 1M"), (6, "29T 1_"), (22, "29T 1_")])
def test_a_run_that_may_still_come_is_not_missed(hour: int, expected: str) -> None:
    # Due at :10, late six hours after; the data is of noon.
    assert drawn(strip(daily(list(range(1, 31)), hour=hour))) == expected


def test_late_in_the_evening_yesterdays_run_is_still_in_time() -> None:
    of = daily(list(range(2, 31)), hour=22)
    assert drawn(strip(of, data_at=ago(0, 4, 9))) == "28T 2_"
    assert drawn(strip(of, data_at=ago(0, 4, 11))) == "28T 1M 1_"


def test_failed_tries_and_the_day_since_when_none_worked() -> None:
    assert said(daily([], [2, 1, 0])) == ("27_ 3F", "no run worked since 22 Nov")
    assert said(daily(list(range(2, 31)), [1, 0])) == ("28T 2F", "28 of 30 daily runs OK")


def test_many_tries_are_one_run() -> None:
    tries = [ago(0, 3) + number * NEAR for number in range(40)]
    assert said(volume({"DAILY": [ago(day) for day in range(1, 31)]}, tries)) == ("29T 1F", "29 of 30 daily runs OK")


def test_a_gap_in_the_middle() -> None:
    found = strip(daily([number for number in range(31) if number not in (10, 11)]))
    assert drawn(found) == "18T 2M 10T"
    assert "missed on 2 days (13 Nov–14 Nov)" in strip_svg.label(found)


# --- only what was watched is missed


def test_before_the_first_list_nothing_is_missed() -> None:
    assert said(daily([20, *range(1, 12), 0]), began=ago(17, 0)) == (
        "9. 1T 2. 6M 12T",
        "12 of 18 daily runs OK",
    )
    assert said(daily(list(range(3, 20))), began=ago(0, 0)) == ("10. 17T 2. 1M", "0 of 1 daily run OK")


def test_nothing_is_missed_while_nobody_watched() -> None:
    of = daily([number for number in range(31) if number not in (9, 10, 11, 20)])
    silence = (ago(11, 1), ago(9, 11))
    assert drawn(strip(of)) == "9T 1M 8T 3M 9T"
    assert drawn(strip(of, silences=(silence,))) == "9T 1M 8T 3. 9T"


def test_what_was_taken_while_nobody_watched_is_shown() -> None:
    assert drawn(strip(daily(list(range(31))), silences=((ago(20), ago(5)),))) == "30T"


@in_turn(
    ("silence", "expected"),
    [
        # Due at 03:10, deadline at 09:10.
        ((ago(1, 3, 0), ago(1, 5)), "28T 1. 1T"),
        ((ago(1, 8), ago(1, 10)), "28T 1. 1T"),
        ((ago(1, 4), ago(1, 8)), "28T 1M 1T"),
        ((ago(1, 10), ago(1, 20)), "28T 1M 1T"),
    ],
)
def test_due_time_and_deadline_must_be_watched(silence: tuple[datetime, datetime], expected: str) -> None:
    of = daily([0, *range(2, 31)])
    assert drawn(strip(of, silences=(silence,))) == expected


def test_nothing_is_missed_since_the_newest_list_that_was_believed() -> None:
    watch = Watch(LONG_AGO, ago(2, 12))
    assert drawn(strip_of(daily(list(range(3, 31))), today=TODAY, watch=watch, data_at=NOON)) == "27T 1M 2."


def test_failed_ones_are_shown_though_nobody_watched() -> None:
    assert said(daily([], [2, 1, 0]), began=ago(0, 0)) == ("27. 3F", "no run worked since 22 Nov")


def test_days_after_our_newest_data_are_not_watched() -> None:
    assert drawn(strip(daily(list(range(2, 31))), data_at=ago(2, 12))) == "28T 2."


@in_turn("given", [{"data_at": None}, {"began": None}])
def test_never_listed_whole(given: dict[str, Any]) -> None:
    assert drawn(strip(daily([1]), **given)) == "30."


# --- by elapsed time

# Runs that are never late: how far apart they are.
STEADY = {
    "a minute later each day": ("DAILY", ago(31, 23, 45), DAY + timedelta(minutes=1)),
    "earlier each day": ("DAILY", ago(31, 0, 20), DAY - timedelta(minutes=2)),
    "five hours later each day": ("DAILY", ago(34), DAY + timedelta(hours=5)),
    "later each week": ("WEEKLY", ago(33, 23, 0), timedelta(days=7, hours=20)),
    "later each hour": ("HOURLY", ago(2), timedelta(minutes=80)),
}


@in_turn("how", STEADY)
def test_no_run_is_missed_that_came_within_its_grace(how: str) -> None:
    kind, first, step = STEADY[how]
    runs = [first + number * step for number in range(int((NOON - first) / step) + 1)]
    found = strip(volume({kind: runs}))
    assert found.of_kind(Kind.MISSED) == []
    assert sum(mark.count.due - mark.count.made for mark in found.marks) == 0


# Such whose drift is small beside their grace.
DRIFTING = STEADY | {
    "five hours later each day": ("DAILY", ago(30), DAY + timedelta(minutes=20)),
    "later each week": ("WEEKLY", ago(29, 23, 50), timedelta(days=7, hours=3)),
    "later each hour": ("HOURLY", ago(2), timedelta(minutes=61)),
}


@in_turn("missing", [(5,), (5, 6), (1,)])
@in_turn("how", DRIFTING)
def test_each_run_that_did_not_come_is_missed_once(how: str, missing: tuple[int, ...]) -> None:
    kind, first, step = DRIFTING[how]
    whole = [first + number * step for number in range(int((NOON - first) / step) + 1)]
    runs = [began for number, began in enumerate(whole) if len(whole) - number - 1 not in missing]
    found = strip(volume({kind: runs}))
    gone = {began for began in whole if began not in runs and began.date() >= found.marks[0].day}
    assert sum(mark.count.due - mark.count.made for mark in found.marks) == len(gone)


def test_summer_time_makes_no_miss() -> None:
    # Clocks go back on 1 November in Montreal: 03:00 there is 07:00 UTC, then 08:00.
    change = datetime(2026, 11, 1, 6, tzinfo=UTC)
    runs = [began + HOUR * (began > change) for began in (ago(day, 7, 0) for day in range(31))]
    assert drawn(strip(volume({"DAILY": runs}))) == "30T"


def test_a_weekly_run_is_due_a_week_after_the_last() -> None:
    of = volume({"WEEKLY": [ago(day) for day in (2, 9, 16, 23, 30)]})
    assert said(of) == ("6_ 1T 6_ 1T 6_ 1T 6_ 1T 2_", "4 of 4 weekly runs OK")


def test_a_weekly_run_that_came_ten_days_late_is_missed_once_and_moves_the_next() -> None:
    of = volume({"WEEKLY": [ago(day) for day in (27, 10, 3)]})
    assert said(of) == ("2_ 1T 6_ 1M 6_ 1M 2_ 1T 6_ 1T 3_", "3 of 5 weekly runs OK")


def test_a_month_whose_last_run_is_older_than_the_strip() -> None:
    of = volume({"MONTHLY": [ago(40)]})
    assert said(of) == ("20_ 1M 9_", "0 of 1 monthly run OK")


def test_a_range_may_hold_the_run_that_seems_to_be_missing() -> None:
    rows = [row("DAILY", ago(day)) for day in range(31) if day not in (10, 11)]
    of = daily([day for day in range(31) if day not in (10, 11)])
    of.gaps = gaps_of(Volume(), [*rows, row("DAILY", ago(9, 12), after=ago(11))], NOON)
    assert Kind.MISSED not in {mark.kind for mark in strip(of).marks}


def test_gaps_outlive_their_rows_and_end_with_a_row_that_is_listed_late() -> None:
    hours = [ago(9, 0) + number * HOUR for number in range(24 * 9) if number not in (30, 31)]
    of = volume({"HOURLY": hours}, at=ago(8, 20))
    of.schedules, of.gaps = "H", gaps_of(of, [row("HOURLY", began) for began in hours], ago(7, 12))
    assert len(of.gaps["H"]) == 1
    late = [row("HOURLY", began) for began in hours if began > ago(3)]
    assert gaps_of(of, late, NOON) == of.gaps
    assert gaps_of(of, [*late, row("HOURLY", ago(9, 0) + 30 * HOUR)], NOON) == {}


def test_several_runs_a_day_are_as_high_as_they_were_made() -> None:
    yesterday = ago(1, 0, 0)
    runs = [yesterday + number * HOUR for number in range(36) if not 6 <= number < 18]
    found = strip(volume({"HOURLY": runs}))
    assert [round(mark.share, 2) for mark in found.marks[-2:]] == [0.5, 1.0]
    assert strip_svg.sentence(found) == "24 of 36 runs OK"


def test_a_manual_one_hides_no_miss_and_stands_in_for_no_schedule() -> None:
    of = volume({"DAILY": [ago(day) for day in range(2, 31)], "MANUAL": [ago(0), ago(0), ago(0), ago(1)]})
    assert said(of) == ("28T 2M", "28 of 30 daily runs OK")


def test_one_schedule_stands_in_for_no_other() -> None:
    of = volume({"DAILY": [ago(day) for day in range(31)], "WEEKLY": [ago(day) for day in (9, 16, 23)]})
    found = strip(of)
    assert drawn(found) == "30T"
    assert [mark.day for mark in found.marks if mark.share < 1] == [TODAY - timedelta(days=2)]
    assert strip_svg.sentence(found) == "33 of 34 runs OK"


def test_two_of_one_schedule_stand_in_for_no_other() -> None:
    of = volume({"DAILY": [*(ago(day) for day in range(31)), ago(2, 23)], "WEEKLY": [ago(9)]})
    assert {mark.day: mark.share for mark in strip(of).marks if mark.share < 1} == {TODAY - timedelta(days=2): 2 / 3}


def test_without_a_schedule_it_shows_what_was_taken() -> None:
    assert said(volume({"MANUAL": [ago(4), ago(4), ago(1)]}, [ago(1)])) == ("25_ 1T 2_ 1T 1_", "3 taken in 30 days")
    assert said(volume({})) == ("30_", "0 taken in 30 days")


def test_every_kind_is_drawn_in_a_form_of_its_own() -> None:
    forms = {path.kind: path.d for path in strip_svg.legend()}
    assert set(forms) == {kind.value for kind in Kind}
    assert len(set(forms.values())) == len(Kind)


def test_nothing_is_missed_of_a_volume_after_it_was_deleted() -> None:
    of = daily(list(range(10, 31)))
    of.deleted_at = ago(5, 12)
    place = Environment(first_listed_at=ago(90), watched_at=NOON, data_at=NOON)
    shown = strip_svg.shown_strip(of, place, NOON)
    assert (shown.sentence, "not watched on 5 days" in shown.label) == ("20 of 25 daily runs OK", True)


def test_the_days_follow_the_providers_clock() -> None:
    of = daily(list(range(31)))
    place = Environment(first_listed_at=ago(90), watched_at=NOON, data_at=NOON, clock_ahead=86_400)
    shown = strip_svg.shown_strip(of, place, NOON - timedelta(days=1))
    assert (shown.sentence, len(shown.paths)) == ("30 of 30 daily runs OK", 1)
