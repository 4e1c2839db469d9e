"""Store the provider's snapshots in the mirror, each reply in one short transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction

from dashboard.backends.plain_rows import plain_rows
from dashboard.teams.models.keys import key_mark
from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.models import Environment, Snapshot, words
from snapshots.rules.clock_skew import Clocks
from snapshots.rules.taken_time import TakenFrom
from snapshots.sync import bulk_sql, diff, events, first_list, proof, questions, write_plan
from snapshots.sync.bulk_sql import roomy_cache
from snapshots.sync.counting import count
from snapshots.sync.leases import Claim, clear_fault, locked_for_write
from snapshots.sync.prejudge import Mark, data_at, foresee, judge_all
from snapshots.sync.questions import Ask
from snapshots.sync.write_plan import Plan, PlannedRows
from snapshots.verdicts.evaluate import judge_volumes
from snapshots.verdicts.watched_time import note_list

# How often the verdicts of a first list are calculated before they are calculated under the lock.
TRIES = 3


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows a list changed, and how many stay uncertain. `environment`: its row as it was stored."""

    added: int = 0
    changed: int = 0
    returned: int = 0
    left_out: int = 0
    missing: int = 0
    incomplete: tuple[str, ...] = ()
    doubted: bool = False
    environment: Environment | None = field(default=None, repr=False, compare=False)

    @property
    def total(self) -> int:
        return self.added + self.changed + self.returned + self.left_out + self.missing


def store_listing(
    held: Claim,
    listing: Listing[SnapshotRecord],
    *,
    received_at: datetime,
    clocks: Clocks | None = None,
    fetched_in: float | None = None,
    ask: Ask | None = None,
) -> Written:
    """Apply an environment's list. Raises `Late` if the claim is no longer valid; then nothing is written.

    `clocks`: the clocks by this reply; `fetched_in`: how many seconds the provider took; `ask`: requests single
    snapshots. Without `ask`, no row becomes missing that must be requested first.

    An environment's first list is written in many transactions. Any other is written in one, and comparing and
    preparing run before it: nobody else writes these rows while the lease is held, and the fence is checked inside.
    """
    before = held.environment.clocks
    was_trusted, held.environment.was_provider_right = before.is_trusted, before.is_provider_right
    clocks = clocks or before
    held.environment.clocks = clocks
    plan = _plan(held, listing, received_at)
    capped = questions.settle(held.environment, plan, listing, ask or _nobody, received_at)
    proof.keep_proof(held, listing, plan.added, received_at, is_capped=bool(capped))
    if held.environment.half_written_since:
        environment = _store_first(held, listing, plan, received_at, fetched_in, capped)
        words.catch_up()
        return replace(_written(plan, listing), environment=environment)
    prepared = write_plan.prepare(held.environment, plan, received_at, listing)
    if listing.complete:
        prepared.volumes.update(_hidden_since(held.environment, proof.key_since(held, received_at)))
    at = data_at(held) if listing.complete else held.environment.data_at
    planned = PlannedRows(held.environment, plan, prepared, received_at)
    forecast = foresee(held, prepared.volumes, planned, at)
    with roomy_cache(len(plan.changed) + len(plan.added)), transaction.atomic():
        environment = locked_for_write(held)
        is_foreseen = forecast.holds(environment)
        environment.clocks = clocks
        environment.fetched_in = fetched_in
        lease, was_judged = environment.lease_until, environment.data_at is not None
        write_plan.write(environment, plan, prepared, received_at, forecast.counts if is_foreseen else None)
        closed = set()
        if clocks.is_trusted and not was_trusted:
            closed = _close_open_times(environment, received_at, was_in_doubt=before.doubt > 0)
        _stamp(environment, held, listing, plan, received_at)
        proof.note_length(environment, listing, capped=capped, is_believed=plan.doubt is None)
        first = None if was_judged else environment.data_at
        if is_foreseen and forecast.is_judged and environment.data_at is not None:
            forecast.write(environment, environment.data_at)
        elif first is None:
            _judge(environment, prepared.volumes)
        else:
            # No volume gets a verdict, and no other sync starts, before all are judged.
            environment.data_at, environment.lease_until = None, lease
        _judge(environment, closed)
        environment.save()
    if first is not None:
        judge_all(held, first)
        environment.data_at = first
    if not plan.is_empty:
        words.catch_up()
    return replace(_written(plan, listing), environment=environment)


