"""What a schedule promises: its period, how long it may be overdue, and which snapshots count for it.

The provider tells neither schedules nor their times. A volume *has* the schedule whose interval type one of its
snapshots bears (CloudStack's `Snapshot.Type`); MANUAL, TEMPLATE, GROUP and unknown types make none. All of it is
elapsed time in UTC: no zone and no change to summer time can make a volume late.

A rhythm that a member confirmed (`snapshots.rules.rhythms`) is a schedule of the MANUAL ones, with fixed times.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from snapshots.rules.rhythms import MANUAL, RHYTHM, rhythm_of

SCHEDULES = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY")
# What a filter can ask for.
TYPES = (*SCHEDULES, RHYTHM)
FIXED = {"HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(days=7)}
MONTH = timedelta(days=30)
LEAST_GRACE, MOST_GRACE = timedelta(minutes=30), timedelta(hours=24)


@lru_cache(maxsize=256)
def schedules_of(interval_type: str, rhythm: str = "") -> tuple[str, ...]:
    """The schedules that a snapshot counts for. Very old CloudStack joins several types by commas: each counts.

    `rhythm`: the one of its volume, which manual snapshots count for.
    """
    if rhythm and interval_type == MANUAL:
        return (rhythm,)
    parts = {part.strip() for part in interval_type.split(",")}
    return tuple(schedule for schedule in SCHEDULES if schedule in parts)


def type_of(schedule: str) -> str:
    """The schedule without the times of a rhythm."""
    return schedule.partition("-")[0]


def period(schedule: str) -> timedelta:
    """The usual time between two runs; of a month, 30 days: for graces and patience alone, never for what is due."""
    rhythm = rhythm_of(schedule)
    return rhythm.length if rhythm else FIXED.get(schedule, MONTH)


def grace(schedule: str) -> timedelta:
    """How long a run may be overdue before the volume is late."""
    return min(max(period(schedule) / 4, LEAST_GRACE), MOST_GRACE)


def due_after(schedule: str, began: datetime) -> datetime:
    """When the run after the one that began then is due."""
    if rhythm := rhythm_of(schedule):
        return rhythm.due_after(began)
    return began + FIXED[schedule] if schedule in FIXED else _month_after(began)


def deadline_after(schedule: str, began: datetime) -> datetime:
    """Until when the run after the one that began then must have begun and must not be missing."""
    return due_after(schedule, began) + grace(schedule)


def deadlines_between(schedule: str, after: datetime, before: datetime) -> tuple[datetime, datetime]:
    """The earliest and the latest deadline after a run that began in this range, both ends included."""
    began = [after, before]
    first = before.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if schedule not in FIXED and after < first:
        # Where a short month runs over, a later begin can be due earlier: look at both sides of that step too.
        began += [first - timedelta.resolution, first]
    deadlines = [deadline_after(schedule, moment) for moment in began]
    return min(deadlines), max(deadlines)


def _month_after(began: datetime) -> datetime:
    """The same day of the next month; a day that it lacks runs over into the month after, which is never too early."""
    year, month = (began.year + 1, 1) if began.month == 12 else (began.year, began.month + 1)
    first = began.replace(year=year, month=month, day=1)
    return first + timedelta(days=began.day - 1)
