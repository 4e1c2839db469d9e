"""Write a plan of changes to the mirror's rows: prepared before the transaction begins, and only changed rows."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple, TypeVar

from django.db.models import Value
from django.db.models.functions import Coalesce

from dashboard.backends.plain_rows import plain_rows
from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.models import Environment, Snapshot
from snapshots.rules.runs import MAKING
from snapshots.rules.states import USABLE_STATE
from snapshots.rules.taken_time import TakenRange, retaken
from snapshots.sync import bulk_sql, diff
from snapshots.sync import events as changes
from snapshots.sync.bulk_sql import Before, Event
from snapshots.sync.counting import Counts, recount
from snapshots.sync.leases import Late
from snapshots.sync.repeats import gathered
from snapshots.verdicts.inputs import Row

T = TypeVar("T")
Plan = diff.Plan[SnapshotRecord]

BATCH = 500
# The primary keys of rows that are not inserted yet start here, in the order of insertion.
FIRST_PLANNED = 2**62


class Prepared(NamedTuple):
    """The rows that a plan writes, prepared before the transaction begins."""

    rows: list[bulk_sql.Values]
    # The changed rows: statement -> values of each row.
    updates: dict[str, list[bulk_sql.Values]]
    events: list[Event]
    # The rows of very many changes, which are not in `events`.
    many: list[bulk_sql.Values]
    # How many seconds snapshots were in progress that are complete now, by primary key.
    durations: list[tuple[int, int]]
    # The volumes to be judged: those of the rows in `before`, before and after.
    volumes: set[str]
    # Those of them that may get another name from their snapshots.
    renamed: set[str]
    # The touched rows that counts and verdicts may depend on, before the change, by primary key.
    before: dict[int, Before]
    # Rows with another date than before.
    retaken: list[tuple[int, TakenRange]]
    # Added rows that are new, and not old ones that earlier lists lacked.
    news: list[SnapshotRecord]


class PlannedRows:
    """The rows as `write` will write them, calculated on demand: verdicts are calculated before they are written."""

    def __init__(self, environment: Environment, plan: Plan, prepared: Prepared, now: datetime) -> None:
        self.environment, self.plan, self.before, self.now = environment, plan, prepared.before, now
        self.renamed = prepared.renamed
        self.changed = {pk: record for pk, record in plan.changed if pk in self.before}
        self.there = set(plan.there)
        self.durations, self.retaken = dict(prepared.durations), dict(prepared.retaken)
        self.returned, self.left_out, self.missing = set(plan.returned), set(plan.left_out), set(plan.missing)
        # The provider lists the newest first, and they are inserted in reverse.
        self.added = [record for record in reversed(plan.added) if record.volume_id]

    @property
    def touched(self) -> Collection[int]:
        return self.before.keys()

    def id_of(self, pk: int) -> str:
        """Return the snapshot's id of a row that is not inserted yet."""
        return self.added[pk - FIRST_PLANNED].id

    def of_volume(self, volume_id: str) -> list[Row]:
        """Return the touched rows that will belong to a volume."""
        inserted = (self._inserted(number) for number in self._added_to.get(volume_id, ()))
        return [*inserted, *(self._left(pk) for pk in self._touched_of.get(volume_id, ()))]

    @cached_property
    def _added_to(self) -> Mapping[str, Sequence[int]]:
        numbers: dict[str, list[int]] = defaultdict(list)
        for number, record in enumerate(self.added):
            numbers[record.volume_id].append(number)
        return numbers

    @cached_property
    def _touched_of(self) -> Mapping[str, Sequence[int]]:
        pks: dict[str, list[int]] = defaultdict(list)
        for pk, row in self.before.items():
            record = self.changed.get(pk)
            pks[record.volume_id if record else row.volume_id].append(pk)
        return pks

    def _inserted(self, number: int) -> Row:
        record = self.added[number]
        taken = bulk_sql.taken_of(self.environment, record, self.now)
        return Row(
            pk=FIRST_PLANNED + number,
            volume_id=record.volume_id,
            interval_type=record.interval_type,
            state=record.state,
            taken_after=taken.after,
            taken_before=taken.before,
            taken_key=taken.sort_key,
            first_seen_at=self.now,
            usable_at=self.now if record.state == USABLE_STATE else None,
            ran_for=None,
            listed=True,
            missing_since=None,
        )

    def _left(self, pk: int) -> Row:
        row, record = self.before[pk], self.changed.get(pk)
        is_back, is_out = pk in self.returned, pk in self.left_out
        is_usable = record is not None and record.state == USABLE_STATE
        taken = self.retaken.get(pk, row.taken)
        is_gone = pk in self.missing
        missing_since = row.missing_since or (self.now if is_gone else None)
        return Row(
            pk=pk,
            volume_id=record.volume_id if record else row.volume_id,
            interval_type=record.interval_type if record else row.interval_type,
            state=record.state if record else row.state,
            taken_after=taken.after,
            taken_before=taken.before,
            taken_key=taken.sort_key,
            first_seen_at=row.first_seen_at,
            usable_at=row.usable_at or (self.now if is_usable else None),
            ran_for=self.durations.get(pk, row.ran_for),
            listed=is_back or (row.listed and not is_gone),
            missing_since=None if is_back or pk in self.there else self.now if is_out else missing_since,
        )


