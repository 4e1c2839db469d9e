"""Handle stop signals: SIGINT (Ctrl-C), SIGTERM (`kill`), SIGHUP (a closed terminal)."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Becomes set once; `wait` returns at once when it does.

    A pipe, as setting a `threading.Event` from a signal handler can meet the event's own lock, held by the very thread
    that the handler interrupted.
    """

    def __init__(self) -> None:
        self.is_set = False
        self._reader, self._writer = os.pipe()

    def set(self) -> None:
        if not self.is_set:
            self.is_set = True
            os.write(self._writer, b".")

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until it is set; return whether it is."""
        if not self.is_set and seconds > 0:
            select.select([self._reader], [], [], seconds)
        return self.is_set

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)


@contextmanager
def stop_on_signals(*, give_up_after: float | None = None) -> Iterator[Stop]:
    """Give a `Stop` that the signals set, and put the old handlers back at the end. Call in the main thread.

    `give_up_after`: this many seconds after the first signal the process exits with status 0, regardless of its work.
    """
    stop = Stop()

    def end(number: int, frame: FrameType | None) -> None:
        if not stop.is_set and give_up_after is not None:
            signal.setitimer(signal.ITIMER_REAL, give_up_after)
        stop.set()

    before = {number: signal.signal(number, end) for number in SIGNALS}
    before[signal.SIGALRM] = signal.signal(signal.SIGALRM, _give_up)
    try:
        yield stop
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()


def _give_up(number: int, frame: FrameType | None) -> None:
    os._exit(0)
