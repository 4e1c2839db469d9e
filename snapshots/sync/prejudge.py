"""What a list will make of the verdicts, worked out before the write lock is taken.

Its rows are judged as its plan will leave them. Nobody else writes them while the lease is held; what people say of
targets, and of schedules that ended, may change meanwhile, and with it the environment's mark: then it is judged again
under the lock.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from snapshots.models import Environment, Snapshot, Volume
from snapshots.sync.leases import Claim, Late, locked_for_write
from snapshots.sync.pending_rows import FIRST_PLANNED, PlannedRows
from snapshots.verdicts.evaluate import (
    Targets,
    Values,
    judge_volumes,
    judged_again,
    judgements,
    values_of,
    write_judgements,
)

# The newest usable snapshot of a volume, where the plan itself inserts it.
POINT = (
    f"UPDATE {Volume._meta.db_table} SET newest_usable_id ="  # noqa: S608 names of ours
    f" (SELECT id FROM {Snapshot._meta.db_table} WHERE environment_id = %s AND snapshot_id = %s) WHERE id = %s"
)


class Mark(NamedTuple):
    """What else a judgement is made of. Whatever writes a row of an environment raises its generation."""

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
    """The judgements of the volumes that a plan touches, and the state of the environment that they hold for."""

    mark: Mark | None = None
    values: list[Values] = field(default_factory=list)
    # Volumes whose newest usable snapshot has no row yet: its id, and the volume's primary key.
    newest: list[tuple[str, int]] = field(default_factory=list)

    def holds(self, environment: Environment) -> bool:
        """Ask under the lock, before anything is written."""
        return self.mark is not None and self.mark == Mark.of(environment)

    def write(self, environment: Environment, at: datetime) -> None:
        """Store the judgements, and judge what has a row only now. Call when the plan's rows are written."""
        write_judgements(self.values)
        if self.newest:
            with connection.cursor() as cursor:
                cursor.executemany(POINT, [(environment.pk, *each) for each in self.newest])
        never = Volume.objects.filter(environment=environment, judged_at__isnull=True)
        judge_volumes(environment, list(never.values_list("volume_id", flat=True)), at=at)


def foresee(held: Claim, volumes: Collection[str], pending: PlannedRows, at: datetime | None) -> Forecast:
    """Judge volumes as they will be when a plan is written. Writes nothing.

    Nothing is foreseen before all were judged once, by `judge_all`. `at`: the moment of the data then.
    """
    # Read anew: the volumes may have been listed, and somebody may have said something, since it was claimed.
    environment = _environment(held) if volumes else None
    if environment is None or environment.data_at is None or at is None:
        return Forecast()
    environment.clock_ahead = held.environment.clock_ahead
    forecast = Forecast(Mark.of(environment))
    for judged in judged_again(environment, volumes, at=at, pending=pending):
        for volume in judged:
            newest = volume.newest_usable_id
            if newest is not None and newest >= FIRST_PLANNED:
                forecast.newest.append((pending.id_of(newest), volume.pk))
                volume.newest_usable_id = None
            forecast.values.append(values_of(volume))
    return forecast


def judge_all(held: Claim, at: datetime) -> None:
    """Judge what the first list brought: every volume at once, and so prepared before the lock is taken.

    Raises `Late` when the claim no longer holds.
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
    """The moment of a complete list by the provider's clock."""
    environment = held.environment
    # The claim's time is corrected already, where our clock jumped.
    return environment.clocks.provider(held.at - timedelta(seconds=environment.clock_correction))


def _environment(held: Claim) -> Environment | None:
    return Environment.everything.filter(pk=held.environment.pk).first()
