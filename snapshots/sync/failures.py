"""How a step of an environment's refresh fails: stored as its fault, or discarded where the step came too late."""

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
    """What went wrong, for people and for machines, and when it is tried again.

    `database`: what the database said, for the terminal alone.
    """

    kind: str
    sentence: str
    next_try_at: datetime | None = None
    database: str = ""


def name_of(environment: Environment) -> str:
    """What the log calls an environment; no query."""
    return f"team {environment.team_id}, environment {environment.path}"


def guarded(held: Claim, work: Callable[[], T], *, is_targeted: bool = False) -> T | Fault:
    """Do a step of a claimed environment's refresh. An unexpected exception becomes the environment's fault.

    `is_targeted`: a step for one snapshot or volume, whose fault says nothing of the whole list and is not stored.
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
    # Under a new key the lease is still ours: the new key must not wait for its end.
    leases.release(held)
    if not Environment.objects.filter(pk=held.environment.pk).exists():
        return removed()
    return Fault("late", _("Another refresh or a new key overtook this one; its answer was thrown away."))


def _reconnect(error: Internal) -> None:
    """After a database failure: a broken connection is not used for what follows."""
    if error.database and not connection.in_atomic_block:
        close_old_connections()


def _fault(error: CloudError | Internal, next_try: datetime | None = None) -> Fault:
    return Fault(error.kind, error.sentence, next_try, error.database if isinstance(error, Internal) else "")
