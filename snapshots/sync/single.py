"""Requests for one snapshot, or for those of one volume. They insert and update rows, and mark none as missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from dashboard.secrets import Secret
from snapshots.cloudca.errors import CloudError, NotFound
from snapshots.cloudca.http import Deadline
from snapshots.cloudca.records import SnapshotRecord
from snapshots.containment import Internal, contain
from snapshots.models import Environment
from snapshots.setup.provider import provider
from snapshots.sync import leases
from snapshots.sync.failures import Fault, guarded, name_of
from snapshots.sync.leases import Caller, Claim, Denied
from snapshots.sync.refresh import WEB_BUDGET, take
from snapshots.sync.store_snapshots import Written, store_absence, store_rows


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a request for one snapshot or volume. `found` is None without an answer."""

    found: bool | None = None
    written: Written | None = None
    denied: Denied | None = None
    fault: Fault | None = None
    at: datetime | None = None


def check_snapshot(environment: Environment, snapshot_id: str, *, caller: Caller) -> Checked:
    """Request one snapshot by id, and store it."""
    return _check(environment, caller, snapshot_id=snapshot_id)


def check_volume(environment: Environment, volume_id: str, *, caller: Caller) -> Checked:
    """Request the snapshots of one volume (`?volume_id=`), and store them."""
    return _check(environment, caller, volume_id=volume_id)


def _check(environment: Environment, caller: Caller, *, snapshot_id: str = "", volume_id: str = "") -> Checked:
    claimed = take(environment, caller, targeted=True)
    if isinstance(claimed, Denied):
        return Checked(denied=claimed)
    if isinstance(claimed, Fault):
        return Checked(fault=claimed)
    held, key = claimed
    answer = contain(lambda: _ask(held, key, snapshot_id=snapshot_id, volume_id=volume_id), name_of(held.environment))
    checked = guarded(held, lambda: _store_checked(held, answer, snapshot_id), is_targeted=True)
    return Checked(fault=checked) if isinstance(checked, Fault) else checked


def _ask(held: Claim, key: Secret, *, snapshot_id: str, volume_id: str) -> Sequence[SnapshotRecord] | CloudError:
    where = (held.environment.service_code, held.environment.name)
    try:
        with provider(key, deadline=Deadline.after(WEB_BUDGET)) as client:
            if volume_id:
                return client.list_snapshots(*where, volume_id=volume_id).rows
            return [client.get_snapshot(*where, snapshot_id)]
    except CloudError as error:
        return error


def _store_checked(held: Claim, answer: Sequence[SnapshotRecord] | CloudError | Internal, snapshot_id: str) -> Checked:
    """Store the answer for one snapshot or volume. Raises `Late`."""
    # For a volume's list, 404 means that there is no such environment: a fault. For a snapshot it is the answer.
    if isinstance(answer, NotFound) and snapshot_id:
        store_absence(held, snapshot_id, received_at=timezone.now())
        return Checked(found=False, at=held.at)
    if isinstance(answer, CloudError | Internal):
        return _targeted_fault(held, answer)
    written = store_rows(held, answer, received_at=timezone.now())
    return Checked(found=bool(answer), written=written, at=held.at)


def _targeted_fault(held: Claim, error: CloudError | Internal) -> Checked:
    # A fault of one snapshot says nothing about the list, but Retry-After is for all requests.
    if isinstance(error, CloudError) and error.retry_after:
        leases.obey_retry_after(held, error.retry_after)
    leases.release(held)
    return Checked(fault=Fault(error.kind, error.sentence))
