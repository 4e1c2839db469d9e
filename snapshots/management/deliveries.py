"""Send alerts beside the rounds of the sync, in a thread: no receiver delays a sync, and no sync an alert."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from dashboard.run.stop_signal import Stop
from snapshots.alerts.deliver import deliver
from snapshots.containment import contain

# Also without a round: tests that members ask for, and retries.
POLL_SECONDS = 5.0
BUDGET_SECONDS = 60.0


class Deliveries:
    """Sends what is due after each round, and every few seconds."""

    def __init__(self, stop: Stop) -> None:
        self._stop, self._woken, self._is_over = stop, Event(), False
        self._thread = Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def end(self) -> None:
        """Wait for messages on their way. If the process gives up before, they are sent again, with the same id."""
        self._is_over = True
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._has_ended():
                close_old_connections()
                # The round tells it if the database cannot be used.
                with suppress(OperationalError, InterfaceError):
                    contain(self._deliver, "alerts", expected=(OperationalError, InterfaceError))
                self._woken.wait(POLL_SECONDS)
                self._woken.clear()
        finally:
            connection.close()

    def _deliver(self) -> int:
        return deliver(budget=BUDGET_SECONDS, is_over=self._has_ended)

    def _has_ended(self) -> bool:
        return self._is_over or self._stop.is_set


@contextmanager
def sending(stop: Stop) -> Iterator[Deliveries]:
    deliveries = Deliveries(stop)
    deliveries.start()
    try:
        yield deliveries
    finally:
        deliveries.end()
