"""A proxy of plain sockets: it makes tunnels, asks for a password, refuses, and keeps every byte that it sees."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.cloudca.wire import BACKLOG, read_head

TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"
PATIENCE_SECONDS = 5


class Proxy:
    """Connects every tunnel to one port of this machine, for any requested host.

    `answer` is sent to a CONNECT; only the good one makes a tunnel. `heads` are the requests, `passed` what went
    through the tunnels either way.
    """

    def __init__(self, port: int, answer: bytes, tls: ssl.SSLContext | None) -> None:
        self.heads: list[bytes] = []
        self.passed = bytearray()
        self.stopped = threading.Event()
        self._target, self._answer, self._tls = port, answer, tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def url(self, user: str = "") -> str:
        return f"{'https' if self._tls else 'http'}://{user}127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[bytes]:
        return [head.split(b"\r\n", 1)[0] for head in self.heads]

    def stop(self) -> None:
        self.stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self._start(self._serve, peer)

    def _start(self, work: Callable[..., object], *arguments: socket.socket) -> threading.Thread:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()
        return self._threads[-1]

    def _serve(self, peer: socket.socket) -> None:
        with peer, suppress(OSError):
            peer.settimeout(PATIENCE_SECONDS)
            client = self._tls.wrap_socket(peer, server_side=True) if self._tls else peer
            with client:
                self.heads.append(read_head(client))
                client.sendall(self._answer)
                if self._answer == TUNNEL:
                    self._relay(client)
                elif not self._answer:
                    self.stopped.wait(PATIENCE_SECONDS)

    def _relay(self, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._target), timeout=PATIENCE_SECONDS) as provider:
            back = self._start(self._pump, provider, client)
            self._pump(client, provider)
            back.join(PATIENCE_SECONDS)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                self.passed += piece
                sink.sendall(piece)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxying(port: int, answer: bytes = TUNNEL, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    proxy = Proxy(port, answer, tls)
    try:
        yield proxy
    finally:
        proxy.stop()
