"""Connect to a host and read from a socket, all within one budget of time: also the lookup of a name."""

import io
import os
import socket
import ssl
import threading
from concurrent.futures import Future
from time import monotonic
from typing import TYPE_CHECKING, Self

from snapshots.cloudca.errors import UNKNOWN_HOST, CloudError, TimedOut, TooLarge, Unreachable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CONNECT_SECONDS = 3.0
LOOKUP_SECONDS = 6.0  # the system tries its next name server after five
SHORTEST_WAIT_SECONDS = 0.001  # a socket takes 0 for "do not block"
SILENCE_SECONDS = 15.0  # between two reads; half the budget, so that there is time for a second attempt

# Family and address, as a socket takes them.
Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Found = list[tuple[socket.AddressFamily, Address]] | OSError

_lookups: dict[tuple[str, int], Future[Found]] = {}
_lock = threading.Lock()


class Deadline:
    """A time of the monotonic clock after which no call may wait any longer."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    @classmethod
    def after(cls, seconds: float) -> Self:
        return cls(monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._moment - monotonic())

    @property
    def expired(self) -> bool:
        return self.remaining() == 0.0


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address of a host that accepts the connection.

    Raises Unreachable if the name is unknown, or cannot be resolved in time, or nothing listens; TimedOut if nothing
    answers.
    """
    found = _addresses(host, port, min(LOOKUP_SECONDS, deadline.remaining()))
    if isinstance(found, OSError):
        raise Unreachable(UNKNOWN_HOST)
    fault: CloudError = Unreachable()
    for family, address in found:
        try:
            return _connected(family, address, min(CONNECT_SECONDS, deadline.remaining()))
        except TimeoutError:
            fault = TimedOut()
        except OSError:
            fault = Unreachable()
    raise fault


def _connected(family: socket.AddressFamily, address: Address, seconds: float) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(max(seconds, SHORTEST_WAIT_SECONDS))
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _addresses(host: str, port: int, seconds: float) -> Found:
    """Look a name up in a thread that all callers share: a resolver that hangs blocks one thread per name."""
    with _lock:
        lookup = _lookups.get((host, port))
        if lookup is None:
            lookup = Future()
            threading.Thread(target=_look_up, args=(host, port, lookup), name=f"lookup of {host}", daemon=True).start()
            _lookups[host, port] = lookup
    try:
        return lookup.result(seconds)
    except TimeoutError as late:
        return late


def _look_up(host: str, port: int, lookup: "Future[Found]") -> None:
    found: Found
    try:
        found = [(family, address) for family, *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except OSError as unknown:
        found = unknown
    except UnicodeError:  # a label that is empty or too long
        found = OSError()
    with _lock:
        del _lookups[host, port]
    lookup.set_result(found)


def _forget() -> None:
    """Reset in a forked child: the parent's threads do not exist there, so their lookups never finish."""
    global _lock
    _lock = threading.Lock()
    _lookups.clear()


os.register_at_fork(after_in_child=_forget)


class BoundedStream(io.RawIOBase):
    """A socket's bytes. Every read ends at the deadline, so that a slow header cannot take longer than a slow body.

    Raises TooLarge after `most` bytes, including headers and chunk sizes.
    """

    def __init__(self, connection: socket.socket, stream: io.RawIOBase, deadline: Deadline, most: int) -> None:
        self._connection = connection
        self._stream = stream
        self._deadline = deadline
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        self._connection.settimeout(_patience(self._deadline))
        count = self._stream.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise TooLarge
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


def bound(connection: ssl.SSLSocket, deadline: Deadline) -> None:
    """End every wait of a connection at the deadline. TLS within TLS reads repeatedly on its own."""
    receive = connection.recv

    def recv(buflen: int = 1024, flags: int = 0) -> bytes:
        connection.settimeout(_patience(deadline))
        return receive(buflen, flags)

    connection.recv = recv  # type: ignore[method-assign]


def _patience(deadline: Deadline) -> float:
    remaining = deadline.remaining()
    if not remaining:
        raise TimeoutError("the time is used up")
    return min(SILENCE_SECONDS, remaining)
