"""Check the values of a fault's fields, from Python or from JSON."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from snapshots.simulator.wire import PLACES

Check = Callable[[str, object], None]

LONGEST_WAIT: Final = 3600.0
FASTEST_DRIP: Final = 1e9
LARGEST_BOMB_MIB: Final = 4096


class FaultError(ValueError):
    """A fault's field has an invalid value; the text is a sentence."""


def _refuse(name: str, wanted: str) -> None:
    raise FaultError(f"The field {name!r} of a fault must be {wanted}.")


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        _refuse(name, "true or false")


def _text(name: str, value: object) -> None:
    if value is not None and not isinstance(value, str):
        _refuse(name, "text")


def _whole(least: int, most: int) -> Check:
    def check(name: str, value: object) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            _refuse(name, f"a whole number from {least} to {most}")

    return check


def _number(most: float) -> Check:
    def check(name: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            _refuse(name, f"a number from 0 to {most:g}")

    return check


def _pattern(name: str, value: object) -> None:
    _text(name, value)
    try:
        re.compile(str(value))
    except re.error as problem:
        raise FaultError(f"The field {name!r} is not a regular expression: {problem}.") from None


def _line(name: str, value: object) -> None:
    """Refuse characters that would end a header's line."""
    _text(name, value)
    if value is not None and not re.fullmatch(r"[\t\x20-\x7e\xa0-\xff]*", str(value)):
        _refuse(name, "one line of Latin-1 text")


def _headers(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        _refuse(name, "an object of texts")
        return
    for header, text in value.items():
        if not isinstance(header, str) or not re.fullmatch(r"[A-Za-z0-9-]+", header) or not isinstance(text, str):
            _refuse(name, "an object of header names and texts")
        _line(name, text)


def _mapping(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        _refuse(name, "an object")


def _fields(name: str, value: object) -> None:
    if isinstance(value, bool):
        return
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(each, str) for each in value):
        _refuse(name, "true, false or a list of field names")


def _count_off(name: str, value: object) -> None:
    if value is None or value in ("absent", "text", "negative"):
        return
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(name, 'a whole number, "absent", "text" or "negative"')


def _refusal(name: str, value: object) -> None:
    if value not in (None, 401, 403):
        _refuse(name, "401 or 403")


def _place(name: str, value: object) -> None:
    if value is not None and value not in PLACES:
        _refuse(name, " or ".join(f'"{place}"' for place in PLACES))


CHECKS: Final[dict[str, Check]] = {
    "path": _pattern,
    "environment": _text,
    "key": _text,
    "times": _whole(1, 1_000_000),
    "status": _whole(100, 999),
    "headers": _headers,
    "body": _text,
    "html": _flag,
    "refuse": _refusal,
    "redirect": _line,
    "errors_with_200": _flag,
    "empty_list": _flag,
    "shrink": _number(1),
    "duplicate_ids": _flag,
    "wrong_id": _flag,
    "wrong_typed": _fields,
    "missing_fields": _fields,
    "dangling_volume": _flag,
    "hostile_names": _fields,
    "set_fields": _mapping,
    "record_count": _count_off,
    "slow": _number(LONGEST_WAIT),
    "truncated": _flag,
    "reset": _flag,
    "drip": _number(FASTEST_DRIP),
    "hang_at": _place,
    "reset_at": _place,
    "content_length": _count_off,
    "bad_chunk": _flag,
    "gzip_bomb": _whole(1, LARGEST_BOMB_MIB),
    "endless": _flag,
    "status_line": _line,
}
