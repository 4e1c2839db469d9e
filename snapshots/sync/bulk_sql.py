"""Snapshot rows in bulk: plain values and one statement for all of them.

The ORM's `bulk_create` builds an object and SQL for every row under the write lock: 100,000 rows blocked everyone else
for 20 s. Here the values are prepared before the transaction begins.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, lru_cache
from operator import itemgetter
from typing import NamedTuple

from django.db import connection

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Change, Environment, Snapshot, words
from snapshots.rules.runs import AFTER_COMPLETION
from snapshots.rules.schedules import schedules_of
from snapshots.rules.states import USABLE_STATE
from snapshots.rules.taken_time import Sighting, TakenFrom, TakenRange, is_default, taken_range

PROVIDER_FIELDS = ("name", "state", "interval_type", "volume_id", "volume", "volume_type", "raw", "fingerprint")
# Only these columns of existing rows are updated: the creation time is determined when a row is first seen.
UPDATED = (*PROVIDER_FIELDS, "changed_at", "created_at")
# Those of them that are in an index: to write one costs as much as all others together, even if its value stays.
INDEXED = ("name", "state", "interval_type", "volume_id", "volume")
UNINDEXED = tuple(column for column in UPDATED if column not in INDEXED)
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

# From how many rows on there is a larger cache, and how large. And after how many pages SQLite moves them from the log
# into the database: it waits for the disk each time, and several transactions change the same pages.
MANY, CACHE_KIB, LOG_PAGES = 500, 16_384, 8_000


def insert_into(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join(["%s"] * len(columns))})'  # noqa: S608 our own identifiers


TABLE = Snapshot._meta.db_table
UPSERT = (
    f"{insert_into(TABLE, COLUMNS)} ON CONFLICT (environment_id, snapshot_id) DO UPDATE SET"
    f" {', '.join(f'{name} = excluded.{name}' for name in UPDATED)},"
    f" usable_at = coalesce({TABLE}.usable_at, excluded.usable_at)"
)
NOTE_TAKEN = (
    f"UPDATE {TABLE} SET taken_after = %s, taken_before = %s, taken_source = %s, taken_key = %s"  # noqa: S608
    " WHERE id = %s"
)
NOTE_DURATION = f"UPDATE {TABLE} SET ran_for = %s WHERE id = %s"  # noqa: S608 our own identifiers
INSERT_CHANGE = insert_into(Change._meta.db_table, CHANGE_COLUMNS)

Values = tuple[str | int | datetime | None, ...]
Stored = Callable[[datetime | None], str | datetime | None]


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


class Before(NamedTuple):
    """A row that a plan touches, before the change."""

    state: str
    name: str
    interval_type: str
    volume_id: str
    volume: str
    usable_at: datetime | None
    taken_after: datetime | None
    taken_before: datetime
    first_seen_at: datetime
    listed: bool
    missing_since: datetime | None
    taken_key: datetime
    ran_for: int | None
    taken_source: str
    created_at: datetime | None

    @property
    def taken(self) -> TakenRange:
        return TakenRange(self.taken_after, self.taken_before, TakenFrom(self.taken_source))

    @property
    def was_completed(self) -> bool:
        return self.usable_at is not None or self.state in AFTER_COMPLETION


@contextmanager
def roomy_cache(rows: int) -> Iterator[None]:
    """Let SQLite keep the indexes that many rows change in memory: else it writes and reads them again and again.

    The block contains the transactions: every connection has its own cache.
    """
    if connection.vendor != "sqlite" or rows < MANY:
        yield
        return
    with connection.cursor() as cursor:
        usual = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("cache_size", "wal_autocheckpoint")]
        _set_cache(-CACHE_KIB, LOG_PAGES)
        try:
            yield
        finally:
            _set_cache(*usual)


def _set_cache(size: int, log_pages: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA cache_size = {size}")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {log_pages}")


def values_of(environment: Environment, records: Iterable[SnapshotRecord], now: datetime) -> list[Values]:
    """Return the rows of new or changed records, in the database's format."""
    # To look up the connection takes longer than to convert a moment; and many moments are the same.
    stored: Stored = lru_cache(maxsize=64)(connection.ops.adapt_datetimefield_value)
    return [_values(environment, record, now, stored) for record in records]


def upsert(rows: Sequence[Values]) -> None:
    """Insert or update rows. Call inside a transaction."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(UPSERT, rows)


def updates_of(changed: Iterable[tuple[int, Before, SnapshotRecord]], now: datetime) -> dict[str, list[Values]]:
    """Return the values of changed rows, by the statement that writes no more of a row's indexes than it must."""
    seen_at = _stored(now)
    found: dict[str, list[Values]] = defaultdict(list)
    # In the order of the table, which triggers and indexes follow.
    for pk, row, record in sorted(changed, key=itemgetter(0)):
        moved = [column for column in INDEXED if getattr(row, column) != getattr(record, column)]
        values = [getattr(record, column) for column in (*moved, "volume_type", "raw", "fingerprint")]
        usable_at = seen_at if record.state == USABLE_STATE else None
        found[_update(tuple(moved))].append((*values, seen_at, _stored(record.created), usable_at, pk))
    return found


@cache
def _update(moved: tuple[str, ...]) -> str:
    columns = ", ".join(f"{column} = %s" for column in (*moved, *UNINDEXED))
    return f"UPDATE {TABLE} SET {columns}, usable_at = coalesce(usable_at, %s) WHERE id = %s"  # noqa: S608 our own names


def update(updates: Mapping[str, Sequence[Values]]) -> int:
    """Write changed rows, and return how many still existed. Call inside a transaction."""
    found = 0
    with connection.cursor() as cursor:
        for statement, rows in updates.items():
            if " name = %s" in statement or " volume = %s" in statement:
                words.remember(row[-1] for row in rows)
            cursor.executemany(statement, rows)
            found += cursor.rowcount
    return found


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
    insert_change_values(change_values(environment, events, at))


def change_values(environment: Environment, events: Sequence[Event], at: datetime) -> list[Values]:
    """Return the rows of changes, in the database's format."""
    when = _stored(at)
    where = (environment.team_id, environment.pk)
    return [(*where, event.pk, when, event.kind.value, *event[2:]) for event in events]


def insert_change_values(rows: Sequence[Values]) -> None:
    """Insert what `change_values` returned. Call inside a transaction."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(INSERT_CHANGE, rows)


def _values(environment: Environment, record: SnapshotRecord, now: datetime, stored: Stored) -> Values:
    taken, seen_at = taken_of(environment, record, now), stored(now)
    return (
        *(environment.team_id, environment.pk, record.id),
        *(record.name, record.state, record.interval_type, record.volume_id, record.volume, record.volume_type),
        *(record.raw, record.fingerprint),
        *(stored(taken.after), stored(taken.before), taken.source.value, stored(taken.sort_key)),
        stored(record.created),
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
