"""Asking the provider for single snapshots before their absence from a list counts.

A list may be cut off, so the last usable snapshot of a volume is missing only when its own retrieve call answers 404.
One that answers stays usable and is asked for again as long as the lists leave it out. That one answers at all proves
that the lists are cut off: then nothing is missing before it was asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.models import Environment, Snapshot
from snapshots.rules.runs import MOVING
from snapshots.rules.states import USABLE_STATE
from snapshots.sync.diff import Plan

# A shorter list is never cut off: no provider's page is.
LEAST_CAP = 10
# How many rows are asked for in one sync.
MOST_ASKED = 20
# Of rows that went while as many others came: how many are asked for to see whether the list is cut off.
PROBES = 2
BATCH = 500

# Given ids of snapshots: what the provider says of each, None where it has no such one; unanswered ones are left out.
Ask = Callable[[Sequence[str]], Mapping[str, SnapshotRecord | None]]


class Absent(NamedTuple):
    """A row that a list leaves out."""

    pk: int
    snapshot_id: str
    volume_id: str
    state: str
    fingerprint: str
    usable_at: datetime | None
    missing_since: datetime | None
    found_at: datetime | None
    taken_key: datetime

    @property
    def is_usable(self) -> bool:
        return self.state == USABLE_STATE or (self.usable_at is not None and self.state in MOVING)

    @property
    def asked_for(self) -> tuple[bool, datetime, float]:
        """The order of the questions: first what never answered, the longest absent first; then the oldest answer."""
        since = self.found_at or self.missing_since or self.taken_key
        return self.found_at is not None, since, -self.taken_key.timestamp()


def settle(
    environment: Environment, plan: Plan[SnapshotRecord], listing: Listing[SnapshotRecord], ask: Ask, now: datetime
) -> int:
    """Ask for what the plan would mark as missing and put the answers into it.

    Returns the length at which the provider's lists are cut off, 0 if they are not as far as is known.
    """
    capped = environment.capped_rows if environment.capped_rows == len(listing.rows) else 0
    wanted = _wanted(plan, listing, is_capped=bool(capped))
    probes = [] if capped else _probes(environment, plan, listing)
    asked = [*sorted(wanted, key=lambda row: row.asked_for)[:MOST_ASKED], *probes]
    answers = ask([row.snapshot_id for row in asked]) if asked else {}
    told = {row.pk: answers[row.snapshot_id] for row in asked if row.snapshot_id in answers}
    if asked:
        _bury(plan, wanted, told)
        _keep(plan, asked, told)
    return len(listing.rows) if any(told.values()) else capped


def _wanted(plan: Plan[SnapshotRecord], listing: Listing[SnapshotRecord], *, is_capped: bool) -> list[Absent]:
    """The rows whose absence counts only after a question: the last usable ones, those that answered, or all."""
    rows = _absent([*plan.missing, *plan.found])
    if is_capped:
        return rows
    covered = {record.volume_id for record in listing.rows if record.state == USABLE_STATE} | {""}
    return [row for row in rows if row.found_at is not None or (row.is_usable and row.volume_id not in covered)]


def _probes(environment: Environment, plan: Plan[SnapshotRecord], listing: Listing[SnapshotRecord]) -> list[Absent]:
    """As many rows as before, but others: a cut-off list looks like that, and so does rotation. A question tells."""
    is_alike = environment.listed_rows == len(listing.rows) >= LEAST_CAP
    if not (is_alike and plan.added and plan.left_out):
        return []
    usable = [row for row in _absent(plan.left_out) if row.is_usable]
    return sorted(usable, key=lambda row: row.taken_key)[:PROBES]


def _absent(pks: Sequence[int]) -> list[Absent]:
    found: list[Absent] = []
    for start in range(0, len(pks), BATCH):
        rows = Snapshot.objects.filter(pk__in=pks[start : start + BATCH])
        found += (Absent(*values) for values in rows.values_list(*Absent._fields))
    return found


def _bury(plan: Plan[SnapshotRecord], wanted: Sequence[Absent], told: Mapping[int, SnapshotRecord | None]) -> None:
    """Of what needs a question, only what answered 404 is missing."""
    gone = {row.pk for row in wanted if row.pk in told and told[row.pk] is None}
    plan.missing = sorted(set(plan.missing).difference(row.pk for row in wanted) | gone)
    plan.found = [pk for pk in plan.found if pk not in gone]


def _keep(plan: Plan[SnapshotRecord], asked: Sequence[Absent], told: Mapping[int, SnapshotRecord | None]) -> None:
    """A snapshot that answered is there, even if lists leave it out, and as it is now."""
    found = set(plan.found)
    for row in asked:
        record = told.get(row.pk)
        if record is None:
            continue
        (plan.confirmed if row.pk in found else plan.there).append(row.pk)
        if record.fingerprint != row.fingerprint:
            plan.changed.append((row.pk, record))
    there = set(plan.there)
    plan.left_out = [pk for pk in plan.left_out if pk not in there]
