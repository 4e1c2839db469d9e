"""Snapshot rows in bulk: plain values and one statement for all of them.

The ORM's `bulk_create` builds an object and SQL for every row under the write lock: 100,000 rows blocked everyone else
for 20 s. Here the values are prepared before the transaction begins.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Change, Environment, Snapshot
from snapshots.rules.schedules import schedules_of
from snapshots.rules.states import USABLE_STATE
from snapshots.rules.taken_time import Sighting, TakenRange, is_default, taken_range

PROVIDER_FIELDS = ("name", "state", "interval_type", "volume_id", "volume", "volume_type", "raw", "fingerprint")
# Only these columns of existing rows are updated: the creation time is determined when a row is first seen.
UPDATED = (*PROVIDER_FIELDS, "changed_at", "created_at")
COLUMNS = (
    *("team_id", "environment_id", "snapshot_id"),
    *PROVIDER_FIELDS,
    *("taken_after", "taken_before", "taken_source", "taken_key", "created_at"),
    *("first_seen_at", "changed_at", "usable_at", "listed"),
)
CHANGE_COLUMNS = (
    *("team_id", "environment_id", "snapshot_id", "at", "kind", "before", "after"),
    *("volume_id", "seconds", "number", "folded", "line_id"),
)


def _insert(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join(["%s"] * len(columns))})'  # noqa: S608 our own identifiers


TABLE = Snapshot._meta.db_table
UPSERT = (
    f"{_insert(TABLE, COLUMNS)} ON CONFLICT (environment_id, snapshot_id) DO UPDATE SET"
    f" {', '.join(f'{name} = excluded.{name}' for name in UPDATED)},"
    f" usable_at = coalesce({TABLE}.usable_at, excluded.usable_at)"
)
NOTE_TAKEN = (
    f"UPDATE {TABLE} SET taken_after = %s, taken_before = %s, taken_source = %s, taken_key = %s"  # noqa: S608
    " WHERE id = %s"
)
NOTE_DURATION = f"UPDATE {TABLE} SET ran_for = %s WHERE id = %s"  # noqa: S608 our own identifiers
INSERT_CHANGE = _insert(Change._meta.db_table, CHANGE_COLUMNS)

Values = tuple[str | int | datetime | None, ...]


class Event(NamedTuple):
    """One change; `pk` is the snapshot's primary key, None if it is not about a snapshot."""

    pk: int | None
    kind: Change.Kind
    before: str = ""
    after: str = ""
    volume_id: str = ""
    seconds: int | None = None
    # As in `Change`: how many changes the line counts; and whether it is folded under such a line.
    number: int | None = None
    folded: bool = False
    # The primary key of the line that counts it, if that line grows from sync to sync.
    line: int | None = None


def values_of(environment: Environment, records: Iterable[SnapshotRecord], now: datetime) -> list[Values]:
    """Return the rows of new or changed records, in the database's format."""
    seen_at = _stored(now)
    return [_values(environment, record, now, seen_at) for record in records]


def upsert(rows: Sequence[Values]) -> None:
    """Insert or update rows. Call inside a transaction."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(UPSERT, rows)


def note_durations(durations: Sequence[tuple[int, int]]) -> None:
    """Store how many seconds snapshots were in progress, as (primary key, seconds). Call inside a transaction."""
    if durations:
        with connection.cursor() as cursor:
            cursor.executemany(NOTE_DURATION, [(seconds, pk) for pk, seconds in durations])


def note_taken(ranges: Sequence[tuple[int, TakenRange]]) -> None:
    """Store when snapshots were taken, as (primary key, range). Call inside a transaction."""
    rows = [
        (_stored(taken.after), _stored(taken.before), taken.source.value, _stored(taken.sort_key), pk)
        for pk, taken in ranges
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(NOTE_TAKEN, rows)


def insert_changes(environment: Environment, events: Sequence[Event], at: datetime) -> None:
    """Insert changes. Call inside a transaction."""
    when = _stored(at)
    where = (environment.team_id, environment.pk)
    rows = [(*where, event.pk, when, event.kind.value, *event[2:]) for event in events]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(INSERT_CHANGE, rows)


def _values(environment: Environment, record: SnapshotRecord, now: datetime, seen_at: str | datetime | None) -> Values:
    taken = taken_of(environment, record, now)
    return (
        *(environment.team_id, environment.pk, record.id),
        *(record.name, record.state, record.interval_type, record.volume_id, record.volume, record.volume_type),
        *(record.raw, record.fingerprint),
        *(_stored(taken.after), _stored(taken.before), taken.source.value, _stored(taken.sort_key)),
        _stored(record.created),
        *(seen_at, seen_at, seen_at if record.state == USABLE_STATE else None, True),
    )


def taken_of(environment: Environment, record: SnapshotRecord, now: datetime) -> TakenRange:
    """Return when a snapshot was taken that is seen for the first time now.

    The environment's `believed_at` must be the newest list that proves absence, None without one.
    """
    # Names contain the provider's time: add the difference of the clocks to our times.
    ahead = timedelta(seconds=environment.clock_ahead)
    believed = environment.believed_at + ahead if environment.believed_at else None
    # No verdict depends on a snapshot without a volume, so its name can be trusted.
    is_own = not record.volume_id or is_own_name(record.name, record.interval_type, record.volume)
    clocks = environment.clocks
    is_right = clocks.is_provider_right and environment.was_provider_right
    seen = Sighting(believed, now + ahead, clocks.is_trusted, is_right)
    taken = taken_range(record.name, record.created, seen, is_own=is_own)
    if environment.is_list_refuted and taken.after is not None and taken.after == believed:
        return replace(taken, after=None)
    return taken


def is_own_name(name: str, interval_type: str, volume: str) -> bool:
    """Return whether the provider chose the name: always for schedules, else if none was given."""
    return bool(schedules_of(interval_type)) or is_default(name, volume)


def _stored(moment: datetime | None) -> str | datetime | None:
    """Return the database's format: SQLite stores text, exactly the text that the ORM compares with."""
    stored: str | datetime | None = connection.ops.adapt_datetimefield_value(moment)
    return stored
