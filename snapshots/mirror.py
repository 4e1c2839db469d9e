"""Writing what the provider said into the mirror: one short transaction, and only what changed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

from django.db import transaction
from django.db.models import Count

from snapshots import bulk, diff
from snapshots.bulk import Event
from snapshots.claims import Claim, clear_fault, key_mark, locked_for_write
from snapshots.cloud.records import Listing, SnapshotRecord
from snapshots.models import Change, Environment, Snapshot
from snapshots.volumes import recount_volumes

T = TypeVar("T")
Plan = diff.Plan[SnapshotRecord]

BATCH = 500


class Prepared(NamedTuple):
    """What a plan writes, made before the transaction begins."""

    rows: list[bulk.Values]
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Written:
    """What a list changed, in rows; and what it left in doubt."""

    added: int = 0
    changed: int = 0
    returned: int = 0
    left_out: int = 0
    missing: int = 0
    incomplete: tuple[str, ...] = ()
    doubted: bool = False

    @property
    def total(self) -> int:
        return self.added + self.changed + self.returned + self.left_out + self.missing


def store_listing(held: Claim, listing: Listing[SnapshotRecord], *, received_at: datetime) -> Written:
    """Apply a list of the whole environment. Raises `Late` when the claim no longer holds; then nothing is written.

    Comparing and preparing run before the transaction: nobody else writes these rows while the lease is held, and the
    fence is checked again inside.
    """
    plan = _plan(held.environment, listing, received_at)
    prepared = _prepare(held.environment, plan, received_at)
    with transaction.atomic():
        environment = locked_for_write(held)
        _write(environment, plan, prepared, received_at)
        _stamp(environment, held, listing, plan, received_at)
        environment.save()
    return _written(plan, listing)


def store_rows(held: Claim, records: Sequence[SnapshotRecord], *, received_at: datetime) -> Written:
    """Apply rows that were asked for by themselves: insert and update only; the environment is not stamped."""
    known = known_rows(held.environment, [record.id for record in records])
    plan = diff.compare(known, records, complete=False, doubt=None, now=received_at)
    prepared = _prepare(held.environment, plan, received_at)
    with transaction.atomic():
        environment = locked_for_write(held)
        _write(environment, plan, prepared, received_at)
        environment.body_hash = ""
        environment.lease_until = None
        environment.save()
    return _written(plan, None)


def store_absence(held: Claim, snapshot_id: str, *, received_at: datetime) -> bool:
    """The provider answered 404 for a snapshot: a candidate is missing now, a listed one becomes a candidate.

    Returns whether the mirror has such a row. Raises `Late`.
    """
    with transaction.atomic():
        environment = locked_for_write(held)
        row = Snapshot.objects.filter(environment=environment, snapshot_id=snapshot_id).first()
        if row is not None and row.listed:
            plan = Plan(missing=[row.pk]) if row.missing_since else Plan(left_out=[row.pk])
            _write(environment, plan, _prepare(environment, plan, received_at), received_at)
            environment.body_hash = ""
        environment.lease_until = None
        environment.save()
    return row is not None


def known_rows(environment: Environment, ids: Sequence[str] | None = None) -> dict[str, diff.Known]:
    rows = Snapshot.objects.filter(environment=environment)
    if ids is not None:
        rows = rows.filter(snapshot_id__in=ids)
    columns = ("snapshot_id", "pk", "fingerprint", "missing_since", "listed")
    return {snapshot_id: diff.Known(*rest) for snapshot_id, *rest in rows.values_list(*columns).iterator(5000)}


def recount(environment: Environment) -> None:
    """Count the environment's rows by state, type and volume: made at each change, so that no page counts."""
    rows = Snapshot.objects.filter(environment=environment)
    by_volume: Counter[str] = Counter()
    by_state: Counter[str] = Counter()
    by_type: Counter[str] = Counter()
    # One walk over the rows for all three, grouped by the database: it is the dearest part of the write lock.
    groups = rows.listed().values_list("volume_id", "state", "interval_type").annotate(number=Count("pk"))
    for volume_id, state, interval_type, number in groups.order_by():
        by_volume[volume_id] += number
        by_state[state] += number
        by_type[interval_type] += number
    environment.facets = {
        "listed": by_volume.total(),
        "gone": rows.no_longer_listed().count(),
        "no_volume": by_volume.pop("", 0),
        "state": by_state,
        "interval_type": by_type,
    }
    recount_volumes(environment, by_volume)


