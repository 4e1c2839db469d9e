"""The sockets: HTTP/1.1 with keep-alive, a thread for each connection, and a stop that does not wait."""

import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import Event, Lock
from typing import Final

from snapshots.simulator.api import Request
from snapshots.simulator.wire import Reply, Wire, dripped, error, framing, head_of, pieces, reset, wait_for_end

LARGEST_BODY: Final = 1 << 20
PHRASES: Final = {each.value: each.phrase for each in HTTPStatus}
WITHOUT_BODY: Final = frozenset({204, 304})


class Listener(ThreadingMixIn, TCPServer):
    """Passes each request, with its caller's address, to `answer`; raises OSError if the port is taken.

    With `tls` it speaks only HTTPS.
    """

    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = False  # so that server_close() waits for them

    def __init__(
        self,
        address: tuple[str, int],
        answer: Callable[[Request, str], Reply],
        clock: Callable[[], datetime],
        stopping: Event,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.answer, self.clock, self.stopping, self.tls = answer, clock, stopping, tls
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().get_request()
        if self.tls is not None:  # the handshake happens at the first read, in the connection's own thread
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            with self._lock:
                self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close every open connection, so that no thread waits for another request."""
        with self._lock:
            for connection in self._open:
                _shut(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a caller that disconnected or does not trust us; anything else is a bug and is printed."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _shut(connection: socket.socket) -> None:
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # of the plain socket: TLS would say goodbye first
    except OSError:
        return  # the caller closed it first


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # send head and body together
    server: Listener

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: received requests are kept in a list."""

    def do_GET(self) -> None:
        self._send(self._reply())

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_GET

    def _reply(self) -> Reply:
        body = self._body()
        if body is None:
            self.close_connection = True
            return error(413, "The body must come with a Content-Length of at most 1 MiB.")
        target = self.requestline.split()[1]  # in self.path leading slashes are merged
        request = Request(self.command, target, self.headers, body)
        return self.server.answer(request, str(self.client_address[0]))

    def _body(self) -> bytes | None:
        """Return the request's body; None if it is too large or its length is missing or wrong."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length[:10]) > LARGEST_BODY:
            return None
        return self.rfile.read(int(length))

    def _send(self, reply: Reply) -> None:
        wire = reply.wire
        if wire.is_last:
            self.close_connection = True
        if wire.reset or (wire.slow and self.server.stopping.wait(wire.slow)):
            self.close_connection = True
            return
        body = b"" if self.command == "HEAD" or reply.status in WITHOUT_BODY else reply.body
        self._write(wire, pieces(wire, self._head(reply), body))
        if wire.hang_at:
            wait_for_end(self.connection)
        if wire.reset_at:
            reset(self.connection)

    def _write(self, wire: Wire, sent: Iterator[bytes]) -> None:
        for piece in dripped(sent, wire.drip) if wire.drip else sent:
            self.wfile.write(piece)
            if wire.drip and self._rest(len(piece) / wire.drip):
                return
        self.wfile.flush()

    def _rest(self, seconds: float) -> bool:
        """Flush the output, and wait. Return whether the server was stopped in the meantime."""
        self.wfile.flush()
        return self.server.stopping.wait(seconds)

    def _head(self, reply: Reply) -> bytes:
        """Return status line and headers: the reply's own, and those that every reply has."""
        usual = {"Server": "simulator", "Date": format_datetime(self.server.clock().astimezone(UTC), usegmt=True)}
        if reply.status not in WITHOUT_BODY:
            usual |= framing(reply.wire, len(reply.body))
        given = {name.lower(): text.lower() for name, text in reply.headers.items()}
        if self.close_connection or given.get("connection") == "close":
            self.close_connection = True
            usual["Connection"] = "close"
        headers = {name: text for name, text in usual.items() if name.lower() not in given} | reply.headers
        line = reply.wire.status_line
        if line is None:
            line = f"{self.protocol_version} {reply.status} {PHRASES.get(reply.status, 'Unknown')}"
        return head_of(line, headers)
