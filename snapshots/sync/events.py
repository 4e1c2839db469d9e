"""Derive changes from a list's plan and the rows before it.

The states of a snapshot in progress are folded: it completed, it failed, or it vanished before either. Up to and
including the first complete list there are no changes, because monitoring only started.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.models import Change, Environment, Snapshot, Volume
from snapshots.rules.runs import COPYING, FAILED, MAKING
from snapshots.rules.states import USABLE_STATE
from snapshots.rules.taken_time import CLOCK_SLACK_BEFORE, TakenFrom, TakenRange
from snapshots.sync.bulk_sql import Before, Event
from snapshots.sync.diff import Plan
from snapshots.sync.rotation import Leaving, find_rotated

BATCH = 500
# If a sync has more changes of one kind, they are folded under one line.
MOST_SINGLE = 20
# From how many on changes of one kind are prepared before the transaction.
VERY_MANY = 500
# How close the syncs before and after a snapshot's end must be to show a duration ("in 14 min").
CLOSE = timedelta(minutes=3)
# How long an outage of the provider must last to be recorded when it ends; the end of a refusal always is.
LONG_SILENCE = timedelta(hours=1)
Kind = Change.Kind


def of_plan(
    environment: Environment,
    plan: Plan[SnapshotRecord],
    before: Mapping[int, Before],
    *,
    now: datetime,
    listing: Listing[SnapshotRecord] | None,
) -> list[Event]:
    """Return the changes of existing rows. `listing`: the complete list that the plan comes from, if any.

    If the environment was removed since, its rows no longer exist: rows that are only in the plan are skipped.
    """
    if environment.listed_at is None:
        return [_began(listing)] if listing and listing.complete else []
    return [
        *_volumes_renamed(environment, plan, before),
        *_changed(environment, plan, before, now),
        *_returned([*plan.returned, *plan.there], before),
        *_gone(environment, {pk: before[pk] for pk in plan.missing if pk in before}, now),
    ]


def is_news(taken: TakenRange, last_list: datetime) -> bool:
    """Return whether a snapshot that is listed for the first time is new, and not an old one that earlier lists lacked.

    `last_list`: when the previous list was requested, by the provider's clock.
    """
    if taken.source is TakenFrom.CLOCK:
        return True
    return taken.after is not None and taken.after >= last_list - CLOCK_SLACK_BEFORE


def _returned(pks: Iterable[int], before: Mapping[int, Before]) -> Iterator[Event]:
    return (_event(pk, Kind.RETURNED, before[pk]) for pk in pks if pk in before and not before[pk].listed)


def of_added(environment: Environment, added: Sequence[SnapshotRecord]) -> Iterator[Event]:
    """Record new snapshots that are already complete or failed. Call in the transaction that inserted them."""
    if environment.listed_at is None:
        return
    told = {record.id: kind for record in added if (kind := _kind_of_new(record.state))}
    for ids in _batches(list(told)):
        new = Snapshot.objects.filter(environment=environment, snapshot_id__in=ids)
        for pk, snapshot_id, state, volume_id in new.order_by("pk").values_list(
            "pk", "snapshot_id", "state", "volume_id"
        ):
            yield Event(pk, told[snapshot_id], after=state, volume_id=volume_id)


def fold(events: Iterable[Event]) -> list[Event]:
    """Fold many changes of one kind under one line that counts them."""
    events = list(events)
    kinds = Counter(event.kind for event in events if not event.folded)
    many = {kind: count for kind, count in kinds.items() if count > MOST_SINGLE}
    if not many:
        return events
    rows = [event._replace(folded=True) if event.kind in many else event for event in events]
    return rows + [Event(None, kind, number=number) for kind, number in many.items()]


def set_apart(events: list[Event], news: Iterable[SnapshotRecord]) -> tuple[list[Event], list[Event]]:
    """Return the kinds with very many changes, folded as they will be stored, and the others.

    Those that other changes of the list, or earlier ones, may join are among the others.
    """
    kinds = Counter(event.kind for event in events)
    joined = {_kind_of_new(record.state) for record in news} | {Kind.FAILED, Kind.VANISHED, Kind.DELETED}
    many = {kind for kind, count in kinds.items() if count >= VERY_MANY and kind not in joined}
    if not many:
        return [], events
    return fold(event for event in events if event.kind in many), [each for each in events if each.kind not in many]


def volumes_renamed(environment: Environment, names: Mapping[str, tuple[str, str]]) -> Iterator[Event]:
    """Record renamed volumes, by id with old and new name: one change each, from whichever list shows it first."""
    if environment.listed_at is None:
        return
    for ids in _batches(list(names)):
        rows = Volume.objects.filter(environment=environment, volume_id__in=ids)
        known = dict(rows.values_list("volume_id", "name"))
        renamed = Change.objects.filter(environment=environment, volume_id__in=ids, kind=Kind.VOLUME_RENAMED)
        told = dict(renamed.order_by("at", "pk").values_list("volume_id", "after"))
        for volume_id in ids:
            old, new = names[volume_id]
            if new not in (known.get(volume_id), told.get(volume_id)):
                yield Event(None, Kind.VOLUME_RENAMED, old, new, volume_id)


def refused(environment: Environment) -> list[Event]:
    """Record that the environment's key is refused, and was not before."""
    if environment.listed_at is None or _refused_since(environment) is not None:
        return []
    return [Event(None, Kind.REFUSED, after=environment.fault_kind)]


