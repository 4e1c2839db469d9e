"""Fold repeated failures of a volume under one line of the changes that counts them.

A line counts the failures since the volume's last completed snapshot, but of at most one due run: a daily
schedule that fails every day gets a line every day.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from snapshots.models import Change, Environment, Snapshot
from snapshots.rules.runs import FAILED
from snapshots.rules.schedules import period, schedules_of
from snapshots.sync.bulk_sql import Event

T = TypeVar("T")

BATCH = 500
# Attempts follow each other: more failures of one volume in a single list have another cause.
MOST_AT_ONCE = 10
# For snapshots without a schedule.
USUAL_PERIOD = timedelta(days=1)
Kind = Change.Kind
FAILURES = (Kind.FAILED, Kind.VANISHED)


class Past(NamedTuple):
    """A change that is already stored."""

    pk: int
    volume_id: str
    kind: str
    at: datetime
    snapshot_id: int | None
    seconds: int | None
    number: int | None
    folded: bool
    line_id: int | None


def gathered(environment: Environment, events: Sequence[Event], now: datetime) -> list[Event]:
    """Fold repeated failures under one line per volume. Call in the transaction that writes the changes."""
    failures: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.kind in FAILURES and event.volume_id:
            failures[event.volume_id].append(event)
    repeated = {volume_id: some for volume_id, some in failures.items() if len(some) <= MOST_AT_ONCE}
    lines = _lines(environment, repeated, now) if repeated else {}
    removed = [event.pk for event in events if event.kind == Kind.DELETED and event.before == FAILED and event.pk]
    lines_of_removed = _lines_of(removed)
    return [_under(event, lines, lines_of_removed) for event in events]


def _under(event: Event, lines: Mapping[str, int], lines_of_removed: Mapping[int, int]) -> Event:
    line = lines.get(event.volume_id) if event.kind in FAILURES else None
    if event.kind == Kind.DELETED and event.pk is not None:
        line = lines_of_removed.get(event.pk)
    return event._replace(folded=True, line=line) if line else event


def _lines(environment: Environment, failures: Mapping[str, Sequence[Event]], now: datetime) -> dict[str, int]:
    """Write the lines of volumes that failed before, and return their primary keys."""
    windows = _windows(failures)
    past = _past(environment, failures.keys(), now - max(windows.values()))
    found: dict[str, int] = {}
    for volume_id, new in failures.items():
        since = now - windows[volume_id]
        rows = [row for row in past[volume_id] if row.at >= since]
        done = [place for place, row in enumerate(rows) if row.kind == Kind.COMPLETED]
        line = _line(environment, new, rows[done[-1] + 1 if done else 0 :], since, now)
        if line is not None:
            found[volume_id] = line
    return found


def _line(
    environment: Environment, new: Sequence[Event], past: Sequence[Past], since: datetime, now: datetime
) -> int | None:
    """Count failures on the open line, or start one if there was a failure before."""
    is_failed = any(event.kind == Kind.FAILED for event in new)
    for row in reversed(past):
        began = row.at - timedelta(seconds=row.seconds or 0)
        if row.number is not None and began >= since:
            kind = Kind.FAILED if is_failed else row.kind
            values = {"at": now, "number": row.number + len(new), "seconds": _seconds(began, now)}
            Change.objects.filter(pk=row.pk).update(kind=kind, **values)
            return row.pk
    before = [row for row in past if row.kind in FAILURES and row.number is None and row.line_id is None]
    return _begun(environment, new, before, now) if before else None


def _begun(environment: Environment, new: Sequence[Event], before: Sequence[Past], now: datetime) -> int:
    # Changes under a line for many at once stay there.
    single = [row for row in before if not row.folded]
    kinds = {row.kind for row in single} | {event.kind for event in new}
    line = Change.objects.create(
        team_id=environment.team_id,
        environment=environment,
        volume_id=new[0].volume_id,
        at=now,
        kind=Kind.FAILED if Kind.FAILED in kinds else Kind.VANISHED,
        number=len(single) + len(new),
        seconds=_seconds(min(row.at for row in single or before), now),
    )
    tries = Change.objects.filter(snapshot__in=[row.snapshot_id for row in single if row.snapshot_id is not None])
    ended = tries.filter(kind__in=FAILURES) | tries.filter(kind=Kind.DELETED, before=FAILED)
    ended.filter(number__isnull=True, folded=False).update(folded=True, line=line)
    return line.pk


def _seconds(began: datetime, now: datetime) -> int:
    """Return how long failures have lasted; 0 if our clock was set back since the first."""
    return max(0, int((now - began).total_seconds()))


def _past(environment: Environment, volume_ids: Collection[str], since: datetime) -> Mapping[str, list[Past]]:
    """Return the snapshots that ended since then, by volume, oldest first."""
    found: dict[str, list[Past]] = defaultdict(list)
    for ids in _batches(sorted(volume_ids)):
        rows = Change.objects.filter(environment=environment, volume_id__in=ids, at__gte=since)
        rows = rows.filter(kind__in=(*FAILURES, Kind.COMPLETED)).order_by("at", "pk")
        for values in rows.values_list(*Past._fields):
            found[values[1]].append(Past(*values))
    return found


def _windows(failures: Mapping[str, Sequence[Event]]) -> dict[str, timedelta]:
    """Return for each volume how long failures belong to one due run: less than until the next run."""
    pks = [event.pk for events in failures.values() for event in events if event.pk is not None]
    types: dict[int, str] = {}
    for batch in _batches(pks):
        types |= dict(Snapshot.objects.filter(pk__in=batch).values_list("pk", "interval_type"))
    return {
        volume_id: min(_period(types.get(event.pk or 0, "")) for event in events) * 3 / 4
        for volume_id, events in failures.items()
    }


def _period(interval_type: str) -> timedelta:
    return min((period(schedule) for schedule in schedules_of(interval_type)), default=USUAL_PERIOD)


def _lines_of(pks: Sequence[int]) -> dict[int, int]:
    """Return the line under which each failed snapshot's failure is folded, by primary key."""
    found: dict[int, int] = {}
    for batch in _batches(pks):
        rows = Change.objects.filter(snapshot__in=batch, kind=Kind.FAILED, line__isnull=False)
        found |= dict(rows.values_list("snapshot_id", "line_id"))
    return found


def _batches(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
