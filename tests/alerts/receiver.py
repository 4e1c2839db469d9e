"""A receiver of webhooks: a real server with TLS on this machine, which keeps what it is sent."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

HOST = "localhost"
Answer = Callable[[BaseHTTPRequestHandler], bool]


@dataclass(frozen=True)
class Got:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    server_name: str | None
    at: float


@dataclass
class Receiver:
    """Answers 204, unless `answer` does something else with the request: it writes to `wfile` and returns True."""

    certificate: Path
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    answer: Answer = lambda handler: False

    def __enter__(self) -> Self:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        context.sni_callback = self._note_name
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self._server.receiver, self._server.context = self, context
        self.port = int(self._server.server_address[1])
        Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}/hook?team=1"

    @property
    def ids(self) -> list[str]:
        return [each.headers["Snapshots-Id"] for each in self.got]

    def _note_name(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        connection.asked_name = name  # type: ignore[union-attr]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver
    context: ssl.SSLContext

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        self.receiver.connections += 1
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections end in every way here."""


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            name = getattr(self.connection, "asked_name", None)
            receiver.got.append(Got(self.path, dict(self.headers), body, name, time.time()))
            if not receiver.answer(self):
                self.send_response(204)
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
