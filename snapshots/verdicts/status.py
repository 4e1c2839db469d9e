"""A volume's current status: its verdict as the query gave it, and the stored values that explain it.

No page reads a snapshot for it. Stored moments follow the provider's clock; the data's age follows ours.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from snapshots.models import Environment, Volume
from snapshots.rules.schedules import period
from snapshots.rules.thresholds import TARGET_GRACE
from snapshots.rules.verdict import ALWAYS, Thresholds, Verdict, status
from snapshots.verdicts.sql import COLUMNS, Reason

# After this many periods without a run, the schedule may have been stopped intentionally.
PERIODS_TO_STOP = 3
NAMES = [verdict.name.lower() for verdict in COLUMNS]


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
class VolumeStatus:
    """A volume's verdict, why and since when.

    `now` is by our clock, `moment` the same by the provider's. `target`: the age that its newest usable snapshot may
    have, by its own setting or an inherited one.
    """

    volume: Volume
    environment: Environment
    verdict: Verdict
    verdict_by_data: Verdict
    reason: Reason | None
    since: datetime | None
    now: datetime
    moment: datetime
    target: timedelta | None
    parts: tuple[Part, ...]

    @property
    def at(self) -> datetime:
        """The data's moment, by the provider's clock."""
        return self.environment.data_at or self.now

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
        return has_run_out and self.verdict_by_data in (Verdict.RUNNING, Verdict.STUCK)

    def verdict_of(self, part: Part) -> Verdict:
        """How one schedule stood by the data."""
        return part.thresholds.at(self.at)

    def has_stopped(self, part: Part) -> bool:
        """Whether a schedule is without a run for so long that it may have been stopped intentionally."""
        waited = self.at - part.last_began
        return self.verdict_of(part) is Verdict.LATE and waited > PERIODS_TO_STOP * period(part.schedule)


def status_of(volume: Volume, environment: Environment, *, now: datetime, target: timedelta | None) -> VolumeStatus:
    """Read a volume that `snapshots.verdicts.sql.with_status` annotated."""
    found, parts = vars(volume), read_parts(volume.answers)
    reason = Reason(found["verdict_reason"]) if found["verdict_reason"] else None
    if reason is Reason.IN_DOUBT and _has_open_time(volume, parts, environment.data_at or now, target):
        reason = Reason.TIME
    return VolumeStatus(
        volume,
        environment,
        verdict=Verdict(found["verdict"]),
        verdict_by_data=Verdict(found["verdict_by_data"]),
        reason=reason,
        since=found["verdict_since"],
        now=now,
        moment=found["provider_now"],
        target=target,
        parts=parts,
    )


def _has_open_time(volume: Volume, parts: Iterable[Part], at: datetime, target: timedelta | None) -> bool:
    """Whether the verdict is unknown because a time is only known as a range."""
    open_from = [part.thresholds.unknown for part in parts]
    if target is not None and volume.newest_before is not None:
        open_from.append(volume.newest_after + target + TARGET_GRACE if volume.newest_after else ALWAYS)
    if volume.new_from is not None:
        open_from.append(volume.unknown_from)
    return any(since is not None and since <= at for since in open_from)


def verdict_under(thresholds: Thresholds, patience: timedelta, environment: Environment, now: datetime) -> Verdict:
    """The current verdict under moments that no row holds: of one schedule, or with a target not chosen yet."""
    age, doubt = environment.data_age(now), environment.clocks_apart
    verdict, _by_data = status(thresholds, patience=patience, data_at=environment.data_at, age=age, doubt=doubt)
    return verdict


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
        thresholds=Thresholds(**{name: _moment(answer[name]) for name in NAMES}),
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
