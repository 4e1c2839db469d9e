"""A volume's last 30 days: what was due and what came of it, day by day (UTC).

A day is missed only when a run of it was due, and its deadline passed, in watched time: by elapsed time since the run
before. Other times tell nothing, as what was taken then may have been deleted since.
Pages take `snapshots.views.volumes.strip_svg.shown_strip`, which draws it and says it in words.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from snapshots.models import Volume
from snapshots.rules.rhythms import rhythm_of
from snapshots.rules.schedules import FIXED, due_after, grace, period
from snapshots.verdicts.watched_time import Watch

DAYS = 30
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Kind(Enum):
    TAKEN = "taken"
    FAILED = "failed"
    MISSED = "missed"
    NONE_DUE = "none-due"
    NOT_WATCHED = "not-watched"


class Count(NamedTuple):
    """A day's runs: due, made, failed."""

    due: int = 0
    made: int = 0
    failed: int = 0


NOTHING = Count()


@dataclass(frozen=True, slots=True)
class Mark:
    """One day. `is_known`: it was watched; only such days are counted."""

    day: date
    kind: Kind
    count: Count = NOTHING
    is_known: bool = True

    @property
    def share(self) -> float:
        """Runs made of those due, at most 1; 1 where we cannot tell how many were due and made."""
        return min(self.count.made / self.count.due, 1.0) if self.count.due and self.is_known else 1.0


@dataclass(frozen=True, slots=True)
class Strip:
    """The marks, oldest first. `schedules`: those of the volume; `is_whole`: every day of it was watched."""

    marks: tuple[Mark, ...]
    schedules: tuple[str, ...]
    is_whole: bool

    def of_kind(self, kind: Kind) -> list[Mark]:
        return [mark for mark in self.marks if mark.kind is kind]

    @property
    def known(self) -> list[Mark]:
        """The days on which a run was due and of which we know what came of it."""
        return [mark for mark in self.marks if mark.is_known and mark.count.due]


class _Days(NamedTuple):
    """What is known of one schedule, by day: its runs, and those that did not begin, watched or not."""

    counts: Mapping[date, Count]
    unwatched: frozenset[date]


def strip_of(volume: Volume, *, today: date, watch: Watch, data_at: datetime | None) -> Strip:
    """Draw up a volume's days until today.

    `data_at`: the moment of the environment's newest complete list, by the provider's clock; None: there was none yet.
    """
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    names = tuple(str(answer["schedule"]) for answer in volume.answers)
    if data_at is None or watch.began is None:
        return Strip(tuple(Mark(day, Kind.NOT_WATCHED, is_known=False) for day in days), names, is_whole=False)
    watch = watch.up_to(data_at)
    found = [_days_of(volume, answer, days, watch, data_at) for answer in volume.answers]
    unwatched = frozenset[date]().union(*(each.unwatched for each in found))
    taken = _taken(volume)
    marks = []
    for day in days:
        count = _sum(each.counts.get(day, NOTHING) for each in found)
        is_watched = watch.touches(_midnight(day), _midnight(day) + DAY)
        marks.append(_mark(day, count, taken.get(day, 0), is_watched=is_watched, is_blind=day in unwatched))
    return Strip(tuple(marks), names, is_whole=watch.is_whole(_midnight(days[0])))


def _days_of(
    volume: Volume, answer: Mapping[str, object], days: Sequence[date], watch: Watch, data_at: datetime
) -> _Days:
    schedule, began = str(answer["schedule"]), _read(answer["first_began"])
    times = [(_read(since), _read(until)) for since, until in volume.gaps.get(schedule[0], ())]
    # After the newest run nothing has begun up to the data.
    times.append((_read(answer["last_began"]), data_at + timedelta.resolution))
    missed: Counter[date] = Counter()
    unwatched = set()
    for due in dues(schedule, times, _midnight(days[0])):
        if watch.covers(due) and watch.covers(due + grace(schedule)):
            missed[due.date()] += 1
        else:
            unwatched.add(due.date())
    counts = {}
    for day in days:
        made, failed = volume.days.get(day.isoformat(), {}).get(schedule[0], (0, 0))
        if made or failed or missed[day]:
            counts[day] = Count(missed[day] + max(made, min(failed, most_runs(schedule, day, began))), made, failed)
    return _Days(counts, frozenset(unwatched))


def dues(schedule: str, times: Iterable[tuple[datetime, datetime]], first: datetime) -> Iterator[datetime]:
    """When runs were due of which the deadline passed before the next one began: each a period after the one before."""
    for since, until in times:
        if rhythm_of(schedule):
            # Its moments do not depend on the run before.
            since = max(since, first - 2 * period(schedule))
        due = due_after(schedule, since)
        if schedule in FIXED and due < first:
            due += (first - due) // FIXED[schedule] * FIXED[schedule]
        while due + grace(schedule) < until:
            if due >= first:
                yield due
            due = due_after(schedule, due)


def most_runs(schedule: str, day: date, began: datetime) -> int:
    """How many runs a day has at most: however often a failed one is tried again, no more were due."""
    if period(schedule) >= DAY:
        return 1
    return max(1, (_midnight(day) + DAY - max(_midnight(day), began)) // HOUR)


def _read(text: object) -> datetime:
    return datetime.fromisoformat(str(text)).astimezone(UTC)


@lru_cache(2 * DAYS)
def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _taken(volume: Volume) -> dict[date, int]:
    """What was taken each day, also outside the volume's schedules: manual ones, and those of a schedule that ended."""
    return {date.fromisoformat(day): sum(counts[0] for counts in runs.values()) for day, runs in volume.days.items()}


def _mark(day: date, count: Count, taken: int, *, is_watched: bool, is_blind: bool) -> Mark:
    """`is_blind`: the deadline of one of its runs passed while nobody watched."""
    if count.made:
        return Mark(day, Kind.TAKEN, count, is_watched)
    if count.failed:
        return Mark(day, Kind.FAILED, count, is_watched)
    if count.due:
        return Mark(day, Kind.MISSED, count)
    if taken:
        # Nothing of a schedule is known of this day: it hides no miss.
        return Mark(day, Kind.TAKEN, Count(0, taken), is_watched)
    is_known = is_watched and not is_blind
    return Mark(day, Kind.NONE_DUE if is_known else Kind.NOT_WATCHED, is_known=is_known)


def _sum(counts: Iterable[Count]) -> Count:
    """Count runs of several schedules; extra runs of one do not count for another."""
    due = made = failed = 0
    for count in counts:
        due, made, failed = due + count.due, made + min(count.made, count.due), failed + count.failed
    return Count(due, made, failed)


def runs_of_days(marks: Sequence[Mark]) -> Iterator[tuple[date, date]]:
    """The days of marks as ranges of days that follow each other."""
    start = end = None
    for mark in marks:
        if start is None or end is None or mark.day - end > DAY:
            if start is not None and end is not None:
                yield start, end
            start = mark.day
        end = mark.day
    if start is not None and end is not None:
        yield start, end
