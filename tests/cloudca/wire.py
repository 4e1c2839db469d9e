"""A provider made of plain sockets: it sends exactly the bytes, and as slowly, as a test wants."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Script = Callable[["Wire", socket.socket], None]
BACKLOG = 16
DRIP_SECONDS = 0.05


class Wire:
    """Accepts connections, keeps each request head as it came, and lets a script answer it."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[bytes] = []
        self.stopped = threading.Event()
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def lines(self) -> list[bytes]:
        return [head.split(b"\r\n", 1)[0] for head in self.heads]

    def stop(self) -> None:
        self.stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def drip(self, peer: socket.socket, piece: bytes) -> None:
        while not self.stopped.wait(DRIP_SECONDS):
            peer.sendall(piece)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(peer,), daemon=True))
                self._threads[-1].start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, suppress(OSError):
            peer.settimeout(5)
            stream = self._tls.wrap_socket(peer, server_side=True) if self._tls else peer
            with stream:
                stream.settimeout(5)
                while head := read_head(stream):
                    self.heads.append(head)
                    self._script(self, stream)


def read_head(stream: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = stream.recv(1)
        if not piece:
            return b""
        head += piece
    return head


@contextmanager
def serving(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    wire = Wire(script, tls)
    try:
        yield wire
    finally:
        wire.stop()


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def answer(reply: bytes) -> Script:
    """Send these bytes to every request and keep the connection."""
    return lambda wire, peer: peer.sendall(reply)


def answer_and_close(reply: bytes) -> Script:
    def script(wire: Wire, peer: socket.socket) -> None:
        peer.sendall(reply)
        peer.shutdown(socket.SHUT_RDWR)

    return script


def answer_and_drip(start: bytes, piece: bytes) -> Script:
    def script(wire: Wire, peer: socket.socket) -> None:
        peer.sendall(start)
        wire.drip(peer, piece)

    return script


def answer_and_reset(start: bytes) -> Script:
    def script(wire: Wire, peer: socket.socket) -> None:
        peer.sendall(start)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()

    return script