def _store_first(
    held: Claim, listing: Listing[SnapshotRecord], plan: Plan, now: datetime, fetched_in: float | None, capped: int
) -> Environment:
    """Store the first list: its rows in short transactions, which nothing shows before the last one. Raises `Late`."""
    first_list.write_snapshots(held, plan.added, now)
    counts = count(held.environment, {record.volume_id for record in plan.added}, now)
    first_list.write_volumes(held, counts.volumes)
    for left in reversed(range(TRIES)):
        mark = _judge_first(held, now) if listing.complete else None
        with transaction.atomic():
            environment = locked_for_write(held)
            # Members may have changed a target in the meantime.
            is_judged = mark is None or mark == Mark.of(environment)
            if not is_judged and left:
                continue
            environment.clocks, environment.fetched_in = held.environment.clocks, fetched_in
            environment.half_written_since = None
            began = events.of_plan(held.environment, plan, {}, now=now, listing=listing)
            bulk_sql.insert_changes(environment, began, now)
            if began or plan.added:
                environment.raise_generation()
            if plan.added:
                environment.facets = counts.facets
            _stamp(environment, held, listing, plan, now)
            proof.note_length(environment, listing, capped=capped, is_believed=plan.doubt is None)
            if not is_judged and environment.data_at is not None:
                judge_volumes(environment, at=environment.data_at)
            environment.save()
            return environment
    raise AssertionError  # the last try never waits for another


def _judge_first(held: Claim, now: datetime) -> Mark:
    """Write the verdicts before the list is shown, and return what they are valid for."""
    environment = Environment.everything.get(pk=held.environment.pk)
    mark = Mark.of(environment)
    environment.clocks, environment.key_since = held.environment.clocks, held.environment.key_since
    environment.first_listed_at = now
    first_list.judge(held, environment, data_at(held))
    return mark


def store_rows(held: Claim, records: Sequence[SnapshotRecord], *, received_at: datetime) -> Written:
    """Apply rows that were requested individually: only insert and update; the environment's times do not change."""
    known = known_rows(held.environment, [record.id for record in records])
    plan = diff.compare(known, records, trust=diff.Trust(proves_absence=False), doubt=None, now=received_at)
    # A row that lists lack is not listed again when it is returned by id, but it exists.
    plan.there, plan.returned = plan.returned, []
    proof.keep_proof(held, None, plan.added, received_at, is_capped=bool(held.environment.capped_rows))
    prepared = write_plan.prepare(held.environment, plan, received_at)
    with transaction.atomic():
        environment = locked_for_write(held)
        write_plan.write(environment, plan, prepared, received_at)
        _judge(environment, prepared.volumes)
        environment.body_hash = ""
        environment.lease_until = None
        environment.save()
    return _written(plan, None)


def store_absence(held: Claim, snapshot_id: str, *, received_at: datetime) -> bool:
    """Apply a 404 for a snapshot: a candidate becomes missing, a listed one becomes a candidate.

    Returns whether the mirror has the row. Raises `Late`.
    """
    with transaction.atomic():
        environment = locked_for_write(held)
        row = Snapshot.objects.filter(environment=environment, snapshot_id=snapshot_id).first()
        if row is not None and row.listed:
            plan = Plan(missing=[row.pk]) if row.missing_since else Plan(left_out=[row.pk])
            prepared = write_plan.prepare(environment, plan, received_at)
            write_plan.write(environment, plan, prepared, received_at)
            _judge(environment, prepared.volumes)
            environment.body_hash = ""
        environment.lease_until = None
        environment.save()
    return row is not None


def known_rows(environment: Environment, ids: Sequence[str] | None = None) -> dict[str, diff.Known]:
    rows = Snapshot.objects.filter(environment=environment)
    if ids is not None:
        rows = rows.filter(snapshot_id__in=ids)
    columns = ("snapshot_id", "pk", "fingerprint", "missing_since", "listed", "found_at", "interval_type", "volume_id")
    return {snapshot_id: diff.Known._make(row) for snapshot_id, *row in plain_rows(rows, *columns)}


