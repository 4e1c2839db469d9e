"""The only place that turns a reply into an envelope or a fault.

The rule, from the provider's documentation: a body with `errors` is a failure, even with status 200. A 200 with `data`
is a success. Everything else is a fault.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import blake2b

import msgspec

from snapshots.cloudca.clean_text import clean_text, storable_json
from snapshots.cloudca.dates import bounded
from snapshots.cloudca.decode import Envelope, fields_of, rows_of, text_of, whole_number
from snapshots.cloudca.errors import (
    KEY_NOT_ACCEPTED,
    KEY_NOT_ALLOWED,
    CloudError,
    NotFound,
    RateLimited,
    Redirected,
    Refused,
    Rejected,
    Unavailable,
    Unreadable,
)

CODE_LIMIT = 64
DETAIL_LIMIT = 200
RETRY_AFTER_LIMIT_SECONDS = 900.0
TRY_AGAIN_STATUSES = frozenset({408, 425})

_WHOLE_NUMBER = re.compile(r"[0-9]{1,20}")  # 20 digits exceed any cap, and int() stays fast


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: header names in any case, the body empty where it is not needed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Body(msgspec.Struct):
    """The top level of every body; absent members are empty."""

    data: msgspec.Raw = msgspec.Raw(b"")
    metadata: msgspec.Raw = msgspec.Raw(b"")
    errors: msgspec.Raw = msgspec.Raw(b"")


_body = msgspec.json.Decoder(_Body)


def open_reply(reply: Reply, *, unknown: str, conceal: Callable[[str], str]) -> Envelope | CloudError:
    """Return the envelope of a reply, or its fault.

    Args:
        unknown: the sentence for a 404.
        conceal: masks the key in the provider's message before it is stored.
    """
    body = _decoded(reply.body)
    failed = body is not None and body.errors != msgspec.Raw(b"")
    if reply.status == 200 and body is not None and not failed:
        return _envelope(body, reply.body)
    error = _first_error(body.errors) if body is not None and failed else {}
    code = text_of(error, "code") or text_of(error, "errorCode")
    return _fault_class(reply.status, failed=failed)(
        _sentence(reply.status, unknown),
        status=reply.status,
        code=clean_text(conceal(code), CODE_LIMIT),
        detail=clean_text(conceal(text_of(error, "message")), DETAIL_LIMIT),
        retry_after=retry_after_of(reply.headers),
    )


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait by Retry-After (RFC 9110, 10.2.3), at most 900; None if absent, invalid or past.

    A date is compared with the reply's own Date, so a wrong clock of the provider does not matter.
    """
    text = headers.get("Retry-After", "").strip()
    if _WHOLE_NUMBER.fullmatch(text):
        return min(float(text), RETRY_AFTER_LIMIT_SECONDS)
    moment = http_date(text)
    if moment is None:
        return None
    seconds = (moment - (http_date(headers.get("Date", "")) or datetime.now(UTC))).total_seconds()
    return min(seconds, RETRY_AFTER_LIMIT_SECONDS) if seconds > 0 else None


def http_date(text: str) -> datetime | None:
    """Parse an HTTP date to UTC; None if it is not one, or not plausible."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return bounded(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _decoded(body: bytes) -> _Body | None:
    try:
        return _body.decode(storable_json(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _envelope(body: _Body, source: bytes) -> Envelope | Unreadable:
    if body.data == msgspec.Raw(b""):
        return Unreadable(status=200)
    return Envelope(body.data, _record_count(body.metadata), blake2b(source, digest_size=16).hexdigest())


def _record_count(metadata: msgspec.Raw) -> int | None:
    return whole_number(bytes(fields_of(metadata).get("recordCount", b"")).decode())


def _first_error(errors: msgspec.Raw) -> dict[str, msgspec.Raw]:
    try:
        listed = rows_of(errors)
    except Unreadable:
        return fields_of(errors)
    return fields_of(listed[0]) if listed else {}


def _sentence(status: int, unknown: str) -> str:
    return {401: KEY_NOT_ACCEPTED, 403: KEY_NOT_ALLOWED, 404: unknown}.get(status, "")


def _fault_class(status: int, *, failed: bool) -> type[CloudError]:
    named = {401: Refused, 403: Refused, 404: NotFound, 429: RateLimited}
    if status in named:
        return named[status]
    if status in TRY_AGAIN_STATUSES or 500 <= status <= 599:
        return Unavailable
    if 300 <= status <= 399:
        return Redirected
    return Rejected if failed or 400 <= status <= 499 else Unreadable
