"""Snapshot rows as they will be after a plan is written, so that verdicts can be calculated before."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment
from snapshots.rules.states import USABLE_STATE
from snapshots.rules.taken_time import TakenRange
from snapshots.sync import bulk_sql
from snapshots.sync.diff import Plan
from snapshots.sync.events import Before
from snapshots.verdicts.inputs import Row

# The primary keys of rows that are not inserted yet start here, in the order of insertion.
FIRST_PLANNED = 2**62


class PlannedRows:
    """The rows that a plan writes, as `mirror` writes them, calculated on demand.

    `before`: the existing rows that it touches; `durations`: how many seconds some were in progress. Both by primary
    key.
    """

    def __init__(
        self,
        environment: Environment,
        plan: Plan[SnapshotRecord],
        before: Mapping[int, Before],
        durations: Sequence[tuple[int, int]],
        now: datetime,
        retaken: Sequence[tuple[int, TakenRange]] = (),
    ) -> None:
        self.environment, self.before, self.now = environment, before, now
        self.changed, self.durations, self.retaken = dict(plan.changed), dict(durations), dict(retaken)
        self.there = set(plan.there)
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
