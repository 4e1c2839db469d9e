"""The strip of 30 days: what each day came to, and the sentence under it. Pure values, no database."""

from datetime import UTC, date, datetime, timedelta

import pytest

from snapshots.models import Environment, Volume
from snapshots.strip import Kind, Strip, strip_of
from snapshots.views import strips

TODAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LONG_AGO = date(2026, 1, 1)
LETTERS = {
    Kind.TAKEN: "T",
    Kind.FAILED: "F",
    Kind.MISSED: "M",
    Kind.NONE_DUE: "_",
    Kind.NOT_WATCHED: ".",
}


def ago(days: int, hour: int = 3, minute: int = 10) -> datetime:
    return datetime(2026, 11, 24, hour, minute, tzinfo=UTC) - timedelta(days=days)


def answer(schedule: str, *, first: datetime, last: datetime, newest: datetime | None) -> dict[str, str | None]:
    newest_text = newest.isoformat() if newest else None
    return {
        "schedule": schedule,
        "first_began": first.isoformat(),
        "last_began": last.isoformat(),
        "newest_before": newest_text,
    }


def volume(days: dict[int, dict[str, list[int]]], *answers: dict[str, str | None]) -> Volume:
    by_day = {(TODAY - timedelta(days=number)).isoformat(): counts for number, counts in days.items()}
    return Volume(days=by_day, answers=list(answers))


def daily(made: list[int], failed: list[int] = [], *, hour: int = 3) -> Volume:  # noqa: B006 never changed
    """A daily volume with a run on each of these days ago, and a failed try on others."""
    days = {number: {"D": [1, 0]} for number in made} | {number: {"D": [0, 1]} for number in failed}
    newest = ago(min(made), hour) if made else None
    both = [*made, *failed]
    return volume(days, answer("DAILY", first=ago(max(both), hour), last=ago(min(both), hour), newest=newest))


def strip(of: Volume, *, watched_from: date | None = LONG_AGO, data_at: datetime | None = NOON) -> Strip:
    return strip_of(of, today=TODAY, watched_from=watched_from, data_at=data_at)


def drawn(found: Strip) -> str:
    """One letter a day, equal ones counted: "27T 3M"."""
    text = "".join(LETTERS[mark.kind] for mark in found.marks)
    runs: list[list[str]] = []
    for letter in text:
        if runs and runs[-1][0] == letter:
            runs[-1].append(letter)
        else:
            runs.append([letter])
    return " ".join(f"{len(run)}{run[0]}" for run in runs)


def said(of: Volume, **given: object) -> tuple[str, str]:
    found = strip(of, **given)  # type: ignore[arg-type]
    return drawn(found), strips.sentence(found)


def test_every_day_taken() -> None:
    assert said(daily(list(range(31)))) == ("30T", "30 of 30 days")


def test_missed_days_are_those_whose_deadline_has_passed() -> None:
    assert said(daily(list(range(3, 31)))) == ("27T 3M", "27 of 30 days")


@pytest.mark.parametrize(("hour", "expected"), [(5, "29T 1M"), (6, "29T 1_"), (22, "29T 1_")])
def test_a_run_that_may_still_come_is_not_missed(hour: int, expected: str) -> None:
    # Due at :10, late six hours after; the data is of noon.
    assert drawn(strip(daily(list(range(1, 31)), hour=hour))) == expected


def test_late_in_the_evening_yesterdays_run_is_still_in_time() -> None:
    of = daily(list(range(2, 31)), hour=22)
    early, later = ago(0, 4, 9), ago(0, 4, 10)
    assert drawn(strip(of, data_at=early)) == "28T 2_"
    assert drawn(strip(of, data_at=later)) == "28T 1M 1_"


def test_failed_tries_and_the_day_since_when_none_worked() -> None:
    assert said(daily([], [2, 1, 0])) == ("27_ 3F", "no run worked since 22 Nov")
    assert said(daily(list(range(2, 31)), [1, 0])) == ("28T 2F", "28 of 30 days")


def test_a_gap_in_the_middle() -> None:
    made = [number for number in range(31) if number not in (10, 11)]
    found = strip(daily(made))
    assert drawn(found) == "18T 2M 10T"
    assert "missed on 2 days (13 Nov–14 Nov)" in strips.label(found, NOON)


def test_before_we_watched_an_empty_day_tells_nothing() -> None:
    of = daily([20, *range(1, 12), 0])
    assert said(of, watched_from=TODAY - timedelta(days=17)) == ("9. 1T 2. 6M 12T", "12 of 18 days watched")


def test_after_its_newest_run_a_day_is_missed_though_we_did_not_watch() -> None:
    assert said(daily(list(range(3, 20))), watched_from=TODAY) == ("10. 17T 3M", "0 of 3 days watched")


def test_failed_ones_after_the_newest_usable_one_are_known_though_we_did_not_watch() -> None:
    assert said(daily(list(range(3, 20)), [2, 1, 0]), watched_from=TODAY) == ("10. 17T 3F", "0 of 3 days watched")
    assert said(daily([], [2, 1, 0]), watched_from=TODAY) == ("27. 3F", "no run worked since 22 Nov")


def test_days_after_our_newest_data_are_not_watched() -> None:
    found = strip(daily(list(range(2, 31))), data_at=ago(2, 12))
    assert drawn(found) == "28T 2."


@pytest.mark.parametrize("given", [{"data_at": None}, {"watched_from": None}])
def test_never_listed_whole(given: dict[str, None]) -> None:
    assert drawn(strip(daily([1]), **given)) == "30."