def _plan(environment: Environment, listing: Listing[SnapshotRecord], now: datetime) -> Plan:
    # The hash is kept only while no row is a candidate: the same bytes again then change nothing.
    if listing.complete and listing.body_hash and listing.body_hash == environment.body_hash:
        return Plan()
    doubt = _doubt_of(environment)
    return diff.compare(known_rows(environment), listing.rows, complete=listing.complete, doubt=doubt, now=now)


def _doubt_of(environment: Environment) -> diff.Doubt | None:
    if environment.suspect_since is None or environment.suspect_at is None:
        return None
    return diff.Doubt(
        environment.suspect_since, environment.suspect_checks, environment.suspect_at, environment.suspect_listed
    )


def _stamp(
    environment: Environment, held: Claim, listing: Listing[SnapshotRecord], plan: Plan, received_at: datetime
) -> None:
    environment.lease_until = None
    clear_fault(environment, key_mark(held.key))
    if not listing.complete:
        environment.partial_at = held.at
        environment.partial_reason = ",".join(listing.doubts)[:200]
        environment.body_hash = ""
        return
    # Stamped with the time of asking: what appeared while the answer travelled must not look older than it is.
    environment.listed_at = held.at
    environment.first_listed_at = environment.first_listed_at or received_at
    environment.partial_at, environment.partial_reason = None, ""
    environment.body_hash = listing.body_hash if plan.gone == len(plan.missing) else ""
    doubt = plan.doubt
    environment.suspect_since, environment.suspect_at = (doubt.since, doubt.at) if doubt else (None, None)
    environment.suspect_checks = doubt.checks if doubt else 0
    environment.suspect_gone = plan.gone if doubt else 0
    environment.suspect_listed = doubt.listed if doubt else 0
    if doubt is None:
        environment.believed_at = held.at


def _prepare(environment: Environment, plan: Plan, now: datetime) -> Prepared:
    # The provider lists the newest first: inserted in reverse, those without a date keep that order by row number.
    records = [*reversed(plan.added), *(record for _, record in plan.changed)]
    # Up to and including the first complete list nothing is a change: we only began to look.
    events = list(_events(plan)) if environment.listed_at else []
    return Prepared(bulk.values_of(environment, records, now), events)


def _write(environment: Environment, plan: Plan, prepared: Prepared, now: datetime) -> None:
    if plan.is_empty:
        return
    bulk.upsert(prepared.rows)
    for pks in _batches(plan.returned):
        Snapshot.objects.filter(pk__in=pks).update(missing_since=None, last_seen_at=None, listed=True)
    for pks in _batches(plan.left_out):
        Snapshot.objects.filter(pk__in=pks).update(missing_since=now, last_seen_at=environment.listed_at)
    for pks in _batches(plan.missing):
        Snapshot.objects.filter(pk__in=pks).update(listed=False)
    appeared = _appeared(environment, plan.added) if environment.listed_at else ()
    bulk.insert_changes(environment, [*prepared.events, *appeared], now)
    environment.generation += 1
    recount(environment)


def _appeared(environment: Environment, added: Sequence[SnapshotRecord]) -> Iterator[Event]:
    for records in _batches(added):
        ids = [record.id for record in records]
        new = Snapshot.objects.filter(environment=environment, snapshot_id__in=ids)
        for pk, state in new.values_list("pk", "state"):
            yield Event(pk, Change.Kind.APPEARED, after=state)


def _events(plan: Plan) -> Iterator[Event]:
    for pairs in _batches(plan.changed):
        old = Snapshot.objects.filter(pk__in=[pk for pk, _ in pairs]).values_list("pk", "state", "name")
        before = {pk: (state, name) for pk, state, name in old}
        # An environment that is removed meanwhile takes its rows along; its write is refused then.
        for pk, record in pairs:
            if pk in before:
                yield from _differences(pk, *before[pk], record)
    yield from (Event(pk, Change.Kind.RETURNED) for pk in plan.returned)
    yield from (Event(pk, Change.Kind.MISSING) for pk in plan.missing)


def _differences(pk: int, state: str, name: str, record: SnapshotRecord) -> Iterator[Event]:
    if state != record.state:
        yield Event(pk, Change.Kind.STATE, state, record.state)
    if name != record.name:
        yield Event(pk, Change.Kind.RENAMED, name, record.name)


def _written(plan: Plan, listing: Listing[SnapshotRecord] | None) -> Written:
    return Written(
        added=len(plan.added),
        changed=len(plan.changed),
        returned=len(plan.returned),
        left_out=len(plan.left_out),
        missing=len(plan.missing),
        incomplete=tuple(listing.doubts) if listing and not listing.complete else (),
        doubted=plan.doubt is not None,
    )


def _batches(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
