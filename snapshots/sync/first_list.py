"""Write an environment's first list in short transactions, so that no other writer waits long.

Nothing shows the rows of an environment that is half written, which the first transaction says and the last one takes
back. What an interrupted sync has left is deleted by the next one.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Snapshot, Volume
from snapshots.sync import bulk_sql
from snapshots.sync.leases import Claim, prolong
from snapshots.sync.short_writes import in_turns
from snapshots.sync.store_volumes import VolumeCounts, insert_volumes, name_after_snapshots, update_counts
from snapshots.verdicts.evaluate import judgements, write_judgements

UNLISTED = {"volumes_listed_at": None, "volumes_next_try_at": None, "volumes_key": "", "volumes_key_since": None}


def begin(held: Claim, now: datetime) -> None:
    """Hide an environment that never answered, for its first list. Raises `Late`.

    One that has a row, as somebody asked for a single snapshot, shows it: its list is written in one transaction.
    """
    if not any(each.exists() for each in _rows_of(held.environment)):
        _mark(held, half_written_since=now)


def discard(held: Claim) -> None:
    """Delete what an interrupted first list has left, and hide the environment no longer. Raises `Late`."""
    for rows in _rows_of(held.environment):
        in_turns(held, list(rows.values_list("pk", flat=True)), partial(_deletion, rows.model))
    # The volumes were listed, but are no longer there: they must be requested again.
    _mark(held, half_written_since=None, **UNLISTED)


def write_snapshots(held: Claim, records: Sequence[SnapshotRecord], now: datetime) -> None:
    """Insert the snapshots, in reverse as in `write_plan`. Raises `Late`."""
    environment = held.environment
    with bulk_sql.roomy_cache(len(records)):
        in_turns(held, records[::-1], lambda some: partial(bulk_sql.upsert, bulk_sql.values_of(environment, some, now)))


def write_volumes(held: Claim, counts: VolumeCounts) -> None:
    """Insert the volumes, or count their snapshots, and name them. Raises `Late`."""
    in_turns(held, counts.new, lambda rows: partial(insert_volumes, rows))
    in_turns(held, counts.moved, lambda rows: partial(update_counts, rows))
    in_turns(held, counts.nameless, lambda ids: partial(name_after_snapshots, held.environment, ids))


def judge(held: Claim, environment: Environment, at: datetime) -> None:
    """Write the verdicts of all volumes. `environment`: its row as it will be. Raises `Late`."""

    def judged(ids: Sequence[str]) -> Callable[[], object]:
        return partial(write_judgements, [*chain.from_iterable(judgements(environment, ids, at=at))])

    in_turns(held, sorted(Volume.objects.filter(environment=environment).values_list("volume_id", flat=True)), judged)


def _mark(held: Claim, **values: Any) -> None:
    with transaction.atomic():
        environment = prolong(held)
        for name, value in values.items():
            setattr(environment, name, value)
            setattr(held.environment, name, value)
        environment.save(update_fields=[*values])


def _rows_of(environment: Environment) -> list[QuerySet[Volume] | QuerySet[Snapshot]]:
    """The volumes first: they name their newest snapshot."""
    return [Volume.objects.filter(environment=environment), Snapshot.objects.filter(environment=environment)]


def _deletion(model: type[Model], pks: Sequence[int]) -> Callable[[], object]:
    # By their keys alone: with the environment, SQLite would read all of its rows each time.
    return model._default_manager.filter(pk__in=pks).delete