def test_a_weekly_run_is_due_a_week_after_the_last() -> None:
    of = volume(
        {number: {"W": [1, 0]} for number in (2, 9, 16, 23)},
        answer("WEEKLY", first=ago(100), last=ago(2), newest=ago(2)),
    )
    assert said(of) == ("6_ 1T 6_ 1T 6_ 1T 6_ 1T 2_", "4 of 4 weeks")


def test_a_weekly_run_that_came_ten_days_late_is_missed_once_and_moves_the_next() -> None:
    of = volume(
        {number: {"W": [1, 0]} for number in (27, 10, 3)},
        answer("WEEKLY", first=ago(100), last=ago(3), newest=ago(3)),
    )
    assert said(of) == ("2_ 1T 6_ 1M 6_ 1M 2_ 1T 6_ 1T 3_", "3 of 5 weeks")


def test_a_weekly_run_within_its_grace_on_the_next_day_is_no_miss() -> None:
    of = volume(
        {number: {"W": [1, 0]} for number in (17, 9, 2)}, answer("WEEKLY", first=ago(17), last=ago(2), newest=ago(2))
    )
    assert said(of) == ("12_ 1T 7_ 1T 6_ 1T 2_", "3 of 3 weeks")


def test_a_month_whose_last_run_is_older_than_the_strip() -> None:
    of = volume({}, answer("MONTHLY", first=ago(200), last=ago(40), newest=ago(40)))
    assert said(of) == ("20_ 1M 9_", "0 of 1 month")


def test_runs_around_midnight_fall_on_the_day_beside() -> None:
    days = {number: {"D": [1, 0]} for number in range(31)} | {10: {"D": [2, 0]}}
    del days[11]
    late = volume(days, answer("DAILY", first=ago(40), last=ago(0, 0, 1), newest=ago(0, 0, 1)))
    assert drawn(strip(late)) == "18T 1_ 11T"
    morning = volume(days, answer("DAILY", first=ago(40), last=ago(0), newest=ago(0)))
    assert drawn(strip(morning)) == "18T 1M 11T"


def test_several_runs_a_day_are_as_high_as_they_were_made() -> None:
    days = {number: {"H": [24, 0]} for number in range(31)} | {1: {"H": [12, 0]}, 0: {"H": [11, 0]}}
    found = strip(volume(days, answer("HOURLY", first=ago(100), last=ago(0, 11), newest=ago(0, 11))))
    assert [round(mark.share, 2) for mark in found.marks[-3:]] == [1.0, 0.5, 1.0]
    assert strips.sentence(found) == "695 of 707 runs"


def test_a_manual_one_hides_no_miss_and_stands_in_for_no_schedule() -> None:
    of = daily(list(range(2, 31)))
    of.days[TODAY.isoformat()] = {"": [3, 0]}
    of.days[(TODAY - timedelta(days=1)).isoformat()] = {"": [1, 0]}
    assert said(of) == ("28T 2M", "28 of 30 days")


def test_one_schedule_stands_in_for_no_other() -> None:
    days = {number: {"D": [1, 0], "W": [1, 0]} if number in (9, 16, 23) else {"D": [1, 0]} for number in range(31)}
    weekly = answer("WEEKLY", first=ago(100), last=ago(9), newest=ago(9))
    of = volume(days, answer("DAILY", first=ago(100), last=ago(0), newest=ago(0)), weekly)
    found = strip(of)
    assert drawn(found) == "30T"
    assert [mark.day for mark in found.marks if mark.share < 1] == [TODAY - timedelta(days=2)]
    assert strips.sentence(found) == "33 of 34 runs"


def test_two_of_one_schedule_stand_in_for_no_other() -> None:
    days = {number: {"D": [1, 0]} for number in range(31)} | {2: {"D": [2, 0]}, 9: {"D": [1, 0], "W": [1, 0]}}
    weekly = answer("WEEKLY", first=ago(100), last=ago(9), newest=ago(9))
    found = strip(volume(days, answer("DAILY", first=ago(100), last=ago(0), newest=ago(0)), weekly))
    assert {mark.day: mark.share for mark in found.marks if mark.share < 1} == {TODAY - timedelta(days=2): 0.5}


def test_without_a_schedule_it_shows_what_was_taken() -> None:
    assert said(volume({4: {"": [2, 0]}, 1: {"": [1, 1]}})) == ("25_ 1T 2_ 1T 1_", "3 taken in 30 days")
    assert said(volume({})) == ("30_", "0 taken in 30 days")


def test_every_kind_is_drawn_in_a_form_of_its_own() -> None:
    forms = {path.kind: path.d for path in strips.legend()}
    assert set(forms) == {kind.value for kind in Kind}
    assert len(set(forms.values())) == len(Kind)


def test_nothing_is_missed_of_a_volume_after_it_was_deleted() -> None:
    of = daily(list(range(10, 31)))
    of.gone_at = ago(5, 12)
    place = Environment(first_listed_at=ago(90), data_at=NOON)
    shown = strips.shown_strip(of, place, NOON)
    assert (shown.sentence, "not watched on 5 days" in shown.label) == ("20 of 25 days", True)


def test_the_days_follow_the_providers_clock() -> None:
    of = daily(list(range(31)))
    place = Environment(first_listed_at=ago(90), data_at=NOON, clock_ahead=86_400)
    shown = strips.shown_strip(of, place, NOON - timedelta(days=1))
    assert (shown.sentence, len(shown.paths)) == ("30 of 30 days", 1)