def answering(environment: Environment, now: datetime) -> list[Event]:
    """Record that the environment, whose row still has its fault, answers again."""
    if environment.listed_at is None or not environment.fault_kind:
        return []
    since = _refused_since(environment)
    silent = now - (since or environment.fault_since or now)
    if since is None and not environment.is_refused and silent < LONG_SILENCE:
        return []
    kind = Kind.REFUSED.value if since is not None or environment.is_refused else environment.fault_kind
    return [Event(None, Kind.ANSWERING, before=kind, seconds=max(0, int(silent.total_seconds())))]


def _refused_since(environment: Environment) -> datetime | None:
    """Return since when the key is refused, by the recorded changes; other faults in between do not end a refusal."""
    told = Change.objects.filter(team=environment.team_id, environment=environment, number=None, folded__in=[False])
    last = told.filter(kind__in=[Kind.REFUSED, Kind.ANSWERING]).newest_first().values_list("kind", "at").first()
    return last[1] if last and last[0] == Kind.REFUSED else None


def _began(listing: Listing[SnapshotRecord]) -> Event:
    return Event(None, Kind.BEGAN, after=str(listing.length))


def _event(pk: int, kind: Change.Kind, row: Before, after: str = "") -> Event:
    return Event(pk, kind, row.state, after, row.volume_id)


def _kind_of_new(state: str) -> Change.Kind | None:
    """A snapshot in progress is recorded when it ends; one that is being copied was complete before."""
    if state == FAILED:
        return Kind.FAILED
    return Kind.COMPLETED if state in (USABLE_STATE, COPYING) else None


def _changed(
    environment: Environment, plan: Plan[SnapshotRecord], before: Mapping[int, Before], now: datetime
) -> Iterator[Event]:
    for pk, record in plan.changed:
        row = before.get(pk)
        if row is None:
            continue
        if ended := _end(row, record):
            yield _event(pk, ended, row, record.state)._replace(seconds=_length(row, environment, now))
        if row.name != record.name:
            yield Event(pk, Kind.RENAMED, row.name, record.name, record.volume_id)


def _end(row: Before, record: SnapshotRecord) -> Change.Kind | None:
    if record.state == FAILED:
        return Kind.FAILED if row.state != FAILED else None
    return Kind.COMPLETED if record.state == USABLE_STATE and not row.was_completed else None


def _length(row: Before, environment: Environment, now: datetime) -> int | None:
    """Return how many seconds a snapshot was in progress; None if syncs were too rare to know."""
    if row.state not in MAKING or row.usable_at or row.taken_after is None or environment.data_at is None:
        return None
    longest = now + timedelta(seconds=environment.clock_ahead) - row.taken_after
    shortest = environment.data_at - row.taken_before
    # Not so if our clock was set back in between.
    if not timedelta() <= shortest <= longest or longest - shortest > max(CLOSE, shortest / 4):
        return None
    return int(((longest + shortest) / 2).total_seconds())


def _gone(environment: Environment, rows: Mapping[int, Before], now: datetime) -> Iterator[Event]:
    leaving = {
        pk: Leaving(row.volume_id, row.interval_type, row.missing_since or now)
        for pk, row in rows.items()
        if row.was_completed
    }
    rotated = find_rotated(environment, leaving)
    for pk, row in rows.items():
        if row.state in MAKING and not row.was_completed:
            yield _event(pk, Kind.VANISHED, row)
        else:
            yield _event(pk, Kind.ROTATED if pk in rotated else Kind.DELETED, row)


def _volumes_renamed(
    environment: Environment, plan: Plan[SnapshotRecord], before: Mapping[int, Before]
) -> Iterator[Event]:
    """All snapshots of a renamed volume have its new name; the newest, which is listed first, is enough."""
    names: dict[str, tuple[str, str]] = {}
    for pk, record in plan.changed:
        row = before.get(pk)
        if row is None or row.volume_id != record.volume_id or not (row.volume and record.volume and record.volume_id):
            continue
        if row.volume != record.volume:
            names.setdefault(record.volume_id, (row.volume, record.volume))
    return volumes_renamed(environment, names)


def _batches(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
