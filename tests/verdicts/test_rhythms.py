"""Rhythms: which histories of manual snapshots have one, when its runs are due, and that one never hides a problem."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snapshots.rules.find_rhythm import Found, find
from snapshots.rules.judge import Volume, judge
from snapshots.rules.rhythms import LENGTHS, MANUAL, Rhythm, rhythm_of
from snapshots.rules.runs import Run
from snapshots.rules.schedules import deadline_after, due_after, period, schedules_of
from snapshots.rules.states import is_unknown_type
from snapshots.rules.verdict import ALWAYS, Verdict
from tests.verdicts.runs import DAY, HOUR, LATE, MINUTE, NOW, at, judged, run

# A Monday.
START = datetime(2026, 1, 5, tzinfo=UTC)
IRREGULAR, STEADY = 200, 60
KINDS = ("HOURLY", "DAILY", "WEEKDAYS", "WEEKLY", "MONTHLY")
# How late runs may be, in lengths of the rhythm, and the steps of a drift.
NOISE = {"exact": 0.0, "noise": 0.2, "gap": 0.08, "doubled": 0.08, "drift": 0.04}


def grid(kind: str, random: Random) -> Iterator[datetime]:
    """Yield the moments of a script."""
    length = LENGTHS[kind] * MINUTE
    first = random.randrange(28 * 1440 if kind == "MONTHLY" else LENGTHS[kind]) * MINUTE
    days = random.choice([range(5), (0, 2, 4), (1, 4)]) if kind == "WEEKDAYS" else range(7)
    for number in range(400):
        if kind == "MONTHLY":
            yield START.replace(year=2026 + number // 12, month=number % 12 + 1, day=1) + first
        elif kind != "WEEKDAYS" or number % 7 in days:
            yield START + number * length + first


def script(kind: str, course: str, random: Random, number: int) -> list[datetime]:
    """The first runs of a script, the doubled ones besides."""
    length = LENGTHS[kind] * MINUTE
    moments = [moment for moment, _ in zip(grid(kind, random), range(number + 2), strict=False)]
    if course == "gap":
        place = random.randrange(2, 4)
        del moments[place : place + random.choice([1, 2])]
    drift = length / 100 if course == "drift" else timedelta()
    runs = [
        moment + place * drift + random.random() * NOISE[course] * length
        for place, moment in enumerate(moments[:number])
    ]
    again = [each + random.uniform(0.02, 0.15) * length for each in runs if random.random() < 0.4]
    return sorted([*runs, *again] if course == "doubled" else runs)


def by_chance(random: Random) -> list[datetime]:
    """A year of snapshots that somebody takes when there is a reason to."""
    rate, found, moment = random.choice([0.05, 0.15, 0.4, 1.0, 2.5]), [], START
    style = random.choice(["any time", "bursts", "long waits", "changes", "working hours"])
    if style == "working hours":
        days = [day for day in range(365) if day % 7 < 5 and random.random() < random.uniform(0.05, 0.6)]
        return [START + day * DAY + random.uniform(13, 22) * HOUR for day in days]
    while moment < START + 365 * DAY:
        wait = random.lognormvariate(0, 1) if style == "long waits" else random.expovariate(1)
        moment += random.choice([5, 11, 20, 31, 49, 90]) * HOUR if style == "changes" else wait / rate * DAY
        number = random.randrange(1, 6) if style == "bursts" else 1
        found += [moment + place * random.uniform(1, 90) * MINUTE for place in range(number)]
    return sorted(found)


@pytest.mark.parametrize("course", NOISE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_steady_script_is_found_within_six_runs(kind: str, course: str) -> None:
    """A gap in a set of weekdays may hide which they are: then after two runs more."""
    number = 8 if (kind, course) == ("WEEKDAYS", "gap") else 6
    for seed in range(STEADY):
        runs = script(kind, course, Random(f"{kind} {course} {seed}"), number)
        looks = [find(runs[:seen], runs[seen - 1]) for seen in range(1, len(runs) + 1)]
        assert any(looks), (seed, runs)
        assert not any(looks[:4])
        last = next(found for found in reversed(looks) if found)
        # Five days on end may be of both, and so may a gap at a weekend.
        days = {"DAILY", "WEEKDAYS"}
        assert last.rhythm.kind == kind or days >= {last.rhythm.kind, kind}


def test_of_what_comes_by_chance_none_is_suggested_whenever_one_looks() -> None:
    found: list[tuple[int, Found]] = []
    looks = 0
    for seed in range(IRREGULAR):
        runs = by_chance(Random(seed))
        # The first weeks, where little is known, after each run; later ones now and then.
        for seen in {*range(5, 40), *range(40, len(runs), 25), len(runs)} & {*range(len(runs) + 1)}:
            looks += 1
            if rhythm := find(runs[max(0, seen - 60) : seen], runs[seen - 1]):
                found.append((seed, rhythm))
    assert (found, looks > 20 * IRREGULAR) == ([], True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_confirmed_rhythm_reports_each_missing_run_and_nothing_else(kind: str) -> None:
    """A year of a script, or four hundred hours, with noise up to twelve hours and with gaps."""
    noise = min(LENGTHS[kind] * MINUTE / 10, 12 * HOUR)
    for seed in range(8):
        random = Random(f"{kind} {seed}")
        moments = [each for each in grid(kind, random) if each < START + 365 * DAY]
        runs = {at: each + random.random() * noise for at, each in enumerate(moments)}
        for place in random.sample(range(12, len(moments) - 1), len(moments) // 12 if kind != "MONTHLY" else 0):
            del runs[place]
        first = [runs[place] for place in range(min(12, len(runs)))]
        found = find(first, first[-1])
        assert found is not None
        for (place, began), (following, then) in pairwise(runs.items()):
            is_late = then > deadline_after(str(found.rhythm), began)
            assert is_late == (following - place > 1), (seed, began, then)


def seen(*days: float, hours: Sequence[float] = (2,)) -> Found | None:
    times = [START + day * DAY + hour * HOUR for day in days for hour in hours]
    return find(times, max(times))


@pytest.mark.parametrize(
    ("days", "hours", "schedule", "hits", "of"),
    [
        (range(14), [2], "RHYTHM-DAILY-120", 14, 14),
        (range(40), [2], "RHYTHM-DAILY-120", 14, 14),
        ([0, 1, 2, 4, 5, 6], [2], "RHYTHM-DAILY-120", 6, 7),
        # Another one by hand counts against it, and a second copy does not.
        ([*range(8), 4.4], [2], "RHYTHM-DAILY-120", 8, 8),
        (range(6), [2, 2.5], "RHYTHM-DAILY-120", 6, 6),
        ([0, 1, 2, 3, 4, 7], [2], "RHYTHM-WEEKDAYS-120-01234", 6, 6),
        ([0, 2, 4, 7, 9, 11], [23.9], "RHYTHM-WEEKDAYS-1430-024", 6, 6),
        (range(6, 60, 7), [2], f"RHYTHM-WEEKLY-{6 * 1440 + 120}", 8, 8),
        ([day / 24 for day in range(9)], [0.5], "RHYTHM-HOURLY-30", 9, 9),
        # Too few, every other day, four times a day, twice a day, once with five others.
        (range(4), [2], None, 0, 0),
        (range(0, 30, 2), [2], None, 0, 0),
        (range(10), [0, 6, 12, 18], None, 0, 0),
        (range(10), [2, 14], None, 0, 0),
        ([0, 1, 2, 2.4, 3.6, 4, 4.5, 5, 5.7, 6], [2], None, 0, 0),
    ],
)
def test_what_looks_like_a_rhythm(
    days: Sequence[float], hours: Sequence[float], schedule: str | None, hits: int, of: int
) -> None:
    found = seen(*days, hours=hours)
    assert (found and (str(found.rhythm), found.hits, found.of)) == (schedule and (schedule, hits, of))


def test_a_script_that_stopped_is_not_suggested() -> None:
    times = [START + day * DAY for day in range(10)]
    found = find(times, times[-1])
    assert found is not None
    assert found.until == times[-1] + 30 * HOUR
    assert find(times, found.until) == found
    assert find(times, found.until + MINUTE) is None


@pytest.mark.parametrize(
    ("rhythm", "began", "due"),
    [
        (Rhythm("HOURLY", 5), "2026-11-24T12:06", "2026-11-24T13:05"),
        (Rhythm("HOURLY", 5), "2026-11-24T12:51", "2026-11-24T14:05"),
        (Rhythm("DAILY", 120), "2026-11-24T02:10", "2026-11-25T02:00"),
        # Too early by less than a quarter, and one that somebody took in between.
        (Rhythm("DAILY", 120), "2026-11-24T21:00", "2026-11-26T02:00"),
        (Rhythm("DAILY", 120), "2026-11-24T19:00", "2026-11-25T02:00"),
        # Friday, and Saturday by hand.
        (Rhythm("WEEKDAYS", 120, "01234"), "2026-11-27T02:00", "2026-11-30T02:00"),
        (Rhythm("WEEKDAYS", 120, "01234"), "2026-11-28T15:00", "2026-11-30T02:00"),
        (Rhythm("WEEKLY", 6 * 1440), "2026-11-22T00:00", "2026-11-29T00:00"),
        (Rhythm("MONTHLY", 60), "2026-11-01T01:00", "2026-12-01T01:00"),
        # The 31st runs over into the months after those that lack it.
        (Rhythm("MONTHLY", 30 * 1440), "2026-01-31T00:00", "2026-03-03T00:00"),
        (Rhythm("MONTHLY", 30 * 1440), "2026-03-31T00:00", "2026-05-01T00:00"),
    ],
)
def test_when_the_next_run_is_due(rhythm: Rhythm, began: str, due: str) -> None:
    moment = datetime.fromisoformat(f"{began}:00+00:00")
    assert rhythm_of(str(rhythm)) == rhythm
    assert due_after(str(rhythm), moment) == datetime.fromisoformat(f"{due}:00+00:00")


weekdays = st.sets(st.sampled_from("0123456"), min_size=2, max_size=6).map(lambda days: "".join(sorted(days)))
lengths = {**LENGTHS, "MONTHLY": 31 * 1440}
rhythms = st.sampled_from(KINDS).flatmap(
    lambda kind: st.builds(
        Rhythm, st.just(kind), st.integers(0, lengths[kind] - 1), weekdays if kind == "WEEKDAYS" else st.just("")
    )
)
minutes = st.integers(0, 90 * 1440)


@given(rhythms, minutes, st.integers(0, 40 * 1440))
def test_a_later_run_is_never_due_earlier(rhythm: Rhythm, first: int, later: int) -> None:
    began = NOW - first * MINUTE
    due, name = due_after(str(rhythm), began), str(rhythm)
    assert began + period(name) / 4 <= due <= due_after(name, began + later * MINUTE)
    assert due == rhythm.first_from(due)


@st.composite
def runs(draw: st.DrawFn, rhythm: Rhythm) -> Run:
    kind = draw(st.sampled_from([MANUAL, MANUAL, MANUAL, "DAILY", "WEEKLY", "TEMPLATE", "NIGHTLY"]))
    before = NOW - draw(minutes) * MINUTE
    after = draw(st.sampled_from([None, before, before, before - HOUR, before - 9 * HOUR]))
    first = before + draw(st.sampled_from([0, 3, 600])) * MINUTE
    return Run(
        schedules_of(kind, str(rhythm)),
        draw(
            st.sampled_from(["BackedUp", "BackedUp", "Creating", "Error", "Copying", "Destroyed", "Odd", "Allocated"])
        ),
        after,
        before,
        first,
        usable_at=draw(st.sampled_from([None, first])),
        listed=draw(st.sampled_from([True, True, True, False])),
        is_candidate=draw(st.sampled_from([False, False, True])),
        is_of_unknown_type=is_unknown_type(kind),
    )


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_with_a_rhythm_no_verdict_is_ever_better(data: st.DataObject) -> None:
    """At every moment at which one of both changes, and a moment before."""
    rhythm = data.draw(rhythms)
    volume = Volume(
        data.draw(st.lists(runs(rhythm), max_size=6)),
        data.draw(st.sampled_from([None, NOW - DAY])),
        data.draw(st.sampled_from([None, NOW - HOUR])),
        data.draw(st.sampled_from([None, None, DAY, 7 * DAY])),
        longest=data.draw(st.sampled_from([timedelta(), 3 * HOUR])),
        ended=data.draw(st.sampled_from([{}, {"DAILY": NOW}])),
        is_hidden=data.draw(st.sampled_from([False, False, False, True])),
    )
    without, expected = judge(volume), judge(volume._replace(rhythm=str(rhythm)))
    both = (without.thresholds.worst_first(), expected.thresholds.worst_first())
    for moment in {ALWAYS, NOW, *(since for each in both for _verdict, since in each if since)}:
        for when in (moment, moment - timedelta.resolution):
            assert expected.thresholds.at(when) >= without.thresholds.at(when)
    # Nor is a problem unknown any earlier.
    assert expected.patience == without.patience


def test_beside_a_rhythm_a_run_of_an_unknown_type_may_still_be_missing() -> None:
    rhythm = str(Rhythm("DAILY", 120))
    newest = run(10 * HOUR, kind=MANUAL)._replace(schedules=(rhythm,))
    odd = run(HOUR, kind="NIGHTLY", is_of_unknown_type=True)
    assert at(newest, odd) is at(newest, odd, rhythm=rhythm) is Verdict.UNKNOWN
    assert at(newest, odd, rhythm=rhythm, target=DAY) is Verdict.FRESH


def test_a_missed_run_of_a_rhythm_is_late_after_its_grace() -> None:
    rhythm = str(Rhythm("DAILY", 120))
    # Those by hand, at noon, hide nothing.
    newest = run(34 * HOUR, kind=MANUAL)._replace(schedules=(rhythm,))
    by_hand = run(24 * HOUR, kind=MANUAL)._replace(schedules=(rhythm,))
    deadline = deadline_after(rhythm, newest.began_before)
    assert judged(newest, by_hand, rhythm=rhythm).thresholds.late == deadline == NOW - 4 * HOUR
    assert at(newest, by_hand, rhythm=rhythm) is LATE
    assert at(newest, by_hand) is Verdict.FRESH