def prepare(
    environment: Environment, plan: Plan, now: datetime, listing: Listing[SnapshotRecord] | None = None
) -> Prepared:
    # The provider lists the newest first: inserted in reverse, snapshots without a date keep that order by row number.
    added = list(reversed(plan.added))
    before = _before(plan)
    changed = [(pk, before[pk], record) for pk, record in plan.changed if pk in before]
    dated_again, durations = list(_retaken(plan, before)), list(_durations(environment, plan, before))
    events = changes.of_plan(environment, plan, before, now=now, listing=listing)
    volumes = {record.volume_id for record in added}
    weighed = {
        *plan.returned,
        *plan.left_out,
        *plan.missing,
        *plan.there,
        *(pk for pk, _ in [*dated_again, *durations]),
    }
    for pk, row, record in changed:
        if pk in weighed or _weighs(row, record):
            weighed.add(pk)
            volumes.add(record.volume_id)
    weighty = {pk: before[pk] for pk in weighed if pk in before}
    news = _news(environment, plan, now)
    many, events = changes.set_apart(events, news)
    return Prepared(
        bulk_sql.values_of(environment, added, now),
        bulk_sql.updates_of(changed, now),
        events,
        bulk_sql.change_values(environment, many, now),
        durations,
        (volumes | {row.volume_id for row in weighty.values()}) - {""},
        _renamed(added, changed, {pk for pk, _ in dated_again}) - {""},
        weighty,
        dated_again,
        news,
    )


def _weighs(row: Before, record: SnapshotRecord) -> bool:
    """Return whether counts or a verdict may depend on the change; they do not on names."""
    if (row.state, row.interval_type, row.volume_id) != (record.state, record.interval_type, record.volume_id):
        return True
    return row.usable_at is None and record.state == USABLE_STATE


def _renamed(
    added: Iterable[SnapshotRecord], changed: Iterable[tuple[int, Before, SnapshotRecord]], dated_again: Collection[int]
) -> set[str]:
    """Return the volumes with another newest snapshot, or another name in it."""
    found = {record.volume_id for record in added}
    for pk, row, record in changed:
        if pk in dated_again or (row.volume_id, row.volume) != (record.volume_id, record.volume):
            found |= {row.volume_id, record.volume_id}
    return found


