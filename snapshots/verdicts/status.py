"""A volume at a page's moment: its verdict, and all that the words about it are made of.

Everything is read from the volume's row, where the judgement stored it: no page reads a snapshot for it. Stored moments
follow the provider's clock; the data's age follows ours.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from snapshots.models import Environment, Volume
from snapshots.rules.schedules import period
from snapshots.rules.thresholds import TARGET_GRACE
from snapshots.rules.verdict import ALWAYS, Thresholds, Verdict, is_usable_age, status
from snapshots.verdicts.sql import COLUMNS, age_of_data

# After so many periods without a run its end may be on purpose.
PERIODS_TO_STOP = 3


class Reason(Enum):
    """Why nothing can be told of a volume now."""

    NEVER_LISTED = "never_listed"
    OLD_DATA = "old_data"
    TIME = "time"
    UNKNOWN_STATE = "unknown_state"
    UNKNOWN_TYPE = "unknown_type"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class Part:
    """One schedule's stored answer, read again. Moments by the provider's clock."""

    schedule: str
    thresholds: Thresholds
    first_began: datetime
    last_began: datetime
    newest_after: datetime | None
    newest_before: datetime | None
    due: datetime | None
    deadline: datetime | None
    running_since: datetime | None
    tries: int
    failed: int

    @property
    def late_since(self) -> datetime | None:
        """Since when a run is missed: when it was due; without a usable one, when the first was to be there."""
        return self.due or (self.deadline if self.deadline != ALWAYS else None)


@dataclass(frozen=True, slots=True)
class Standing:
    """A volume at a moment: what is said, and what the data gave.

    `now` is ours. `target`: the age that is asked of its newest usable snapshot, whoever asks it.
    """

    volume: Volume
    environment: Environment
    said: Verdict
    then: Verdict
    now: datetime
    target: timedelta | None
    parts: tuple[Part, ...]

    @property
    def at(self) -> datetime:
        """The data's moment, by the provider's clock."""
        return self.environment.data_at or self.now

    @property
    def moment(self) -> datetime:
        """Now, by the provider's clock."""
        age = age_of_data(self.environment, self.now)
        return self.now if age is None else self.at + max(age, timedelta()) + self.environment.clocks_apart

    @property
    def asks_nothing(self) -> bool:
        """Whether neither a schedule nor a target says what is young enough: "fresh" is then no promise."""
        return not self.parts and self.target is None

    @property
    def is_over_target(self) -> bool:
        newest = self.volume.newest_before
        return newest is not None and self.target is not None and newest + self.target + TARGET_GRACE <= self.at

    @property
    def is_waiting(self) -> bool:
        """Whether the target has run out and a run is in progress that began in time."""
        newest = self.volume.newest_before
        has_run_out = newest is not None and self.target is not None and newest + self.target <= self.at
        return has_run_out and self.then in (Verdict.RUNNING, Verdict.STUCK)

    @property
    def reason(self) -> Reason | None:
        """Why nothing can be told; None where something can."""
        if self.said is not Verdict.UNKNOWN:
            return None
        age = age_of_data(self.environment, self.now)
        if age is None or self.environment.data_at is None:
            return Reason.NEVER_LISTED
        if self.then is not Verdict.UNKNOWN or not is_usable_age(age):
            return Reason.OLD_DATA
        if self.volume.doubts.get("unknown_state"):
            return Reason.UNKNOWN_STATE
        if self.volume.doubts.get("unknown_type") and self.volume.newest_before is not None:
            return Reason.UNKNOWN_TYPE
        return Reason.TIME if self._has_open_time() else Reason.IN_DOUBT

    @property
    def stopped_schedules(self) -> list[str]:
        """The schedules of which no run began for so long that their end may be on purpose."""
        return [part.schedule for part in self.parts if self.has_stopped(part)]

    def verdict_of(self, part: Part) -> Verdict:
        """How one schedule stood by the data."""
        return part.thresholds.at(self.at)

    def has_stopped(self, part: Part) -> bool:
        waited = self.at - part.last_began
        return self.verdict_of(part) is Verdict.LATE and waited > PERIODS_TO_STOP * period(part.schedule)

    def _has_open_time(self) -> bool:
        """Whether a time that is only known as a range is what nothing can be told for."""
        volume = self.volume
        open_from = [part.thresholds.unknown for part in self.parts]
        if self.target is not None and volume.newest_before is not None:
            open_from.append(volume.newest_after + self.target + TARGET_GRACE if volume.newest_after else ALWAYS)
        if volume.new_from is not None:
            open_from.append(volume.unknown_from)
        return any(since is not None and since <= self.at for since in open_from)


def standing(volume: Volume, environment: Environment, *, now: datetime, target: timedelta | None) -> Standing:
    """Find a volume's verdict at a moment, as `snapshots.verdicts.sql` does it in SQL."""
    said, then = status(
        thresholds_of(volume),
        patience=timedelta(seconds=volume.patience),
        data_at=environment.data_at,
        age=age_of_data(environment, now),
        doubt=environment.clocks_apart,
    )
    if volume.deleted_at is not None:
        said = Verdict.DELETED
    elif any(until is not None and until > now for until in (volume.exempt_until, environment.exempt_until)):
        said = Verdict.EXCLUDED
    return Standing(volume, environment, said, then, now, target, read_parts(volume.answers))


def thresholds_of(volume: Volume) -> Thresholds:
    return Thresholds(**{verdict.name.lower(): getattr(volume, column) for verdict, column in COLUMNS.items()})


def target_of(volume: Volume, environment: Environment, team_hours: int | None) -> timedelta | None:
    """The age asked of a volume's newest usable snapshot. `team_hours`: the policy's, None without one."""
    for hours in (volume.target_hours, environment.target_hours, team_hours):
        if hours is not None:
            return timedelta(hours=hours) if hours else None
    return None


def read_parts(answers: Iterable[dict[str, object]]) -> tuple[Part, ...]:
    """The stored answers of a volume's row."""
    return tuple(_part(answer) for answer in answers)


def _part(answer: dict[str, object]) -> Part:
    began = _moment(answer["first_began"]), _moment(answer["last_began"])
    return Part(
        schedule=str(answer["schedule"]),
        thresholds=Thresholds(**{verdict.name.lower(): _moment(answer[verdict.name.lower()]) for verdict in COLUMNS}),
        first_began=began[0] or ALWAYS,
        last_began=began[1] or ALWAYS,
        newest_after=_moment(answer["newest_after"]),
        newest_before=_moment(answer["newest_before"]),
        due=_moment(answer["due"]),
        deadline=_moment(answer["deadline"]),
        running_since=_moment(answer["running_since"]),
        tries=int(str(answer["tries"])),
        failed=int(str(answer["failed"])),
    )


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
