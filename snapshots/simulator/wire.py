"""Replies as the provider documents them, and sending one on its socket: complete, or intentionally broken."""

import gzip
import io
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import repeat
from selectors import EVENT_READ, DefaultSelector
from struct import pack
from typing import Final

START, HEAD, BODY = PLACES = ("start", "head", "body")
NO_LENGTH: Final = "absent"
LENGTHS: Final = {"text": "many", "negative": "-1"}
MIB: Final = 1 << 20
BLANKS: Final = b" " * 65_536  # JSON may end in blanks, so that only the length is wrong with an endless body
BAD_CHUNK: Final = b"zz\r\n"
DRIP_SECONDS: Final = 0.05
LINGER_NOT: Final = pack("ii", 1, 0)
JSON_TYPE: Final = "application/json; charset=utf-8"
ERROR_NAMES: Final = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
    429: "TOO_MANY_REQUESTS",
    503: "UNAVAILABLE",
}
FIRST_CODE: Final = 2000  # the one code that the provider documents is 2012; ours only have its form

Row = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The effects of a fault on the bytes of a reply; `Fault` explains the fields."""

    slow: float = 0.0
    truncated: bool = False
    reset: bool = False
    drip: float = 0.0
    hang_at: str | None = None
    reset_at: str | None = None
    content_length: int | str | None = None
    bad_chunk: bool = False
    gzip_bomb: int | None = None
    endless: bool = False
    status_line: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether no other reply can follow on the connection."""
        broken = (self.truncated, self.reset, self.bad_chunk, self.endless, self.status_line is not None)
        return any(broken) or any(each is not None for each in (self.hang_at, self.reset_at, self.content_length))


WHOLE: Final = Wire()


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply, and how it is sent."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": JSON_TYPE})
    wire: Wire = WHOLE


def encode(value: object) -> bytes:
    """Return compact JSON in UTF-8; lone surrogates, which UTF-8 cannot encode, are escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def list_body(rows: list[bytes]) -> bytes:
    """Return the envelope of a list under /services, from encoded rows."""
    return b'{"data":[' + b",".join(rows) + b'],"metadata":{"recordCount":%d}}' % len(rows)


def one(row: Row) -> Reply:
    return Reply(200, encode({"data": row}))


def plain_list(rows: list[Row]) -> Reply:
    """Reply with a list that has no metadata, as documented for environments and connections."""
    return Reply(200, encode({"data": rows}))


def error(status: int, message: str, **context: object) -> Reply:
    """Reply with the documented error form; `errorCode` beside it is ours (the Go client reads that name)."""
    name = ERROR_NAMES.get(status, "ERROR")
    row = {"code": FIRST_CODE + status, "message": message, "context": context, "errorCode": name}
    return Reply(status, encode({"errors": [row]}))


def framing(wire: Wire, size: int) -> dict[str, str]:
    """Return the headers for the length of a body of this size, or wrong ones."""
    if wire.bad_chunk:
        return {"Transfer-Encoding": "chunked"}
    coding = {"Content-Encoding": "gzip"} if wire.gzip_bomb else {}
    if wire.endless or wire.content_length == NO_LENGTH:
        return coding
    if isinstance(wire.content_length, str):
        return coding | {"Content-Length": LENGTHS[wire.content_length]}
    return coding | {"Content-Length": str(max(0, size + (wire.content_length or 0)))}


def head_of(status_line: str, headers: Mapping[str, str]) -> bytes:
    lines = [status_line, *(f"{name}: {text}" for name, text in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def pieces(wire: Wire, head: bytes, body: bytes) -> Iterator[bytes]:
    """Yield what is sent, up to where the wire hangs or is reset."""
    last = wire.hang_at or wire.reset_at
    if last == START:
        return
    if last == HEAD:
        yield head[: len(head) // 2]
        return
    if last == BODY or wire.truncated:
        yield head + body[: len(body) // 2]
        return
    yield head
    yield _chunked_badly(body) if wire.bad_chunk else body
    if wire.endless:
        yield from repeat(BLANKS)


def _chunked_badly(body: bytes) -> bytes:
    """Return the first half as a chunk, followed by an invalid chunk size."""
    half = body[: len(body) // 2]
    return b"%x\r\n%b\r\n" % (len(half), half) + BAD_CHUNK + body[len(half) :]


def dripped(sent: Iterator[bytes], rate: float) -> Iterator[bytes]:
    """Split the bytes into portions for DRIP_SECONDS at `rate` bytes per second; at least one byte each."""
    size = max(1, round(rate * DRIP_SECONDS))
    for piece in sent:
        for start in range(0, len(piece), size):
            yield piece[start : start + size]


@lru_cache(maxsize=4)
def bomb(mebibytes: int) -> bytes:
    """Return gzip data that inflates to this size; it is about a thousandth of it."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream:
        for _ in range(mebibytes):
            stream.write(bytes(MIB))
    return packed.getvalue()


def reset(connection: socket.socket) -> None:
    """Reset a connection, so that the other end gets an error and not a normal end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    socket.close(connection.detach())


def wait_for_end(connection: socket.socket) -> None:
    """Wait until the other end disconnects, or the simulator stops."""
    with DefaultSelector() as selector:
        selector.register(connection, EVENT_READ)
        selector.select()
