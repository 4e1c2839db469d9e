"""The sync: claim, fetch, compare, one transaction. The only module that asks the provider for what is stored.

Threads fetch and touch no database; claiming and writing is done by the caller's thread, one environment after
another.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.teams.secrets import KeyUnreadable, Secret
from snapshots import claims, days
from snapshots.claims import Caller, Claim, Denied, Late, Why
from snapshots.clocks import clock_ahead
from snapshots.cloud.client import CloudClient
from snapshots.cloud.deadline import Deadline
from snapshots.cloud.errors import CloudError, NotFound
from snapshots.cloud.records import Listing, SnapshotRecord, VolumeRecord
from snapshots.mirror import Written, store_absence, store_listing, store_rows
from snapshots.models import Environment
from snapshots.provider import provider
from snapshots.volumes import absent_volumes, note_fault, store_volumes, volumes_are_due

COMMAND_BUDGET = 30.0
WEB_BUDGET = 8.0
AT_ONCE = 4
# What of a budget is kept for the writing when volumes are asked for one by one.
KEPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, for people and for machines, and when it is tried again."""

    kind: str
    sentence: str
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one environment's refresh ended: written, denied or failed; exactly one of the three is set."""

    environment: Environment
    written: Written | None = None
    denied: Denied | None = None
    fault: Fault | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, or why there is none. `volumes` is None when the endpoint was not asked.

    `retrieved`: of volumes that were asked for one by one, whether the provider still has them. `clock_ahead`: seconds
    that the provider's clock is ahead of ours.
    """

    listing: Listing[SnapshotRecord] | None = None
    error: CloudError | None = None
    volumes: Listing[VolumeRecord] | None = None
    volumes_error: CloudError | None = None
    retrieved: Mapping[str, bool] = field(default_factory=dict)
    received_at: datetime | None = None
    clock_ahead: int = 0
    seconds: float = 0.0


def refresh(environments: Sequence[Environment], *, caller: Caller) -> Iterator[Outcome]:
    """Refresh environments, up to four at a time, and yield each one's outcome as it is written.

    The command has 30 s for each environment; a web request 8 s for all of them together.
    """
    shared = None if caller.is_command else Deadline.after(WEB_BUDGET)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="refresh") as threads:
        for start in range(0, len(environments), AT_ONCE):
            yield from _refresh_some(environments[start : start + AT_ONCE], caller, shared, threads)


def _refresh_some(
    environments: Sequence[Environment], caller: Caller, shared: Deadline | None, threads: ThreadPoolExecutor
) -> Iterator[Outcome]:
    under_way: list[tuple[Claim, Future[Fetched]]] = []
    for environment in environments:
        if shared is not None and shared.expired:
            yield Outcome(environment, denied=Denied(Why.HELD))
            continue
        claimed = _claim(environment, caller)
        if isinstance(claimed, Denied):
            yield Outcome(environment, denied=claimed)
            continue
        if isinstance(claimed, Fault):
            yield Outcome(environment, fault=claimed)
            continue
        held, key = claimed
        with_volumes = caller.is_command and volumes_are_due(held)
        absent = absent_volumes(held.environment) if with_volumes else []
        deadline = shared or Deadline.after(COMMAND_BUDGET)
        under_way.append((held, threads.submit(_fetch, held, key, deadline, with_volumes, absent)))
    for held, future in under_way:
        yield _store(held, future.result())


def _claim(
    environment: Environment, caller: Caller, *, targeted: bool = False
) -> tuple[Claim, Secret] | Denied | Fault:
    """Take the lease and open the team's key, or say why not."""
    try:
        held = claims.claim(_fresh(environment), caller=caller, targeted=targeted)
    except Environment.DoesNotExist:
        return Fault("removed", _("This environment was removed meanwhile."))
    if isinstance(held, Denied):
        return held
    key = _open(held)
    return key if isinstance(key, Fault) else (held, key)


def _fresh(environment: Environment) -> Environment:
    return Environment.objects.select_related("team").get(pk=environment.pk)


def _open(held: Claim) -> Secret | Fault:
    """Decrypt the team's key: the sync does it nowhere else."""
    try:
        return held.key.open()
    except KeyUnreadable:
        sentence = _("The stored API key cannot be read. It must be entered again.")
        return _record(held, kind="key_unreadable", sentence=sentence, status=None, retry_after=None)


def _fetch(held: Claim, key: Secret, deadline: Deadline, with_volumes: bool, absent: Sequence[str]) -> Fetched:
    """Ask the provider. Runs in a thread: no database in here, and every fault is returned, not raised."""
    began = time.monotonic()
    where = (held.environment.service_code, held.environment.name)
    listing = volumes = received_at = fault = None
    ahead = 0
    retrieved: dict[str, bool] = {}
    try:
        with provider(key, deadline=deadline, retries=held.retries) as client:
            listing = client.list_snapshots(*where)
            received_at = timezone.now()
            ahead = clock_ahead(client.last_date, received_at)
            if with_volumes:
                volumes = client.list_volumes(*where)
                listed = {record.id for record in volumes.rows}
                _retrieve(client, where, [each for each in absent if each not in listed], deadline, retrieved)
    except CloudError as error:
        fault = error
    of_list, of_volumes = (None, fault if volumes is None else None) if listing else (fault, None)
    return Fetched(listing, of_list, volumes, of_volumes, retrieved, received_at, ahead, time.monotonic() - began)


