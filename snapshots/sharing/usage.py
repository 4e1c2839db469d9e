"""Count the requests of shared links.

Mail scanners and chat previews request a link as a browser does, so a request does not prove that a person saw it. The
first request is written at once, later ones at most once a minute by each process.
"""

import atexit
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock, Timer

from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.http import HttpRequest
from django.utils import timezone

from dashboard.teams.core.audit import record
from dashboard.teams.models import EventKind
from snapshots.models import ShareLink

SECONDS = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Uses:
    """Requests for one link that are not written yet."""

    number: int
    last: datetime

    def __add__(self, other: "Uses") -> "Uses":
        return Uses(self.number + other.number, max(self.last, other.last))


class Pending:
    """The counts that this process has not written yet; a timer writes them, and so does the end of the process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._uses: dict[int, Uses] = {}
        self._timer: Timer | None = None

    def add(self, uses: Mapping[int, Uses]) -> None:
        with self._lock:
            for pk, more in uses.items():
                self._uses[pk] = self._uses[pk] + more if pk in self._uses else more
            if self._timer is None and self._uses:
                self._timer = Timer(SECONDS, write_in_thread)
                self._timer.daemon = True
                self._timer.start()

    def take(self) -> dict[int, Uses]:
        """Return the unwritten counts, and reset them."""
        with self._lock:
            taken, self._uses = self._uses, {}
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return taken


pending = Pending()


def count(link: ShareLink, request: HttpRequest) -> None:
    """Count a request for a link; the audit records the first."""
    now = timezone.now()
    if link.first_used_at is None and _count_first(link, now, request):
        return
    pending.add({link.pk: Uses(1, now)})


def write() -> None:
    """Write the pending counts; if the database is busy, they stay pending."""
    taken = pending.take()
    if not taken:
        return
    try:
        _store(taken)
    except OperationalError as fault:
        log.warning("Uses of shared links could not be written yet (%s).", type(fault).__name__)
        pending.add(taken)


def write_in_thread() -> None:
    """Write in a separate thread, which also closes its database connection."""
    try:
        write()
    finally:
        connection.close()


@transaction.atomic
def _count_first(link: ShareLink, now: datetime, request: HttpRequest) -> bool:
    unused = ShareLink.objects.filter(pk=link.pk, first_used_at=None)
    if not unused.update(first_used_at=now, last_used_at=now, uses=F("uses") + 1):
        return False
    target, detail = str(link.snapshot), link.public_id
    record(EventKind.SHARE_OPENED, team=link.team, actor=None, target=target, detail=detail, request=request)
    return True


@transaction.atomic
def _store(taken: Mapping[int, Uses]) -> None:
    for pk, uses in sorted(taken.items()):
        ShareLink.objects.filter(pk=pk).update(
            uses=F("uses") + uses.number, last_used_at=Greatest(F("last_used_at"), uses.last)
        )


atexit.register(write)
