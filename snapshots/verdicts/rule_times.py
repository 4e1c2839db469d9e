"""Each volume's time in which its rule was met, not met or unknown: written only when that changes.

`note` compares the open times with what the newest complete list says, and may run at any time and any number of times.
Each sync calls it when its list is stored, each round of the worker for environments that changed without a list.
So what a crash or a restored backup left out is made up for, and nothing is written twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F, FilteredRelation, Max, Q, Subquery, Value
from django.db.models.fields import SmallIntegerField
from django.db.models.functions import Coalesce
from django.utils import timezone

from snapshots.models import Environment, Policy, RuleTime, Volume
from snapshots.models.volume import VolumeQuerySet
from snapshots.rules.verdict import ALWAYS
from snapshots.verdicts.sql import COLUMNS, DataAges, OfVolume, rule_state

State = RuleTime.State
# How many volumes one transaction writes, so that no other writer waits long.
ROWS = 500
# Earlier moments are `ALWAYS`, with or without a grace.
FIRST_DATE = ALWAYS + timedelta(days=366)
PROBLEMS = tuple(column for verdict, column in COLUMNS.items() if verdict.is_problem)
READ = (
    *("pk", "state_now", "target_now", "schedules", "open__pk", "open__state", "open__began_at", "open__target_hours"),
    *("excluded_until", "excluded_at", "deleted_at", "unknown_from", *PROBLEMS),
)
# How many columns of them are a field of `Found` each.
PLAIN = len(READ) - len(PROBLEMS)
# One plain statement for each: the ORM's bulk update makes a CASE of every row, under the write lock.
ENDED = f"UPDATE {RuleTime._meta.db_table} SET ended_at = %s WHERE id = %s"  # noqa: S608 our own identifiers
TURNED = (
    f"UPDATE {RuleTime._meta.db_table} SET state = %s, target_hours = %s, schedules = %s "  # noqa: S608 our own identifiers
    "WHERE id = %s"
)


BEGUN = (
    f"INSERT INTO {RuleTime._meta.db_table} "  # noqa: S608 our own identifiers
    "(environment_id, volume_id, state, began_at, ended_at, target_hours, schedules) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
Values = tuple[str | int | datetime | None, ...]


class Found(NamedTuple):
    """A volume whose open time is not what holds now. `state` is 0 where it is not counted; `was`: None without one."""

    pk: int
    state: int
    target: int
    schedules: str
    open_pk: int | None
    was: int | None
    since: datetime | None
    was_target: int | None
    excluded_until: datetime | None
    excluded_at: datetime | None
    deleted_at: datetime | None
    unknown_from: datetime | None
    problems: tuple[datetime | None, ...]


def note(environment: Environment, *, is_listed: bool = False, listed_before: datetime | None = None) -> None:
    """Store what changed. Takes a lock only if something did.

    `is_listed`: a sync has just stored a complete list. `listed_before`: when the one before it was requested.
    """
    if environment.data_at is None or environment.half_written_since is not None:
        return
    pks = list(differing(environment, timezone.now()).order_by().values_list("pk", flat=True))
    for start in range(0, len(pks), ROWS):
        with transaction.atomic():
            locked = Environment.everything.select_for_update(no_key=True).filter(pk=environment.pk).first()
            if locked is None:
                return
            # Another sync may have stored the same since then.
            still = differing(locked, timezone.now()).filter(pk__in=pks[start : start + ROWS]).order_by("pk")
            found = [Found._make([*row[:PLAIN], row[PLAIN:]]) for row in still.values_list(*READ)]
            _Writing(locked, listed_before, is_listed=is_listed).write(found)


def differing(environment: Environment, now: datetime) -> VolumeQuerySet:
    """The volumes whose open time is not what holds, annotated with `state_now` and `target_now`, and with `open`."""
    state: OfVolume | Value = OfVolume(rule_state(DataAges.of([environment], now)), SmallIntegerField())
    if environment.removed_at is not None:
        state = Value(0, SmallIntegerField())
    inherited: Subquery | Value = Value(environment.target_hours)
    if environment.target_hours is None:
        inherited = Subquery(Policy.objects.filter(team=environment.team_id).values("target_hours")[:1])
    found: VolumeQuerySet = Volume.objects.filter(environment=environment).annotate(
        open=FilteredRelation("rule_times", condition=Q(rule_times__ended_at__isnull=True)),
        state_now=state,
        target_now=Coalesce("target_hours", inherited, 0),
        # Never null: a negated condition on a null makes one more query for each row.
        was=Coalesce("open__state", 0),
        was_target=Coalesce("open__target_hours", 0),
        was_schedules=Coalesce("open__schedules", Value("")),
    )
    has_other_rule = ~Q(was_target=F("target_now")) | ~Q(was_schedules=F("schedules"))
    return found.filter(~Q(was=F("state_now")) | Q(state_now__gt=0) & has_other_rule)


class _Writing:
    """Works out from when each new state holds, and stores it. Call inside a transaction."""

    def __init__(self, environment: Environment, listed_before: datetime | None, *, is_listed: bool) -> None:
        self.environment, self.listed_before, self.now = environment, listed_before, timezone.now()
        self.ahead = timedelta(seconds=environment.clock_ahead)
        # An incomplete list leaves the time of the newest complete one as it is.
        is_listed = is_listed and environment.listed_at != listed_before
        self.is_first = is_listed and listed_before is None
        self.seen_at = environment.listed_at if is_listed and environment.listed_at else self.now

    def write(self, volumes: Sequence[Found]) -> None:
        self.last_ends = self._last_ends(volumes)
        begun: list[Values] = []
        ended: list[Values] = []
        turned: list[Values] = []
        for volume in volumes:
            steps = self._steps(volume)
            if steps and volume.since is not None and steps[0][0] <= volume.since:
                # It turns out that it was so from the beginning.
                turned.append((steps.pop(0)[1], volume.target, volume.schedules, volume.open_pk))
            if volume.since is not None and (steps or not volume.state):
                end = steps[0][0] if steps else max(self._end_of(volume), volume.since)
                ended.append((connection.ops.adapt_datetimefield_value(end), volume.open_pk))
            begun += self._rows(volume, steps)
        _run(TURNED, turned)
        _run(ENDED, ended)
        _run(BEGUN, begun)

    def _rows(self, volume: Found, steps: Sequence[tuple[datetime, int]]) -> list[Values]:
        adapt = connection.ops.adapt_datetimefield_value
        times = [adapt(at) for at, _state in steps]
        rule = (volume.target, volume.schedules)
        return [
            (self.environment.pk, volume.pk, state, since, until, *rule)
            for (_at, state), since, until in zip(steps, times, [*times[1:], None], strict=False)
        ]

    def _steps(self, volume: Found) -> list[tuple[datetime, int]]:
        """Return from when on which state holds, the last of which holds now; nothing where it is not counted."""
        if not volume.state:
            return []
        if volume.since is None:
            return [(self._begin_of(volume), volume.state)]
        return [(max(at, volume.since), state) for at, state in self._steps_from(volume, volume.since)]

    def _steps_from(self, volume: Found, since: datetime) -> list[tuple[datetime, int]]:
        if volume.target != volume.was_target or volume.state == volume.was:
            return [(self.now if volume.target != volume.was_target else self.seen_at, volume.state)]
        is_resolved = volume.was == State.UNKNOWN and volume.state == State.NOT_MET
        # A moment before the last list is not when it changed, as that list said otherwise: something is gone since.
        after = since - timedelta.resolution if is_resolved or self.listed_before is None else self.listed_before
        unknown, problem = self._moment([volume.unknown_from]), self._moment(volume.problems)
        if volume.state == State.UNKNOWN and unknown is not None and unknown > after:
            return [(unknown, volume.state)]
        if volume.state != State.NOT_MET or problem is None:
            return [(self.seen_at, volume.state)]
        if is_resolved:
            return [(max(problem, since), volume.state)]
        if problem <= after:
            return [(self.seen_at, volume.state)]
        if unknown is not None and after < unknown < problem:
            return [(unknown, State.UNKNOWN), (problem, volume.state)]
        return [(problem, volume.state)]

    def _moment(self, moments: Sequence[datetime | None]) -> datetime | None:
        """Return the first of stored moments that has come, by our clock; None where nothing dates it."""
        at = self.environment.data_at or self.now
        come = [moment - self.ahead for moment in moments if moment is not None and FIRST_DATE < moment <= at]
        return min([*come, self.now]) if come else None

    def _begin_of(self, volume: Found) -> datetime:
        """When a volume begins to be counted: with the list that shows it, or when its exclusion is over."""
        last = self.last_ends.get(volume.pk)
        overs = [volume.excluded_until, self.environment.excluded_until]
        passed = [over for over in overs if over is not None and last is not None and last <= over <= self.now]
        return max(passed) if passed else max([self.seen_at, *([last] if last else [])])

    def _end_of(self, volume: Found) -> datetime:
        """When a volume is no longer counted."""
        is_excluded = volume.excluded_until is not None and volume.excluded_until > self.now
        at = self.environment.removed_at or volume.deleted_at or (volume.excluded_at if is_excluded else None)
        return min(at or self.now, self.now)

    def _last_ends(self, volumes: Sequence[Found]) -> dict[int, datetime]:
        """When those without an open time were last counted, if they ever were."""
        uncounted = [volume.pk for volume in volumes if volume.open_pk is None]
        if self.is_first or not uncounted:
            return {}
        ends = RuleTime.objects.filter(volume__in=uncounted).order_by().values_list("volume")
        return {pk: end for pk, end in ends.annotate(Max("ended_at")) if end is not None}


def _run(sql: str, values: Sequence[Values]) -> None:
    if values:
        with connection.cursor() as cursor:
            cursor.executemany(sql, values)
