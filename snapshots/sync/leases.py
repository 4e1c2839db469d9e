"""An environment's lease, rate limit and back-off: who may call the provider now.

A claim is taken in one short transaction that holds the database's write lock (SQLite: BEGIN IMMEDIATE) or the
row's lock (PostgreSQL), with the time read inside it, so that threads, processes and machines agree. It has a fencing
number: after the lease was taken over, a late write is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.db import transaction
from django.utils import timezone

from dashboard.backends.prepared import Prepared
from dashboard.teams.models import ApiKey
from dashboard.teams.models.keys import key_mark, key_of
from snapshots.models import REFUSED_KINDS, Environment
from snapshots.models.environment import ttl
from snapshots.sync import events as changes
from snapshots.sync.bulk_sql import Event, insert_changes

# Longer than the longest time budget (30 s) and the write after it.
LEASE = timedelta(seconds=45)
GAP = timedelta(seconds=10)
# How much the clocks of two machines may differ, or a clock be set back, without invalidating a lease.
CLOCKS_APART = timedelta(minutes=1)
BACK_OFF_FIRST, BACK_OFF_MOST = timedelta(seconds=60), timedelta(minutes=15)
REFUSED_FIRST, REFUSED_MOST = timedelta(minutes=15), timedelta(hours=6)

# Each sync of each environment asks these. They lock the row.
LOCKED = Prepared(lambda pk: Environment.objects.select_for_update(no_key=True).filter(pk=pk))
LOCKED_WITH_TEAM = Prepared(
    lambda pk: Environment.objects.select_for_update(of=("self",), no_key=True).select_related("team").filter(pk=pk)
)


class Caller(Enum):
    """Who asks for a refresh; each passes over less or more."""

    PAGE = "page"
    BUTTON = "button"
    ADMIN_BUTTON = "admin button"
    COMMAND = "command"
    FORCE = "force"

    @property
    def is_command(self) -> bool:
        return self in (Caller.COMMAND, Caller.FORCE)

    @property
    def passes_back_off(self) -> bool:
        return self in (Caller.BUTTON, Caller.ADMIN_BUTTON)

    @property
    def passes_refusal(self) -> bool:
        return self is Caller.ADMIN_BUTTON


class Why(Enum):
    """Why a claim was denied."""

    HELD = "held"
    FRESH = "fresh"
    GAP = "gap"
    BACK_OFF = "back-off"
    RETRY_AFTER = "retry-after"
    REFUSED = "refused"
    NO_KEY = "no key"


@dataclass(frozen=True, slots=True)
class Denied:
    why: Why
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to call the provider for one environment, and to write the result while the fence is valid."""

    environment: Environment
    key: ApiKey
    fence: int
    at: datetime
    retries: int


def claim(environment: Environment, *, caller: Caller, targeted: bool = False) -> Claim | Denied:
    """Take the environment's lease, or say why not.

    `targeted`: a call for one snapshot or volume, which neither obeys nor changes the gap and the TTL of the list.
    """
    key = key_of(environment.team)
    if key is None:
        return Denied(Why.NO_KEY)
    # Check without the lock first: a page whose data is fresh must not wait for the writer.
    early = _denial(environment, key, caller, timezone.now(), targeted)
    if early is not None:
        return early
    with transaction.atomic():
        # Only this row, not its team's: the team's other environments are claimed and written at the same time.
        locked = LOCKED_WITH_TEAM.first(pk=environment.pk)
        if locked is None:
            raise Environment.DoesNotExist
        now = timezone.now()
        denied = _denial(locked, key, caller, now, targeted)
        if denied is not None:
            return denied
        retries = 2 if caller.is_command and not locked.fault_kind else 0
        locked.fence += 1
        locked.lease_until = now + LEASE
        if not targeted:
            locked.tried_at = now
        locked.save(update_fields=["fence", "lease_until", "tried_at"])
    return Claim(locked, key, locked.fence, now, retries)


def _denial(env: Environment, key: ApiKey, caller: Caller, now: datetime, targeted: bool) -> Denied | None:
    if _ahead(env.lease_until, now, LEASE):
        return Denied(Why.HELD, env.lease_until)
    if caller is Caller.FORCE:
        return None
    if _ahead(env.retry_after_at, now, BACK_OFF_MOST):
        return Denied(Why.RETRY_AFTER, env.retry_after_at)
    waiting = _fault_denial(env, key, caller, now)
    if waiting is not None or targeted:
        return waiting
    if caller is Caller.PAGE and env.answered_at and _ahead(env.answered_at + ttl(), now, ttl()):
        return Denied(Why.FRESH, env.answered_at + ttl())
    if env.tried_at and _ahead(env.tried_at + GAP, now, GAP):
        return Denied(Why.GAP, env.tried_at + GAP)
    return None


def _fault_denial(env: Environment, key: ApiKey, caller: Caller, now: datetime) -> Denied | None:
    if not env.fault_kind or not _ahead(env.next_try_at, now, REFUSED_MOST):
        return None
    if env.is_refused:
        passes = caller.passes_refusal or env.key_mark != key_mark(key)
        return None if passes else Denied(Why.REFUSED, env.next_try_at)
    return None if caller.passes_back_off else Denied(Why.BACK_OFF, env.next_try_at)


