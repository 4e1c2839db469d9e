"""What a target would make of a team's volumes, worked out before it is chosen.

A target adds moments to what is stored: the newest usable snapshot's time and the target. Two kinds of volumes are
judged from their rows, as the sync would: those in doubt or with a snapshot in progress, and those that have no usable
snapshot yet and may be new.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Max, Q

from snapshots.models import Environment, Snapshot
from snapshots.policy.exclusions import with_target
from snapshots.rules.judge import patience
from snapshots.rules.rhythms import RHYTHM
from snapshots.rules.runs import COPYING, MAKING, MOVING
from snapshots.rules.states import STATES, USABLE_STATE
from snapshots.rules.thresholds import target_thresholds
from snapshots.rules.verdict import ALWAYS, Thresholds, Verdict
from snapshots.verdicts.evaluate import judged_again
from snapshots.verdicts.sql import COLUMNS, DataAges, is_checked, volumes_of_team
from snapshots.verdicts.status import thresholds_of, verdict_under

# Hours; 0: no age is asked.
CHOICES = (24, 7 * 24, 30 * 24, 0)
# With more volumes to calculate from their rows, the preview is left out.
MOST_JUDGED = 500

Range = tuple[datetime | None, datetime]
Effects = dict[int, dict[Verdict, int]]
# A volume's times, and how long a problem is still shown.
Told = tuple[Thresholds, timedelta]


class TooMany(Exception):
    """Too many volumes are uncertain to calculate the effect in time."""


class Stored(NamedTuple):
    """A volume's row, as the stored judgement has it, in the order in which its columns are selected."""

    volume_id: str
    target_hours: int | None
    patience: int
    schedules: str
    none: datetime | None
    late: datetime | None
    stuck: datetime | None
    failing: datetime | None
    unknown: datetime | None
    new: datetime | None
    running: datetime | None

    def under(self, target: timedelta | None, usable: Range | None) -> Told:
        """What it would be with this target. `usable`: of its newest usable snapshot."""
        late, unknown = self.late, self.unknown
        if usable and target:
            added = target_thresholds([usable], target)
            late, unknown = _earlier(late, added.late), _earlier(unknown, added.unknown)
        since = Thresholds(self.none, late, self.stuck, self.failing, unknown, self.new, self.running)
        return since, timedelta(seconds=self.patience) if self.schedules.strip(RHYTHM[0]) else patience(target, ())

    def as_it_is(self) -> Told:
        return Thresholds(*self[4:]), timedelta(seconds=self.patience)


SELECTED = ("volume_id", "target_hours", "patience", "schedules", *COLUMNS.values())


def effects(environments: Sequence[Environment], now: datetime, choices: Collection[int] = CHOICES) -> Effects:
    """Count what would be said of a team's volumes now under each target. Call for a team that has none yet.

    Raises `TooMany`.
    """
    counts = {hours: Counter[Verdict]() for hours in choices}
    volumes = volumes_of_team(environments).filter(is_checked(DataAges.of(environments, now)))
    for environment in environments:
        rows = [Stored(*row) for row in volumes.filter(environment=environment).values_list(*SELECTED)]
        for hours, told in _under_each(environment, rows, choices):
            counts[hours][verdict_under(*told, environment, now)] += 1
    return {hours: dict(count) for hours, count in counts.items()}


def _under_each(
    environment: Environment, rows: Sequence[Stored], choices: Collection[int]
) -> Iterator[tuple[int, Told]]:
    # Nothing changes for volumes with their own target.
    free = [row for row in rows if row.target_hours is None and environment.target_hours is None]
    kept = [row.as_it_is() for row in rows if row.target_hours is not None or environment.target_hours is not None]
    usable = _usable_ranges(environment) if free else {}
    asked = _in_doubt(environment) | _being_made(environment) if free else set()
    asked |= {row.volume_id for row in free if row.new is not None and row.volume_id not in usable}
    # An interval type that is not known matters only where no target is set.
    asked |= {row.volume_id for row in free if not row.schedules and row.unknown == ALWAYS}
    judged = [row for row in free if row.volume_id in asked]
    if len(judged) > MOST_JUDGED:
        raise TooMany
    for hours in choices:
        target = timedelta(hours=hours) if hours else None
        yield from ((hours, told) for told in kept)
        yield from ((hours, row.under(target, usable.get(row.volume_id))) for row in free if row.volume_id not in asked)
        yield from ((hours, told) for told in _judged_under(environment, judged, hours))


def _judged_under(environment: Environment, rows: Sequence[Stored], hours: int) -> Iterator[Told]:
    if environment.data_at is None:
        yield from (row.as_it_is() for row in rows)
        return
    ids = [row.volume_id for row in rows]
    for volumes in judged_again(with_target(environment, hours), ids, at=environment.data_at):
        yield from ((thresholds_of(volume), timedelta(seconds=volume.patience)) for volume in volumes)


def _usable_ranges(environment: Environment) -> Mapping[str, Range]:
    """Of each volume, the newest moments that its usable snapshots may have begun after, and before."""
    # With the team, which leads the index.
    listed = Snapshot.objects.filter(team=environment.team_id, environment=environment).listed()
    usable = listed.filter(Q(state=USABLE_STATE) | Q(state__in=MOVING, usable_at__isnull=False))
    newest = usable.order_by().values_list("volume_id").annotate(Max("taken_after"), Max("taken_before"))
    return {volume_id: (after, before) for volume_id, after, before in newest}


def _in_doubt(environment: Environment) -> set[str]:
    """Volumes with a snapshot that was left out once, was copied when it was first met, or is in an unknown state."""
    listed = Snapshot.objects.filter(team=environment.team_id, environment=environment).listed()
    is_doubtful = Q(state=COPYING, usable_at__isnull=True) | ~Q(state__in=STATES)
    if not environment.body_hash:
        # It is kept only while no row is left out.
        is_doubtful |= Q(missing_since__isnull=False)
    return set(listed.filter(is_doubtful).values_list("volume_id", flat=True))


def _being_made(environment: Environment) -> set[str]:
    """Volumes with a snapshot in progress, for which a target waits."""
    listed = Snapshot.objects.filter(team=environment.team_id, environment=environment).listed()
    return set(listed.filter(state__in=MAKING, usable_at__isnull=True).values_list("volume_id", flat=True))


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)
