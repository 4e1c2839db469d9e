"""Snapshot rows in bulk: plain values and one statement for all of them.

The ORM's `bulk_create` makes an object and a piece of SQL of every row and does so under the write lock: at 100,000
rows it held everyone else up for 20 s. Here the values are made before the transaction begins.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from snapshots.cloud.records import SnapshotRecord
from snapshots.models import Change, Environment, Snapshot
from snapshots.states import USABLE_STATE
from snapshots.timing import taken_range

PROVIDER_FIELDS = ("name", "state", "interval_type", "volume_id", "volume", "volume_type", "raw", "fingerprint")
# Of a row that was there before only these are taken: when it was taken is fixed at first sight.
UPDATED = (*PROVIDER_FIELDS, "changed_at")
COLUMNS = (
    *("team_id", "environment_id", "snapshot_id"),
    *PROVIDER_FIELDS,
    *("taken_after", "taken_before", "taken_from_name", "taken_key"),
    *("first_seen_at", "changed_at", "usable_at", "listed"),
)
CHANGE_COLUMNS = ("team_id", "environment_id", "snapshot_id", "at", "kind", "before", "after")


def _insert(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join(["%s"] * len(columns))})'  # noqa: S608 names of ours


TABLE = Snapshot._meta.db_table
UPSERT = (
    f"{_insert(TABLE, COLUMNS)} ON CONFLICT (environment_id, snapshot_id) DO UPDATE SET"
    f" {', '.join(f'{name} = excluded.{name}' for name in UPDATED)},"
    f" usable_at = coalesce({TABLE}.usable_at, excluded.usable_at)"
)
INSERT_CHANGE = _insert(Change._meta.db_table, CHANGE_COLUMNS)

Values = tuple[str | int | datetime | None, ...]


class Event(NamedTuple):
    """One thing that happened to the snapshot with this primary key; `kind` is one of `Change.Kind`."""

    pk: int
    kind: Change.Kind
    before: str = ""
    after: str = ""


def values_of(environment: Environment, records: Iterable[SnapshotRecord], now: datetime) -> list[Values]:
    """Make the rows of records, new ones or changed ones, as the database takes them."""
    seen_at = _stored(now)
    return [_values(environment, record, now, seen_at) for record in records]


def upsert(rows: Sequence[Values]) -> None:
    """Insert rows, or update those that are there. Call inside a transaction."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(UPSERT, rows)


def insert_changes(environment: Environment, events: Sequence[Event], at: datetime) -> None:
    """Write the history. Call inside a transaction."""
    when = _stored(at)
    where = (environment.team_id, environment.pk)
    rows = [(*where, event.pk, when, event.kind.value, event.before, event.after) for event in events]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(INSERT_CHANGE, rows)


def _values(environment: Environment, record: SnapshotRecord, now: datetime, seen_at: str | datetime | None) -> Values:
    taken = taken_range(record.name, last_without=environment.believed_at, first_with=now)
    return (
        *(environment.team_id, environment.pk, record.id),
        *(record.name, record.state, record.interval_type, record.volume_id, record.volume, record.volume_type),
        *(record.raw, record.fingerprint),
        *(_stored(taken.after), _stored(taken.before), taken.from_name, _stored(taken.sort_key)),
        *(seen_at, seen_at, seen_at if record.state == USABLE_STATE else None, True),
    )


def _stored(moment: datetime | None) -> str | datetime | None:
    """The database's own form: SQLite keeps text, which must be the very text that the ORM compares with."""
    stored: str | datetime | None = connection.ops.adapt_datetimefield_value(moment)
    return stored