def _retrieve(
    client: CloudClient, where: tuple[str, str], ids: Sequence[str], deadline: Deadline, found: dict[str, bool]
) -> None:
    """Ask for volumes one by one, as far as the time reaches; the rest has its turn the next time.

    Raises CloudError; what was found before it stays found.
    """
    for volume_id in ids:
        if deadline.remaining() < KEPT_SECONDS:
            return
        try:
            client.get_volume(*where, volume_id)
        except NotFound:
            found[volume_id] = False
        else:
            found[volume_id] = True


def _store(held: Claim, fetched: Fetched) -> Outcome:
    environment = held.environment
    if fetched.listing is None or fetched.received_at is None:
        return Outcome(environment, fault=_record_error(held, fetched.error), seconds=fetched.seconds)
    try:
        # Volumes first: writing the snapshots gives the lease back.
        _store_volumes(held, fetched)
        written = store_listing(
            held,
            fetched.listing,
            received_at=fetched.received_at,
            clock_ahead=fetched.clock_ahead,
            fetched_in=fetched.seconds,
        )
    except Late:
        return Outcome(environment, fault=_late(held), seconds=fetched.seconds)
    days.note(environment.pk)
    return Outcome(environment, written=written, seconds=fetched.seconds)


def _store_volumes(held: Claim, fetched: Fetched) -> None:
    """Write the optional endpoint's answer; its faults never touch the snapshots. Raises `Late`."""
    if fetched.volumes_error is not None:
        note_fault(held, fetched.volumes_error.kind)
    elif fetched.volumes is not None and fetched.received_at is not None:
        store_volumes(held, fetched.volumes, received_at=fetched.received_at, retrieved=fetched.retrieved)


def _record_error(held: Claim, error: CloudError | None) -> Fault:
    if error is None:
        raise ValueError("a fetch without a list must say why")
    return _record(held, kind=error.kind, sentence=error.sentence, status=error.status, retry_after=error.retry_after)


def _record(held: Claim, *, kind: str, sentence: str, status: int | None, retry_after: float | None) -> Fault:
    try:
        next_try = claims.record_fault(held, kind=kind, sentence=sentence, status=status, retry_after=retry_after)
    except Late:
        return _late(held)
    return Fault(kind, sentence, next_try)


def _late(held: Claim) -> Fault:
    # Under a new key the lease is still ours: the new key must not wait for its end.
    claims.release(held)
    return Fault("late", _("Another refresh or a new key overtook this one; its answer was thrown away."))


# --- one snapshot, or one volume's: these insert and update, never bury, never stamp the environment


@dataclass(frozen=True, slots=True)
class Checked:
    """How a question about one snapshot or volume ended. `found` is None where the provider gave no answer."""

    found: bool | None = None
    written: Written | None = None
    denied: Denied | None = None
    fault: Fault | None = None
    at: datetime | None = None


def check_snapshot(environment: Environment, snapshot_id: str, *, caller: Caller) -> Checked:
    """Ask the provider's retrieve call for one snapshot and write what it says."""
    return _check(environment, caller, snapshot_id=snapshot_id)


def check_volume(environment: Environment, volume_id: str, *, caller: Caller) -> Checked:
    """Ask for the snapshots of one volume (`?volume_id=`) and write those rows."""
    return _check(environment, caller, volume_id=volume_id)


def _check(environment: Environment, caller: Caller, *, snapshot_id: str = "", volume_id: str = "") -> Checked:
    claimed = _claim(environment, caller, targeted=True)
    if isinstance(claimed, Denied):
        return Checked(denied=claimed)
    if isinstance(claimed, Fault):
        return Checked(fault=claimed)
    held, key = claimed
    try:
        rows = _ask(held, key, snapshot_id=snapshot_id, volume_id=volume_id)
    except NotFound as error:
        # Of a volume's list, 404 means the environment: a fault. Of a snapshot it is the answer.
        return _store_not_found(held, snapshot_id) if snapshot_id else _targeted_fault(held, error)
    except CloudError as error:
        return _targeted_fault(held, error)
    try:
        written = store_rows(held, rows, received_at=timezone.now())
    except Late:
        return Checked(fault=_late(held))
    return Checked(found=bool(rows), written=written, at=held.at)


def _ask(held: Claim, key: Secret, *, snapshot_id: str, volume_id: str) -> Sequence[SnapshotRecord]:
    where = (held.environment.service_code, held.environment.name)
    with provider(key, deadline=Deadline.after(WEB_BUDGET)) as client:
        if volume_id:
            return client.list_snapshots(*where, volume_id=volume_id).rows
        return [client.get_snapshot(*where, snapshot_id)]


def _store_not_found(held: Claim, snapshot_id: str) -> Checked:
    try:
        store_absence(held, snapshot_id, received_at=timezone.now())
    except Late:
        return Checked(fault=_late(held))
    return Checked(found=False, at=held.at)


def _targeted_fault(held: Claim, error: CloudError) -> Checked:
    # One snapshot's fault says nothing of the whole list, but Retry-After is meant for everyone.
    if error.retry_after:
        claims.obey_retry_after(held, error.retry_after)
    claims.release(held)
    return Checked(fault=Fault(error.kind, error.sentence))
