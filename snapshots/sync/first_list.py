"""Write an environment's first list in short transactions, so that no other writer waits long.

Nothing shows the rows before the environment has answered (`Environment.answered_at`), which the last transaction says.
What an interrupted sync has left is deleted by the next one.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Snapshot, Volume
from snapshots.sync import bulk_sql, short_writes
from snapshots.sync.leases import Claim
from snapshots.sync.short_writes import chunks, in_turns
from snapshots.sync.store_volumes import VolumeCounts, insert_volumes, name_after_snapshots, update_counts
from snapshots.verdicts.evaluate import judgements, write_judgements

UNLISTED = {"volumes_listed_at": None, "volumes_next_try_at": None, "volumes_key": "", "volumes_key_since": None}


def discard(held: Claim) -> None:
    """Delete what an interrupted first list has left. Raises `Late`."""
    environment = held.environment
    # The volumes first: they name their newest snapshot.
    rows: list[QuerySet[Volume] | QuerySet[Snapshot]] = [
        Volume.objects.filter(environment=environment),
        Snapshot.objects.filter(environment=environment),
    ]
    if not any(each.exists() for each in rows):
        return
    for each in rows:
        in_turns(held, _pieces_of(each), lambda piece: piece.delete())
    # They were listed, but are no longer there: they must be requested again.
    Environment.everything.filter(pk=environment.pk, fence=held.fence).update(**UNLISTED)
    for name, value in UNLISTED.items():
        setattr(environment, name, value)


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


def _pieces_of(rows: QuerySet[Any]) -> Iterator[QuerySet[Any]]:
    while pks := list(rows.order_by("pk").values_list("pk", flat=True)[: short_writes.ROWS]):
        yield rows.filter(pk__in=pks)