def _plan(held: Claim, listing: Listing[SnapshotRecord], now: datetime) -> Plan:
    environment = held.environment
    # Store the hash only if no row is a candidate: only then the same bytes again change nothing.
    if listing.complete and listing.body_hash and listing.body_hash == environment.body_hash:
        return Plan()
    if listing.is_same:
        raise ValueError("a list must be read unless its body is that of the newest one")
    return diff.compare(
        known_rows(environment),
        listing.rows,
        trust=proof.trust_in(held, listing, now),
        doubt=proof.doubt_of(environment),
        now=now,
        group_of=lambda record: (record.volume_id, record.interval_type),
    )


def _nobody(ids: Sequence[str]) -> Mapping[str, SnapshotRecord | None]:
    return {}


def _judge(environment: Environment, volumes: Collection[str]) -> None:
    """Update the verdicts of volumes whose rows changed, in the same transaction: a page sees both or neither."""
    # There are no verdicts before the first complete list.
    if environment.data_at is not None and volumes:
        judge_volumes(environment, volumes, at=environment.data_at)


def _stamp(
    environment: Environment, held: Claim, listing: Listing[SnapshotRecord], plan: Plan, received_at: datetime
) -> None:
    environment.lease_until, fault = None, environment.fault_kind
    clear_fault(environment, key_mark(held.key), received_at)
    if not listing.complete:
        environment.partial_at = held.at
        environment.partial_reason = ",".join(listing.doubts)[:200]
        environment.body_hash = ""
        return
    environment.key_since, environment.listed_key = held.environment.key_since, key_mark(held.key)
    # The time of the request, so that a snapshot that appeared during it does not look older than it is.
    environment.listed_at = held.at
    environment.data_at = data_at(held)
    environment.first_listed_at = environment.first_listed_at or received_at
    environment.partial_at, environment.partial_reason = None, ""
    environment.body_hash = listing.body_hash if plan.gone == len(plan.missing) else ""
    is_doubted = plan.doubt is not None or not environment.clocks.is_trusted
    note_list(environment, held.at, is_doubted=is_doubted, fault=fault)
    doubt = plan.doubt
    environment.suspect_since, environment.suspect_at = (doubt.since, doubt.at) if doubt else (None, None)
    environment.suspect_checks = doubt.checks if doubt else 0
    environment.suspect_gone = plan.gone if doubt else 0
    environment.suspect_listed = doubt.listed if doubt else 0
    if doubt is None and listing.proves_absence and environment.clocks.is_trusted:
        environment.believed_at = held.at


def _hidden_since(environment: Environment, key_since: datetime | None) -> Collection[str]:
    """Note the first list of the key. If it is another key's: the volumes of which rows were left out before.

    The plan does not touch them, but with the new key they may be hidden, which changes their verdict.
    """
    is_other, environment.key_since = key_since != environment.key_since, key_since
    if not is_other:
        return ()
    left_out = Snapshot.objects.filter(environment=environment, missing_since__isnull=False).listed()
    return set(left_out.order_by().values_list("volume_id", flat=True)) - {""}


def _close_open_times(environment: Environment, now: datetime, *, was_in_doubt: bool) -> set[str]:
    """Date snapshots that were first listed while the clocks disagreed: taken before now. Returns their volumes."""
    until = now + timedelta(seconds=environment.clock_ahead)
    still_open = Snapshot.objects.filter(environment=environment, taken_source=TakenFrom.CLOCK)
    volumes = set(still_open.values_list("volume_id", flat=True)) - {""}
    if was_in_doubt:
        # Our own clock may have been wrong: it was seen before now, but it is not known when.
        still_open.update(first_seen_at=now)
    dated = still_open.filter(taken_after__isnull=False)
    dated.update(taken_before=until, taken_key=until, taken_source=TakenFrom.SYNCS)
    still_open.update(taken_before=until, taken_source=TakenFrom.SYNCS)
    return volumes


def _written(plan: Plan, listing: Listing[SnapshotRecord] | None) -> Written:
    return Written(
        added=len(plan.added),
        changed=len(plan.changed),
        returned=len(plan.returned) + len(plan.there),
        left_out=len(plan.left_out),
        missing=len(plan.missing),
        incomplete=tuple(listing.doubts) if listing and not listing.complete else (),
        doubted=plan.doubt is not None,
    )
