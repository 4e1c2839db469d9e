"""What the dashboard says of a volume: the verdicts, and the moments from which each holds.

Nothing here knows what time it is. A verdict only ever gets worse while no new data comes, so the verdict at any moment
is the worst one whose moment has come. `status` finds it for one set of moments, `snapshots.verdicts.sql` for rows.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
# Older data cannot support any verdict.
DATA_LASTS = timedelta(hours=24)
# Data from further in the future has no known age: our clock is wrong.
MOST_FUTURE = timedelta(minutes=2)


class Verdict(IntEnum):
    """The verdict on a volume; a greater value is worse. `EXCLUDED` and `DELETED` take precedence over all others."""

    FRESH = 0
    RUNNING = 1
    NEW = 2
    UNKNOWN = 3
    FAILING = 4
    STUCK = 5
    LATE = 6
    NONE = 7
    EXCLUDED = 8
    DELETED = 9

    @property
    def is_problem(self) -> bool:
        return Verdict.FAILING <= self <= Verdict.NONE


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on each verdict holds, unless new data says otherwise; None: never."""

    none: datetime | None = None
    late: datetime | None = None
    stuck: datetime | None = None
    failing: datetime | None = None
    unknown: datetime | None = None
    new: datetime | None = None
    running: datetime | None = None

    def at(self, moment: datetime) -> Verdict:
        """The worst verdict whose moment has come."""
        for verdict, since in self.worst_first():
            if since is not None and since <= moment:
                return verdict
        return Verdict.FRESH

    def worst_first(self) -> tuple[tuple[Verdict, datetime | None], ...]:
        return (
            (Verdict.NONE, self.none),
            (Verdict.LATE, self.late),
            (Verdict.STUCK, self.stuck),
            (Verdict.FAILING, self.failing),
            (Verdict.UNKNOWN, self.unknown),
            (Verdict.NEW, self.new),
            (Verdict.RUNNING, self.running),
        )

    @property
    def first_doubt(self) -> datetime | None:
        """Until then all is good: fresh, under way or new."""
        return earliest([self.first_problem, self.unknown])

    @property
    def first_problem(self) -> datetime | None:
        return earliest([self.none, self.late, self.stuck, self.failing])


def status(
    thresholds: Thresholds,
    *,
    patience: timedelta,
    data_at: datetime | None,
    age: timedelta | None,
    doubt: timedelta = timedelta(),
) -> tuple[Verdict, Verdict]:
    """The verdict to show, and the one that the data gave: they differ where the data is too old to say it now.

    `data_at`: when the newest complete list was asked for, None if there is none; `age`: how long ago that was;
    `doubt`: how much later it may have been, where the clocks disagree.
    """
    if data_at is None or age is None:
        return Verdict.UNKNOWN, Verdict.UNKNOWN
    then = thresholds.at(data_at)
    if not is_usable_age(age):
        return Verdict.UNKNOWN, then
    if then.is_problem:
        return (Verdict.UNKNOWN if age > patience else then), then
    # A good verdict is valid until its deadline; a run after the newest list is not known.
    if thresholds.at(data_at + max(age, timedelta()) + doubt) >= Verdict.UNKNOWN:
        return Verdict.UNKNOWN, then
    return then, then


def is_usable_age(age: timedelta) -> bool:
    """Whether data of this age can say anything."""
    return -MOST_FUTURE <= age <= DATA_LASTS


def worst_of(parts: Sequence[Thresholds]) -> Thresholds:
    def first(get: Callable[[Thresholds], datetime | None]) -> datetime | None:
        return earliest([get(part) for part in parts])

    return Thresholds(
        none=first(lambda part: part.none),
        late=first(lambda part: part.late),
        stuck=first(lambda part: part.stuck),
        failing=first(lambda part: part.failing),
        unknown=first(lambda part: part.unknown),
        new=first(lambda part: part.new),
        running=first(lambda part: part.running),
    )


def earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
