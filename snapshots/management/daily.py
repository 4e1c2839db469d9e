"""Once a day the sync deletes old data, between its rounds and never instead of one."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.run.stop_signal import Stop
from snapshots.management.retention import Piece, forget, in_words
from snapshots.models import Chore

FORGETTING = "forgetting"
EVERY = timedelta(days=1)
LEASE = timedelta(minutes=30)
CLOCKS_APART = timedelta(minutes=1)
PAUSE_SECONDS = 0.05
"""Pause after each piece, so that others can write."""
PIECE_SECONDS = 0.5
"""No piece starts later than this before the next round."""


def claim(now: datetime) -> datetime | None:
    """Claim the daily clean-up, in one of all processes; None if it is not due or another process has it.

    Returns until when the claim is valid. If the process dies, the claim expires, and another process takes over.
    """
    chore, _made = Chore.objects.get_or_create(name=FORGETTING, defaults={"due_at": now})
    # A time further ahead than it is ever set comes from a clock that was set back since.
    if now < chore.due_at <= now + EVERY + CLOCKS_APART:
        return None
    return _move(Q(due_at=chore.due_at), now + LEASE)


def _move(whose: Q, until: datetime) -> datetime | None:
    moved = Chore.objects.filter(whose, name=FORGETTING).update(due_at=until)
    return until if moved else None


class Housekeeping:
    """Works in the time until the next round, and continues after it."""

    def __init__(self, tell: Callable[[str], object], stop: Stop, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._stop, self._clock = tell, stop, clock
        self._held: datetime | None = None
        self._rest: Iterator[Piece] = iter(())
        self._done: list[Piece] = []

    def until(self, due: float) -> None:
        """Work until shortly before this time; stop early if the database is busy."""
        try:
            if self._held is None:
                self._begin()
            else:
                self._hold()
            while self._held and not self._is_time(due):
                self._go_on()
        except (OperationalError, InterfaceError) as problem:
            self._held = None
            self._tell(_("Not all that is past its time was forgotten (%(why)s).") % {"why": str(problem).strip()})

    def _is_time(self, due: float) -> bool:
        return self._stop.wait(PAUSE_SECONDS) or self._clock() > due - PIECE_SECONDS

    def _begin(self) -> None:
        now = timezone.now()
        self._held = claim(now)
        self._rest, self._done = forget(now), []

    def _hold(self) -> None:
        """Extend the claim; if another process took it over, stop."""
        self._held = _move(Q(due_at=self._held), timezone.now() + LEASE)

    def _go_on(self) -> None:
        piece = next(self._rest, None)
        if piece is not None:
            self._done.append(piece)
            return
        _move(Q(due_at=self._held), timezone.now() + EVERY)
        self._held = None
        for line in in_words(self._done):
            self._tell(_("forgotten:") + " " + line.removeprefix("- "))
