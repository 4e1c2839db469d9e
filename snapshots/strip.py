"""A volume's last 30 days: what was due and what came of it, day by day (UTC).

A day is missed only when the deadline of a run due on it has passed in our data. Before we began to watch, an empty day
tells nothing, as what was taken then may be gone since; but after the newest usable runs there was none for sure.
Pages take `snapshots.views.strips.shown_strip`, which draws it and says it in words.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import NamedTuple

from snapshots.models import Volume
from snapshots.schedules import FIXED, due_after, grace

DAYS = 30
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# Runs of a daily schedule this near to midnight may fall on the day before or after their own.
NEAR_MIDNIGHT = timedelta(hours=1)


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
    """One day. `is_known`: we watched it, or its miss is sure; only such days are counted."""

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


class _Schedule(NamedTuple):
    """One schedule of a volume, as its answer keeps it. `anchor`: its newest usable run, else its newest.

    `usable_until`: the day of the newest usable run; the day before its first one where none is usable.
    """

    name: str
    first_began: datetime
    anchor: datetime
    usable_until: date
    counts: Mapping[date, list[int]]

    def runs(self, day: date) -> int:
        return sum(self.counts.get(day, ()))


def strip_of(volume: Volume, *, today: date, watched_from: date | None, data_at: datetime | None) -> Strip:
    """Draw up a volume's days until today.

    `watched_from`: the day of the environment's first complete list; `data_at`: the moment of its newest, by the
    provider's clock. None: there was none yet.
    """
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    schedules = [_schedule(volume, answer) for answer in volume.answers]
    names = tuple(schedule.name for schedule in schedules)
    if data_at is None or watched_from is None:
        return Strip(tuple(Mark(day, Kind.NOT_WATCHED, is_known=False) for day in days), names, is_whole=False)
    due = [_due(schedule, days, data_at) for schedule in schedules]
    usable_until = max((schedule.usable_until for schedule in schedules), default=today)
    taken = _taken(volume)
    marks = []
    for day in days:
        count = _sum(each.get(day, NOTHING) for each in due)
        is_watched = watched_from <= day <= data_at.date()
        marks.append(_mark(day, count, taken.get(day, 0), is_watched=is_watched, is_sure=day > usable_until))
    return Strip(tuple(marks), names, is_whole=watched_from <= days[0])


def _schedule(volume: Volume, answer: Mapping[str, str | None]) -> _Schedule:
    name, first, last = str(answer["schedule"]), str(answer["first_began"]), str(answer["last_began"])
    counts = {date.fromisoformat(day): runs[name[0]] for day, runs in volume.days.items() if name[0] in runs}
    newest = answer["newest_before"]
    usable_until = _read(newest).date() if newest else _read(first).date() - DAY
    return _Schedule(name, _read(first), _read(newest or last), usable_until, counts)


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _due(schedule: _Schedule, days: Sequence[date], data_at: datetime) -> dict[date, Count]:
    due = _hours_due(schedule, days, data_at) if schedule.name == "HOURLY" else _days_due(schedule, days, data_at)
    found = {}
    for day in days:
        made, failed = schedule.counts.get(day, (0, 0))
        if made or failed or due.get(day):
            found[day] = Count(max(due.get(day, 0), 1), made, failed)
    return found


def _hours_due(schedule: _Schedule, days: Iterable[date], data_at: datetime) -> dict[date, int]:
    """How many runs of each day are past their deadline; rounded down, as a day may begin in the middle of an hour."""
    until = data_at - grace(schedule.name)
    return {
        day: max(0, int((min(_midnight(day) + DAY, until) - max(_midnight(day), schedule.first_began)) / HOUR))
        for day in days
    }


def _days_due(schedule: _Schedule, days: Sequence[date], data_at: datetime) -> dict[date, int]:
    """The days on which a run was due and none began: each is a period after the run before it, or after a miss."""
    found = {}
    next_due = _first_due(schedule, days)
    for day in days:
        if schedule.runs(day):
            next_due = _next(schedule, day)
        elif next_due is not None and day >= next_due and not _began_beside(schedule, day):
            if _at(schedule, day) + grace(schedule.name) > data_at:
                break
            found[day] = 1
            next_due = _next(schedule, day)
    return found


def _first_due(schedule: _Schedule, days: Sequence[date]) -> date | None:
    """When a run was due after the newest one, if that is older than the strip; else its own runs tell."""
    if schedule.anchor.date() >= days[0]:
        return None
    due = _next(schedule, schedule.anchor.date())
    while due < days[0]:
        due = _next(schedule, due)
    return due


def _began_beside(schedule: _Schedule, day: date) -> bool:
    """Whether the day's run began within its grace, but on the day after; or a little early, on the day before."""
    if schedule.name in FIXED and FIXED[schedule.name] <= DAY:
        beside = (day - DAY, day + DAY) if _is_near_midnight(schedule.anchor) else ()
        return any(schedule.runs(each) > 1 for each in beside)
    return schedule.runs(day + DAY) > 0


def _is_near_midnight(moment: datetime) -> bool:
    since = moment - _midnight(moment.date())
    return min(since, DAY - since) <= NEAR_MIDNIGHT


def _next(schedule: _Schedule, day: date) -> date:
    return due_after(schedule.name, _at(schedule, day)).date()


def _at(schedule: _Schedule, day: date) -> datetime:
    """The moment of a day at which the schedule runs, as its newest run did."""
    return datetime.combine(day, schedule.anchor.time(), UTC)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _taken(volume: Volume) -> dict[date, int]:
    """What was taken each day, also outside the volume's schedules: manual ones, and those of a schedule that ended."""
    return {date.fromisoformat(day): sum(counts[0] for counts in runs.values()) for day, runs in volume.days.items()}


def _mark(day: date, count: Count, taken: int, *, is_watched: bool, is_sure: bool) -> Mark:
    if count.made:
        return Mark(day, Kind.TAKEN, count, is_watched)
    if count.failed:
        return Mark(day, Kind.FAILED, count, is_watched or is_sure)
    if count.due and (is_watched or is_sure):
        return Mark(day, Kind.MISSED, count)
    if taken:
        # Nothing of a schedule is known of this day: it hides no miss.
        return Mark(day, Kind.TAKEN, Count(0, taken), is_watched)
    return Mark(day, Kind.NONE_DUE if is_watched else Kind.NOT_WATCHED, is_known=is_watched)


def _sum(counts: Iterable[Count]) -> Count:
    """Runs of several schedules; one that ran more often than it was due does not stand in for another."""
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
