"""A rhythm: when the script of a team takes its manual snapshots, as a member confirmed it. Pure values.

A rhythm is judged as a separate schedule, whose name says it whole: "RHYTHM-DAILY-120" is daily at 02:00 UTC, and
"RHYTHM-WEEKDAYS-120-024" on Mondays, Wednesdays and Fridays. Unlike the provider's schedules it has fixed moments:
a snapshot that somebody takes in between does not hide that the script did not run.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

RHYTHM = "RHYTHM"
# The interval type of what a script takes.
MANUAL = "MANUAL"
HOURLY, DAILY, WEEKDAYS, WEEKLY, MONTHLY = "HOURLY", "DAILY", "WEEKDAYS", "WEEKLY", "MONTHLY"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LENGTHS = {HOURLY: 60, DAILY: 1440, WEEKDAYS: 1440, WEEKLY: 7 * 1440, MONTHLY: 30 * 1440}


class Rhythm(NamedTuple):
    """A run begins this many minutes after each hour, day, week (Monday) or month begins.

    `weekdays` are digits, 0 for Monday; only WEEKDAYS has them. A day that a month lacks runs over into the next one.
    """

    kind: str
    minute: int
    weekdays: str = ""

    def __str__(self) -> str:
        return "-".join(filter(None, [RHYTHM, self.kind, str(self.minute), self.weekdays]))

    @property
    def length(self) -> timedelta:
        """The usual time between two runs; between the days of WEEKDAYS, a day."""
        return LENGTHS[self.kind] * MINUTE

    def first_from(self, moment: datetime) -> datetime:
        """The first moment, not before this one, at which a run is to begin."""
        start = self._start(moment.astimezone(UTC))
        if self.kind == MONTHLY:
            # What runs over into this month belongs to one of the two before.
            start = _months_on(start, -2)
        expected = start + self.minute * MINUTE
        while expected < moment or (self.weekdays and str(expected.weekday()) not in self.weekdays):
            start = self._next(start)
            expected = start + self.minute * MINUTE
        return expected

    def due_after(self, began: datetime) -> datetime:
        """When the run after the one that began then is due: a run up to a quarter too early counts for its moment."""
        return self.first_from(began + self.length / 4)

    def is_like(self, other: "Rhythm") -> bool:
        """Whether both expect the same, about."""
        apart = (self.minute - other.minute) % LENGTHS[self.kind]
        is_near = min(apart, LENGTHS[self.kind] - apart) <= LENGTHS[self.kind] / 8
        return self.kind == other.kind and self.weekdays == other.weekdays and is_near

    def _start(self, moment: datetime) -> datetime:
        if self.kind == HOURLY:
            return moment.replace(minute=0, second=0, microsecond=0)
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.kind == WEEKLY:
            return midnight - midnight.weekday() * DAY
        return midnight.replace(day=1) if self.kind == MONTHLY else midnight

    def _next(self, start: datetime) -> datetime:
        return _months_on(start, 1) if self.kind == MONTHLY else start + self.length


@lru_cache(maxsize=1024)
def rhythm_of(schedule: str) -> Rhythm | None:
    """The rhythm that the name of a schedule says; None for one of the provider."""
    if not schedule.startswith(f"{RHYTHM}-"):
        return None
    kind, minute, *weekdays = schedule.split("-")[1:]
    return Rhythm(kind, int(minute), *weekdays)


def _months_on(first: datetime, number: int) -> datetime:
    """The first day of the month that is this many after the one of another first day."""
    months = first.year * 12 + first.month - 1 + number
    return first.replace(year=months // 12, month=months % 12 + 1)
