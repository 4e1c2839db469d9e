"""Find a steady rhythm in the times at which a volume's manual snapshots began. Pure functions.

A rhythm is only ever suggested: no verdict is made of it before a member confirms it. So a weak one is not found. Runs
must keep to one time of the hour, day, week or month, within a quarter of it; a gap or a run at another time must be
made up for by another steady run; and it must still go on.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median_low
from typing import NamedTuple

from snapshots.rules.rhythms import DAILY, HOURLY, LENGTHS, MINUTE, MONTHLY, WEEKDAYS, WEEKLY, Rhythm
from snapshots.rules.schedules import due_after, grace

LEAST_RUNS = 5
# The newest runs that are looked at, and how many times to keep for them: some runs are doubled.
MOST_RUNS, MOST_TIMES = 14, 40
# One in this many runs may be at another time, or follow a gap.
RUNS_OF_A_FAULT = 5
# Minutes: the time that people read.
ROUND = 5
EVERY_DAY = frozenset(range(7))
# Monday to Friday, which in UTC may begin a day later or earlier.
WORK_WEEKS = [frozenset((first + day) % 7 for day in range(5)) for first in (0, 1, 6)]
LEAST_WORK_DAYS = 4
# Minutes.
PUNCTUAL = 60
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How far apart two runs usually are, in lengths of the kind.
APART = {WEEKDAYS: (0.75, 6), **dict.fromkeys((HOURLY, DAILY, WEEKLY, MONTHLY), (0.75, 1.25))}


class Found(NamedTuple):
    """A rhythm and its evidence: `hits` of the last `of` expected runs began in time. It goes on until `until`."""

    rhythm: Rhythm
    hits: int
    of: int
    until: datetime


class _Fit(NamedTuple):
    """How runs fit a kind of rhythm.

    `earliest`: the minute of the hour, day, week or month at which the earliest of them began; `delays`: how much later
    each did, by the number of its hour, day, week or month; `newest`: the last one of them; `others`: how many runs
    do not fit.
    """

    earliest: int
    delays: dict[int, int]
    newest: int
    others: int

    @property
    def spread(self) -> int:
        return max(self.delays.values())


def find(times: Iterable[datetime], at: datetime) -> Found | None:
    """Find the rhythm of runs that began at these times, if it still goes on at a moment."""
    minutes = sorted({(time - EPOCH) // MINUTE for time in times})[-MOST_TIMES:]
    if len(minutes) < LEAST_RUNS:
        return None
    fits = [found for kind in LENGTHS for found in _found(kind, minutes)]
    # With equal evidence the simpler kind, which comes first.
    best = min(fits, key=lambda found: found.of - found.hits, default=None)
    return best if best is not None and best.until >= at else None


def _found(kind: str, minutes: Sequence[int]) -> Iterator[Found]:
    length = LENGTHS[kind]
    runs = _without_doubles(minutes, length // 4)[-MOST_RUNS:]
    if len(runs) < LEAST_RUNS:
        return
    least, most = APART[kind]
    if not least * length <= median_low(after - before for before, after in pairwise(runs)) <= most * length:
        return
    fit = max((_fit(kind, run, runs) for run in runs), key=lambda fit: (len(fit.delays), -fit.spread))
    every = range(min(fit.delays), max(fit.delays) + 1)
    for days in _sets_of_days(fit) if kind == WEEKDAYS else [EVERY_DAY]:
        expected = [number for number in every if kind != WEEKDAYS or _weekday(number) in days]
        is_daily = kind == WEEKDAYS and len(expected) == len(every)
        if not is_daily and _is_steady(fit, expected, len(runs), length // 4):
            rhythm = _rhythm(kind, fit, days)
            until = due_after(str(rhythm), EPOCH + fit.newest * MINUTE) + grace(str(rhythm))
            yield Found(rhythm, len(fit.delays), len(expected), until)


def _without_doubles(minutes: Sequence[int], least: int) -> list[int]:
    """Leave out what began soon after the run before: a second try, or a second copy."""
    kept: list[int] = []
    for minute in minutes:
        if not kept or minute - kept[-1] >= least:
            kept.append(minute)
    return kept


def _fit(kind: str, earliest: int, runs: Sequence[int]) -> _Fit:
    """Fit the runs to the time of the hour, day, week or month at which one of them began."""
    length = LENGTHS[kind]
    place = _in_month if kind == MONTHLY else lambda run: divmod(run, length)
    start = place(earliest)[1]
    delays, newest = {}, earliest
    for run in runs:
        number, minute = place(run)
        delay = minute - start
        if delay < 0:
            # It is expected since the time of the hour, day, week or month before.
            number -= 1
            delay = run - _month_start(number) - start if kind == MONTHLY else delay + length
        if delay < length // 4:
            delays[number], newest = delay, run
    return _Fit(start, delays, newest, len(runs) - len(delays))


def _is_steady(fit: _Fit, expected: Sequence[int], runs: int, most_spread: int) -> bool:
    hits = [number in fit.delays for number in expected]
    # A gap counts once, however many runs are missing in it.
    gaps = sum(before and not after for before, after in pairwise(hits))
    faults = gaps + fit.others
    if faults > max(1, runs // RUNS_OF_A_FAULT) or 2 * len(expected) > 3 * len(fit.delays):
        return False
    left = len(fit.delays) - faults
    # The fewer there are, the closer they must be.
    return left >= LEAST_RUNS and fit.spread <= (most_spread if left > LEAST_RUNS else most_spread // 2)


def _sets_of_days(fit: _Fit) -> Iterator[frozenset[int]]:
    """The weekdays that the runs may mean: those of a working week, or those that came back."""
    times = Counter(map(_weekday, fit.delays))
    days = frozenset(times)
    weeks = [week for week in WORK_WEEKS if days <= week and len(days) >= LEAST_WORK_DAYS]
    yield from weeks
    if not weeks and 1 < len(days) < len(EVERY_DAY):
        # Where a run is missing, one of the days may have come once so far: then only a script is so punctual.
        is_punctual = fit.spread <= PUNCTUAL and len(fit.delays) >= 2 * len(days)
        if min(times.values()) > 1 or is_punctual:
            yield days


def _rhythm(kind: str, fit: _Fit, days: frozenset[int]) -> Rhythm:
    """The rhythm whose runs, as they have been, are all in time: none is later than its grace."""
    length = LENGTHS[kind]
    usual = fit.earliest + median_low(fit.delays.values())
    if kind != HOURLY:
        usual -= usual % ROUND
    minute = max(usual, fit.earliest + fit.spread - grace(str(Rhythm(kind, 0))) // MINUTE)
    if kind == WEEKLY:
        # The first minute of all was on a Thursday.
        minute += 3 * LENGTHS[DAILY]
    if kind == MONTHLY:
        return Rhythm(kind, minute)
    weekdays = "".join(map(str, sorted((day + minute // length) % 7 for day in days))) if kind == WEEKDAYS else ""
    return Rhythm(kind, minute % length, weekdays)


def _weekday(day: int) -> int:
    """The weekday of a day that is counted from the first of all, a Thursday."""
    return (day + 3) % 7


def _in_month(minute: int) -> tuple[int, int]:
    moment = EPOCH + minute * MINUTE
    number = (moment.year - EPOCH.year) * 12 + moment.month - 1
    return number, minute - _month_start(number)


def _month_start(number: int) -> int:
    years, months = divmod(number, 12)
    return (EPOCH.replace(year=EPOCH.year + years, month=months + 1) - EPOCH) // MINUTE
