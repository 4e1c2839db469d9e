"""Connect to a host within a time budget. It includes the name lookup, which no library call can interrupt."""

import os
import socket
import threading
from concurrent.futures import Future

from snapshots.cloudca.deadline import Deadline
from snapshots.cloudca.errors import UNKNOWN_HOST, CloudError, TimedOut, Unreachable

CONNECT_SECONDS = 3.0
LOOKUP_SECONDS = 6.0  # the system tries its next name server after five
SHORTEST_WAIT_SECONDS = 0.001  # a socket takes 0 for "do not block"

# Family and address, as a socket takes them.
Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Found = list[tuple[socket.AddressFamily, Address]] | OSError

_lookups: dict[tuple[str, int], Future[Found]] = {}
_lock = threading.Lock()


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
