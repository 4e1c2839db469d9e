"""The sockets: HTTP/1.1 with keep-alive, a thread for each connection, and an end that waits for none."""

import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import Event, Lock
from typing import Final

from snapshots.simulator.api import Request
from snapshots.simulator.reply import Reply, error

LARGEST_BODY: Final = 1 << 20
PHRASES: Final = {each.value: each.phrase for each in HTTPStatus}
WITHOUT_BODY: Final = frozenset({204, 304})


class Listener(ThreadingMixIn, TCPServer):
    """Hands each request, with its caller's address, to `answer`; raises OSError if the port is taken."""

    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = False  # so that server_close() waits for them

    def __init__(
        self,
        address: tuple[str, int],
        answer: Callable[[Request, str], Reply],
        clock: Callable[[], datetime],
        stopping: Event,
    ) -> None:
        self.answer, self.clock, self.stopping = answer, clock, stopping
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().get_request()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            with self._lock:
                self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End every open connection, so that no thread waits for a next request."""
        with self._lock:
            for connection in self._open:
                _shut(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a caller that went away; everything else is a bug and is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the caller was faster


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server: Listener

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: what came in is kept as a list."""

    def do_GET(self) -> None:
        self._send(self._reply())

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_GET

    def _reply(self) -> Reply:
        body = self._body()
        if body is None:
            self.close_connection = True
            return error(413, "The body must come with a Content-Length of at most 1 MiB.")
        target = self.requestline.split()[1]  # self.path has its leading slashes folded
        request = Request(self.command, target, self.headers, body)
        return self.server.answer(request, str(self.client_address[0]))

    def _body(self) -> bytes | None:
        """Return the request's body; None if it is too large or has no honest length."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length[:10]) > LARGEST_BODY:
            return None
        return self.rfile.read(int(length))

    def _send(self, reply: Reply) -> None:
        if reply.reset or (reply.delay and self.server.stopping.wait(reply.delay)):
            self.close_connection = True
            return
        self.send_response_only(reply.status, PHRASES.get(reply.status, "Unknown"))
        for name, text in self._headers(reply).items():
            self.send_header(name, text)
        self.end_headers()
        if reply.cut:
            self.close_connection = True
        if self.command != "HEAD" and reply.status not in WITHOUT_BODY:
            self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)
        self.wfile.flush()

    def _headers(self, reply: Reply) -> dict[str, str]:
        """Return the reply's headers and those that every reply has, unless it has its own."""
        usual = {"Server": "simulator", "Date": format_datetime(self.server.clock().astimezone(UTC), usegmt=True)}
        if reply.status not in WITHOUT_BODY:
            usual["Content-Length"] = str(len(reply.body))
        if self.close_connection:
            usual["Connection"] = "close"
        given = {name.lower() for name in reply.headers}
        return {name: text for name, text in usual.items() if name.lower() not in given} | reply.headers
