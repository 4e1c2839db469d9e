"""Request single snapshots by id before their absence from a list counts.

A list may be truncated, so the last usable snapshot of a volume is missing only if its own retrieve call answers 404.
If the call returns it, it stays usable and is requested again as long as the lists do not have it. Such a reply also
proves that lists are truncated: from then on no snapshot is missing before it was requested.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.models import Environment, Snapshot
from snapshots.rules.runs import MOVING
from snapshots.rules.states import USABLE_STATE
from snapshots.sync.diff import Plan

# A shorter list is never truncated: no provider has smaller pages.
LEAST_CAP = 10
# How many rows one sync requests.
MOST_ASKED = 20
# If as many rows disappeared as appeared: how many are requested to find out whether the list is truncated.
PROBES = 2
BATCH = 500

# Takes ids of snapshots; returns the provider's record of each, None for a 404. Ids without an answer are left out.
Ask = Callable[[Sequence[str]], Mapping[str, SnapshotRecord | None]]


class Absent(NamedTuple):
    """A row that a list does not have."""

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
        """Sort key of the requests: first those never answered, longest absent first; then by the oldest answer."""
        since = self.found_at or self.missing_since or self.taken_key
        return self.found_at is not None, since, -self.taken_key.timestamp()


def settle(
    environment: Environment, plan: Plan[SnapshotRecord], listing: Listing[SnapshotRecord], ask: Ask, now: datetime
) -> int:
    """Request the rows that the plan would mark as missing, and put the answers into the plan.

    Returns the length at which the provider's lists are truncated, 0 if that is not known.
    """
    capped = environment.capped_rows if environment.capped_rows == listing.length else 0
    wanted = _wanted(plan, listing, is_capped=bool(capped))
    probes = [] if capped else _probes(environment, plan, listing)
    asked = [*sorted(wanted, key=lambda row: row.asked_for)[:MOST_ASKED], *probes]
    answers = ask([row.snapshot_id for row in asked]) if asked else {}
    told = {row.pk: answers[row.snapshot_id] for row in asked if row.snapshot_id in answers}
    if asked:
        _bury(plan, wanted, told)
        _keep(plan, asked, told)
    return listing.length if any(told.values()) else capped


def _wanted(plan: Plan[SnapshotRecord], listing: Listing[SnapshotRecord], *, is_capped: bool) -> list[Absent]:
    """Return the rows that must be requested first: last usable ones, those that were returned before, or all."""
    rows = _absent([*plan.missing, *plan.found])
    if is_capped:
        return rows
    covered = {record.volume_id for record in listing.rows if record.state == USABLE_STATE} | {""}
    return [row for row in rows if row.found_at is not None or (row.is_usable and row.volume_id not in covered)]


def _probes(environment: Environment, plan: Plan[SnapshotRecord], listing: Listing[SnapshotRecord]) -> list[Absent]:
    """Return whether a list has as many rows as before, but others: it is truncated, or rotation took place."""
    is_alike = environment.listed_rows == listing.length >= LEAST_CAP
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
    """Keep as missing only those requested rows that answered 404."""
    gone = {row.pk for row in wanted if row.pk in told and told[row.pk] is None}
    plan.missing = sorted(set(plan.missing).difference(row.pk for row in wanted) | gone)
    plan.found = [pk for pk in plan.found if pk not in gone]


def _keep(plan: Plan[SnapshotRecord], asked: Sequence[Absent], told: Mapping[int, SnapshotRecord | None]) -> None:
    """Apply a returned snapshot: it exists, with its current values, even if lists do not have it."""
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
