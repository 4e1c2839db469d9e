"""Read a socket within limits of time and size."""

import io
import ssl
from socket import socket
from typing import TYPE_CHECKING

from snapshots.cloudca.deadline import Deadline
from snapshots.cloudca.errors import TooLarge

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SILENCE_SECONDS = 15.0  # between two reads; half the budget, so that there is time for a second attempt


class BoundedStream(io.RawIOBase):
    """A socket's bytes. Every read ends at the deadline, so that a slow header cannot take longer than a slow body.

    Raises TooLarge after `most` bytes, including headers and chunk sizes.
    """

    def __init__(self, connection: socket, stream: io.RawIOBase, deadline: Deadline, most: int) -> None:
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
