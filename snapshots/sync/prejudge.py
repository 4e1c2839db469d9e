"""Calculate the verdicts after a list, before the write lock is taken.

Nobody else writes snapshot rows while the lease is held. But members may change targets or stop schedules in the
meantime; that changes the environment's generation, and then the verdicts are calculated again under the lock.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from snapshots.models import Environment, Snapshot, Volume
from snapshots.sync.counting import Counts, Planned, count
from snapshots.sync.leases import Claim, Late, locked_for_write
from snapshots.sync.write_plan import FIRST_PLANNED, PlannedRows
from snapshots.verdicts.evaluate import (
    Targets,
    Values,
    judge_volumes,
    judged_again,
    judgements,
    values_of,
    write_judgements,
)

# Sets the newest usable snapshot of a volume that the plan itself inserts.
POINT = (
    f"UPDATE {Volume._meta.db_table} SET newest_usable_id ="  # noqa: S608 our own identifiers
    f" (SELECT id FROM {Snapshot._meta.db_table} WHERE environment_id = %s AND snapshot_id = %s) WHERE id = %s"
)


class Mark(NamedTuple):
    """Return a version of the other inputs of a verdict. Every write to an environment's rows raises its generation."""

    rows_version: str
    volumes_listed_at: datetime | None
    first_listed_at: datetime | None
    targets: Targets

    @classmethod
    def of(cls, environment: Environment) -> "Mark":
        targets = Targets.of(environment)
        return cls(environment.rows_version, environment.volumes_listed_at, environment.first_listed_at, targets)


@dataclass(slots=True)
class Forecast:
    """The verdicts and counts after a plan, and the environment's version that they are valid for."""

    mark: Mark | None = None
    # What the rows will count; None if the plan writes no row.
    counts: Counts | None = None
    is_judged: bool = False
    values: list[Values] = field(default_factory=list)
    # Volumes whose newest usable snapshot has no row yet: the snapshot's id, and the volume's primary key.
    newest: list[tuple[str, int]] = field(default_factory=list)

    def holds(self, environment: Environment) -> bool:
        """Return whether the forecast is still valid. Call under the lock, before anything is written."""
        return self.mark is not None and self.mark == Mark.of(environment)

    def write(self, environment: Environment, at: datetime) -> None:
        """Store the verdicts, and calculate those of new volumes. Call when the plan's rows are written."""
        write_judgements(self.values)
        if self.newest:
            with connection.cursor() as cursor:
                cursor.executemany(POINT, [(environment.pk, *each) for each in self.newest])
        never = Volume.objects.filter(environment=environment, judged_at__isnull=True)
        judge_volumes(environment, list(never.values_list("volume_id", flat=True)), at=at)


def foresee(held: Claim, volumes: Collection[str], pending: PlannedRows, at: datetime | None) -> Forecast:
    """Calculate the verdicts of volumes and the counts as they will be when a plan is written. Writes nothing.

    Returns no verdicts before `judge_all` ran once. `at`: the time of the data then.
    """
    # Read again: volumes may have been listed, and members may have changed something, since the claim.
    environment = _environment(held) if volumes or not pending.plan.is_empty else None
    if environment is None:
        return Forecast()
    forecast = Forecast(Mark.of(environment))
    if not pending.plan.is_empty:
        forecast.counts = count(environment, pending.renamed, pending.now, Planned(pending.plan, pending.before))
    if environment.data_at is None or at is None:
        return forecast
    forecast.is_judged = True
    environment.clock_ahead, environment.key_since = held.environment.clock_ahead, held.environment.key_since
    for judged in judged_again(environment, volumes, at=at, pending=pending):
        for volume in judged:
            newest = volume.newest_usable_id
            if newest is not None and newest >= FIRST_PLANNED:
                forecast.newest.append((pending.id_of(newest), volume.pk))
                volume.newest_usable_id = None
            forecast.values.append(values_of(volume))
    return forecast


def judge_all(held: Claim, at: datetime) -> None:
    """Calculate the verdicts after the first list: of all volumes, so it is prepared before the lock is taken.

    Raises `Late` if the claim is no longer valid.
    """
    environment = _environment(held)
    if environment is None:
        raise Late
    mark = Mark.of(environment)
    prepared = list(judgements(environment, at=at))
    with transaction.atomic():
        environment = locked_for_write(held)
        for values in prepared:
            write_judgements(values)
        if Mark.of(environment) != mark:
            judge_volumes(environment, at=at)
        environment.data_at, environment.lease_until = at, None
        environment.save(update_fields=["data_at", "lease_until"])


def data_at(held: Claim) -> datetime:
    """Return the time of a complete list by the provider's clock."""
    environment = held.environment
    # The claim's time is already corrected, if our clock jumped.
    return environment.clocks.provider(held.at - timedelta(seconds=environment.clock_correction))


def _environment(held: Claim) -> Environment | None:
    return Environment.everything.filter(pk=held.environment.pk).first()