def _ahead(moment: datetime | None, now: datetime, furthest: timedelta) -> bool:
    """Return whether a stored time is in the future.

    A time further ahead than it can have been set comes from a clock that was set back since: it is ignored.
    """
    return moment is not None and now < moment <= now + furthest + CLOCKS_APART


def is_due(environment: Environment, now: datetime) -> bool:
    """Return whether a page that shows this environment should request a refresh."""
    key = key_of(environment.team)
    return key is not None and _denial(environment, key, Caller.PAGE, now, targeted=False) is None


class Late(Exception):
    """The lease was taken over, or the key changed, during the request: the reply is discarded."""


def locked_for_write(held: Claim) -> Environment:
    """Return the environment's row, locked, if the claim is still valid. Call inside a transaction. Raises `Late`."""
    environment = LOCKED.first(pk=held.environment.pk)
    if environment is None or environment.fence != held.fence:
        raise Late
    if not ApiKey.objects.filter(pk=held.key.pk, generation=held.key.generation).exists():
        raise Late
    return environment


def prolong(held: Claim) -> Environment:
    """Lease the environment from now on again, and return its row.

    Call inside a transaction that is one of several. Raises `Late`.
    """
    environment = locked_for_write(held)
    environment.lease_until = timezone.now() + LEASE
    environment.save(update_fields=["lease_until"])
    return environment


def release(held: Claim) -> None:
    """Release the lease without a result for the list."""
    Environment.objects.filter(pk=held.environment.pk, fence=held.fence).update(lease_until=None)


def record_fault(held: Claim, *, kind: str, sentence: str, status: int | None, retry_after: float | None) -> datetime:
    """Store what went wrong and when to try again; the old rows stay. Returns the next try. Raises `Late`."""
    with transaction.atomic():
        environment, before = locked_for_write(held), held.environment
        if not environment.fault_kind:
            # A refresh that fails after storing its list does not end the earlier fault: the back-off continues.
            environment.fault_kind, environment.fault_since = before.fault_kind, before.fault_since
            environment.fault_count = before.fault_count
        environment.key_mark = key_mark(held.key)
        return _fail(environment, kind=kind, sentence=sentence, status=status, retry_after=retry_after)


def record_fault_unclaimed(environment: Environment, *, kind: str, sentence: str) -> datetime:
    """Store a fault that prevented the claim itself. Returns the next try. Raises `Late` if another process has it."""
    with transaction.atomic():
        # It may be the lock of this row that was waited for in vain: nobody waits for it a second time.
        found = Environment.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=environment.pk)
        row = found.first()
        if row is None or _ahead(row.lease_until, timezone.now(), LEASE):
            raise Late
        return _fail(row, kind=kind, sentence=sentence, status=None, retry_after=None)


def _fail(
    environment: Environment, *, kind: str, sentence: str, status: int | None, retry_after: float | None
) -> datetime:
    """Write a fault to the (locked) row and release its lease. Returns the next try."""
    now = timezone.now()
    same = bool(environment.fault_kind) and environment.is_refused == (kind in REFUSED_KINDS)
    environment.fault_count = environment.fault_count + 1 if same else 1
    environment.fault_since = environment.fault_since if same else now
    environment.fault_kind, environment.fault_sentence, environment.fault_status = kind, sentence[:500], status
    environment.fault_totals[kind] = environment.fault_totals.get(kind, 0) + 1
    environment.next_try_at = now + _delay(environment.is_refused, environment.fault_count)
    if retry_after:
        environment.retry_after_at = now + min(timedelta(seconds=retry_after), BACK_OFF_MOST)
        environment.next_try_at = max(environment.next_try_at, environment.retry_after_at)
    environment.lease_until = None
    if environment.is_refused and not same:
        _tell(environment, changes.refused(environment), now)
    environment.save()
    return environment.next_try_at


def obey_retry_after(held: Claim, seconds: float) -> None:
    """Obey the Retry-After of a targeted call, for all calls of the environment."""
    until = timezone.now() + min(timedelta(seconds=seconds), BACK_OFF_MOST)
    Environment.objects.filter(pk=held.environment.pk, fence=held.fence).update(retry_after_at=until)


def clear_fault(environment: Environment, mark: str, now: datetime) -> None:
    """Clear the fault of the (locked) row, which the caller saves in the same transaction."""
    _tell(environment, changes.answering(environment, now), now)
    environment.fault_kind = environment.fault_sentence = ""
    environment.fault_status = environment.fault_since = environment.next_try_at = environment.retry_after_at = None
    environment.fault_count = 0
    environment.key_mark = mark


def _tell(environment: Environment, events: Sequence[Event], now: datetime) -> None:
    """Write the result to the (locked) row, with a new generation for pages that show it."""
    if events:
        insert_changes(environment, events, now)
        environment.raise_generation()


def _delay(refused: bool, count: int) -> timedelta:
    first, most = (REFUSED_FIRST, REFUSED_MOST) if refused else (BACK_OFF_FIRST, BACK_OFF_MOST)
    return min(first * int(2 ** min(count - 1, 16)), most)
