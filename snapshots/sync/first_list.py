"""Write an environment's first list in short transactions, so that no other writer waits long.

Nothing shows the rows of an environment that is half written, which the first transaction says and the last one takes
back. What an interrupted sync has left is deleted by the next one.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Snapshot, Volume
from snapshots.sync import bulk_sql, short_writes
from snapshots.sync.leases import Claim, prolong
from snapshots.sync.short_writes import chunks, in_turns
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
    for each in _rows_of(held.environment):
        in_turns(held, _pieces_of(each), lambda piece: piece.delete())
    # The volumes were listed, but are no longer there: they must be requested again.
    _mark(held, half_written_since=None, **UNLISTED)


def write_snapshots(held: Claim, records: Sequence[SnapshotRecord], now: datetime) -> None:
    """Insert the snapshots, in reverse as in `write_plan`. Raises `Late`."""
    values = (bulk_sql.values_of(held.environment, chunk, now) for chunk in chunks(records[::-1]))
    with bulk_sql.roomy_cache(len(records)):
        in_turns(held, values, bulk_sql.upsert)


def write_volumes(held: Claim, counts: VolumeCounts) -> None:
    """Insert the volumes, or count their snapshots, and name them. Raises `Late`."""
    in_turns(held, chunks(counts.new), insert_volumes)
    in_turns(held, chunks(counts.moved), update_counts)
    in_turns(held, chunks(counts.nameless), lambda ids: name_after_snapshots(held.environment, ids))


def judge(held: Claim, environment: Environment, at: datetime) -> None:
    """Write the verdicts of all volumes. `environment`: its row as it will be. Raises `Late`."""
    judged = (piece for values in judgements(environment, at=at) for piece in chunks(values))
    in_turns(held, judged, write_judgements)


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


def _pieces_of(rows: QuerySet[Any]) -> Iterator[QuerySet[Any]]:
    while pks := list(rows.order_by("pk").values_list("pk", flat=True)[: short_writes.ROWS]):
        yield rows.filter(pk__in=pks)
