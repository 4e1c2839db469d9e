"""Watched time: between an environment's complete lists, as long as none of them is doubted.

Only there does a missing snapshot say that a run did not begin. A time without a list that is shorter than `SILENCE`
hides none, as a snapshot stays at least until the next run of its schedule. Only the longer ones are stored.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from snapshots.models import DataGap, Environment

SILENCE = timedelta(hours=1)
KEPT = timedelta(days=32)


class Watch(NamedTuple):
    """When an environment was watched, by the provider's clock. Without `began` it was not yet."""

    began: datetime | None
    until: datetime | None
    silences: tuple[tuple[datetime, datetime], ...] = ()

    @classmethod
    def of(cls, environment: Environment) -> Self:
        began, until = environment.first_listed_at, environment.watched_at
        if began is None or until is None:
            return cls(None, None)
        ahead = timedelta(seconds=environment.clock_ahead)
        silences = [(_read(first) + ahead, _read(last) + ahead) for first, last in environment.silences]
        return cls(began + ahead, until + ahead, tuple(silences))

    def up_to(self, end: datetime | None) -> Self:
        """The same, but not later than `end`."""
        return self if self.until is None or end is None else self._replace(until=min(self.until, end))

    def covers(self, moment: datetime) -> bool:
        """Whether a list came soon before this moment, and one soon after it."""
        if self.began is None or self.until is None or not self.began <= moment <= self.until:
            return False
        return not any(first < moment < last for first, last in self.silences)

    def touches(self, start: datetime, end: datetime) -> bool:
        """Whether any of a time was watched."""
        if self.began is None or self.until is None or self.began >= end or self.until < start:
            return False
        return not any(
            first <= max(start, self.began) and last >= min(end, self.until) for first, last in self.silences
        )

    def is_whole(self, start: datetime) -> bool:
        """Whether all was watched from then on."""
        return self.began is not None and self.began <= start and all(last <= start for _, last in self.silences)


def note_list(environment: Environment, at: datetime, *, is_doubted: bool, fault: str = "") -> None:
    """Keep that a complete list was asked for. The caller saves the environment. `fault`: why there was none before."""
    if is_doubted:
        return
    before = environment.watched_at
    if before is not None and at - before > SILENCE:
        kept = [silence for silence in environment.silences if _read(silence[1]) > at - KEPT]
        environment.silences = [*kept, [before.isoformat(), at.isoformat()]]
        DataGap.objects.bulk_create(
            [DataGap(environment=environment, began_at=before, ended_at=at, fault_kind=fault)], ignore_conflicts=True
        )
    environment.watched_at = at


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
