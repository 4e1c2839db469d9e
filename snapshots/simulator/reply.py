"""Replies and their envelopes, in the provider's documented format."""

import json
from dataclasses import dataclass, field
from typing import Final

from snapshots.simulator.wire import WHOLE, Wire

Row = dict[str, object]

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
