"""Handle a failed step of an environment's refresh: store it as a fault, or discard it if the step came too late."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, close_old_connections, connection
from django.utils.translation import gettext as _

from snapshots.cloudca.errors import CloudError
from snapshots.containment import Internal, contain
from snapshots.models import Environment
from snapshots.sync import leases
from snapshots.sync.leases import Claim, Late

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, for people and for machines, and when to try again.

    `database`: the database's message, only for the terminal.
    """

    kind: str
    sentence: str
    next_try_at: datetime | None = None
    database: str = ""


def name_of(environment: Environment) -> str:
    """Return an environment's name for the log, without a query."""
    return f"team {environment.team_id}, environment {environment.path}"


def guarded(held: Claim, work: Callable[[], T], *, is_targeted: bool = False) -> T | Fault:
    """Run a step of a claimed environment's refresh. An unexpected exception becomes the environment's fault.

    `is_targeted`: a step for one snapshot or volume; its fault says nothing about the list and is not stored.
    """
    result = contain(lambda: _unless_overtaken(held, work), name_of(held.environment))
    if not isinstance(result, Internal):
        return result
    _reconnect(result)
    stored = None if is_targeted else contain(lambda: record(held, result), name_of(held.environment))
    if isinstance(stored, Fault):
        return stored
    contain(lambda: leases.release(held), name_of(held.environment))
    return _fault(result)


def record(held: Claim, error: CloudError | Internal) -> Fault:
    """Store a failure and its next try."""
    status, retry_after = (None, None) if isinstance(error, Internal) else (error.status, error.retry_after)
    try:
        next_try = leases.record_fault(
            held, kind=error.kind, sentence=error.sentence, status=status, retry_after=retry_after
        )
    except Late:
        return _overtaken(held)
    return _fault(error, next_try)


def record_unclaimed(environment: Environment, error: Internal) -> Fault:
    """Store an exception that prevented the claim."""
    _reconnect(error)

    def store() -> datetime:
        return leases.record_fault_unclaimed(environment, kind=error.kind, sentence=error.sentence)

    try:
        next_try = contain(store, name_of(environment), expected=(Late,))
    except Late:
        return _fault(error)
    return _fault(error, None if isinstance(next_try, Internal) else next_try)


def removed() -> Fault:
    return Fault("removed", _("This environment was removed during the refresh."))


def _unless_overtaken(held: Claim, work: Callable[[], T]) -> T | Fault:
    try:
        return work()
    except Late:
        return _overtaken(held)
    except (IntegrityError, ObjectDoesNotExist):
        if Environment.objects.filter(pk=held.environment.pk).exists():
            raise
        return removed()


def _overtaken(held: Claim) -> Fault:
    # With a new key the lease is still ours: do not let the new key wait for its end.
    leases.release(held)
    if not Environment.objects.filter(pk=held.environment.pk).exists():
        return removed()
    return Fault("late", _("A newer refresh or a new key replaced this one; its answer was discarded."))


def _reconnect(error: Internal) -> None:
    """Close a broken connection after a database failure, so that it is not used again."""
    if error.database and not connection.in_atomic_block:
        close_old_connections()


def _fault(error: CloudError | Internal, next_try: datetime | None = None) -> Fault:
    return Fault(error.kind, error.sentence, next_try, error.database if isinstance(error, Internal) else "")