def write(
    environment: Environment, plan: Plan, prepared: Prepared, now: datetime, counts: Counts | None = None
) -> None:
    """Write a plan. Raises `Late` if a row of the plan no longer exists: `prune` may delete old rows at any time.

    `counts`: what the rows will count then, if that is known.
    """
    # Whether the changed rows exist is known when they are written.
    others = sorted(
        {*plan.returned, *plan.left_out, *plan.missing, *plan.there}.difference(pk for pk, _ in plan.changed)
    )
    if sum(Snapshot.objects.filter(pk__in=pks).count() for pks in _batches(others)) < len(others):
        raise Late
    for pks in _batches(plan.confirmed):
        Snapshot.objects.filter(pk__in=pks).update(found_at=now)
    if plan.is_empty:
        # The start of monitoring is recorded for an environment without snapshots too.
        bulk_sql.insert_changes(environment, prepared.events, now)
        if prepared.events:
            environment.raise_generation()
        return
    bulk_sql.upsert(prepared.rows)
    if bulk_sql.update(prepared.updates) < len(plan.changed):
        raise Late
    bulk_sql.note_durations(prepared.durations)
    bulk_sql.note_taken(prepared.retaken)
    # Most are absent from one list and listed again: their indexed columns need not be written again.
    candidates = [pk for pk in plan.returned if pk in prepared.before and prepared.before[pk].listed]
    for pks in _batches(candidates):
        Snapshot.objects.filter(pk__in=pks).update(missing_since=None, last_seen_at=None, found_at=None)
    for pks in _batches(sorted(set(plan.returned).difference(candidates))):
        Snapshot.objects.filter(pk__in=pks).update(missing_since=None, last_seen_at=None, found_at=None, listed=True)
    for pks in _batches(plan.there):
        Snapshot.objects.filter(pk__in=pks).update(missing_since=None, found_at=now, listed=True)
    for pks in _batches(plan.left_out):
        Snapshot.objects.filter(pk__in=pks).update(
            missing_since=now, found_at=None, last_seen_at=Coalesce("last_seen_at", Value(environment.listed_at))
        )
    for pks in _batches(plan.missing):
        Snapshot.objects.filter(pk__in=pks).update(
            listed=False, found_at=None, missing_since=Coalesce("missing_since", Value(now))
        )
    bulk_sql.insert_change_values(prepared.many)
    events = [*prepared.events, *changes.of_added(environment, prepared.news)]
    bulk_sql.insert_changes(environment, changes.fold(gathered(environment, events, now)), now)
    environment.raise_generation()
    recount(environment, prepared.renamed, now, counts)


def _retaken(plan: Plan, before: Mapping[int, Before]) -> Iterator[tuple[int, TakenRange]]:
    for pk, record in plan.changed:
        row = before.get(pk)
        if row is not None and record.created != row.created_at:
            taken = retaken(row.taken, record.created)
            if taken != row.taken:
                yield pk, taken


def _news(environment: Environment, plan: Plan, now: datetime) -> list[SnapshotRecord]:
    if environment.data_at is None:
        return []
    return [
        record
        for record in plan.added
        if changes.is_news(bulk_sql.taken_of(environment, record, now), environment.data_at)
    ]


def _touched(plan: Plan) -> list[int]:
    return [*(pk for pk, _ in plan.changed), *plan.returned, *plan.left_out, *plan.missing, *plan.there]


def _before(plan: Plan) -> dict[int, Before]:
    """Return the rows that the plan touches, before the change, by primary key."""
    found: dict[int, Before] = {}
    # Nearly all of these texts are the same in many rows: each is kept once.
    same: dict[str, str] = {}
    # In the order in which they are stored: a list may name them in any other. Without the environment, of which SQLite
    # would read all rows each time.
    for pks in _batches(sorted(_touched(plan))):
        for pk, *rest in plain_rows(Snapshot.objects.filter(pk__in=pks), "pk", *Before._fields):
            row = Before._make(rest)
            texts = (row.state, row.interval_type, row.volume_id, row.volume)
            state, interval_type, volume_id, volume = (same.setdefault(text, text) for text in texts)
            found[pk] = row._replace(state=state, interval_type=interval_type, volume_id=volume_id, volume=volume)
    return found


def _durations(environment: Environment, plan: Plan, before: Mapping[int, Before]) -> Iterator[tuple[int, int]]:
    """Return how long a snapshot was in progress at least: from its start to the last list with it in progress."""
    for pk, record in plan.changed:
        row = before.get(pk)
        if row is None or environment.data_at is None or record.state != USABLE_STATE or row.usable_at is not None:
            continue
        seen_at = row.first_seen_at + timedelta(seconds=environment.clock_ahead)
        seconds = (environment.data_at - min(row.taken_before, seen_at)).total_seconds()
        if row.state in MAKING and seconds > 0:
            yield pk, int(seconds)


def _batches(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
