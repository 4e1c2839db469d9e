"""Clean text from outside, so that it can be stored and shown."""

import re

NAME_LIMIT = 255
REPLACEMENT = rb"\ufffd"

# Written out: a repeated group takes twice as long, and this runs twice per row.
_is_uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_UUID_WRAPPED = re.compile(r"urn:uuid:(.+)|\{(.+)\}")
# C0, DEL, C1 and the two Unicode line ends: each would break a line, a log or a terminal.
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029], " ")
# Escapes are matched from the left, so that the `\\` of `\\ud800` counts as an escaped backslash.
_HIGH, _LOW = rb"u[dD][89abAB][0-9a-fA-F]{2}", rb"u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rb"\\(?:%b\\%b|(?P<unfit>%b|%b|u0000)|.)" % (_HIGH, _LOW, _HIGH, _LOW), re.DOTALL)


def clean_text(text: str, limit: int = NAME_LIMIT) -> str:
    """Turn control characters and line ends into blanks and cut to `limit` characters."""
    if len(text) <= limit and text.isprintable():
        return text
    return text.translate(_CONTROLS)[:limit]


def canonical_uuid(text: str) -> str:
    """Return the lower-case dashed form of a UUID, also from upper case, braces or a URN; "" if it is not a UUID."""
    if _is_uuid(text):
        return text
    lowered = text.lower()
    if wrapped := _UUID_WRAPPED.fullmatch(lowered):
        lowered = wrapped[1] or wrapped[2]
    return lowered if _is_uuid(lowered) else ""


def storable_json(body: bytes) -> bytes:
    r"""Replace `\u0000` and lone surrogates by U+FFFD: JSON can contain them, but they cannot be stored as text.

    Raises UnicodeDecodeError if the body is not UTF-8.
    """
    body.decode()
    if b"\\" not in body:
        return body
    return _ESCAPE.sub(_storable_escape, body)


def _storable_escape(match: re.Match[bytes]) -> bytes:
    return REPLACEMENT if match["unfit"] else match[0]
