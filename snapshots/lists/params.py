"""Reading GET parameters, one by one: a value that is not valid is named in a sentence and left out, never a 500."""

import re
import uuid
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import TypeVar

from django.http import QueryDict
from django.utils.translation import gettext as _

from snapshots.cloudca.dates import bounded

T = TypeVar("T")

NO_VOLUME = "none"
PAGE_SIZES = (25, 50, 100)
DEFAULT_PAGE_SIZE = 50
MOST_TEXT = 100
MOST_VALUES = 50
MOST_PAGE_DIGITS = 7
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# These would also turn our own words around it: marks and overrides of the writing direction.
UNSHOWN = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def several(query: QueryDict, name: str, read: Callable[[str], T | None], problems: list[str]) -> tuple[T, ...]:
    values = dict.fromkeys(value for value in query.getlist(name) if value)
    if len(values) > MOST_VALUES:
        problems.append(
            _("Only the first %(most)d values of “%(name)s” are used.") % {"most": MOST_VALUES, "name": name}
        )
    read_values = [_read(name, value, read, problems) for value in list(values)[:MOST_VALUES]]
    return tuple(dict.fromkeys(value for value in read_values if value is not None))


def one(query: QueryDict, name: str, read: Callable[[str], T | None], problems: list[str]) -> T | None:
    value = query.get(name)
    return _read(name, value, read, problems) if value else None


def _read(name: str, value: str, read: Callable[[str], T | None], problems: list[str]) -> T | None:
    result = read(value)
    if result is None:
        shown = UNSHOWN.sub("�", value[:40]) + ("…" if len(value) > 40 else "")
        problems.append(_("“%(value)s” is not a valid “%(name)s”; it was ignored.") % {"value": shown, "name": name})
    return result


def text(query: QueryDict, name: str, problems: list[str]) -> str:
    found = CONTROL.sub(" ", query.get(name, "")).encode("utf-8", "replace").decode().strip()
    if len(found) > MOST_TEXT:
        problems.append(_("Only the first %(most)d signs of the search text are used.") % {"most": MOST_TEXT})
    return found[:MOST_TEXT].strip()


def one_of(allowed: Iterable[str]) -> Callable[[str], str | None]:
    values = frozenset(allowed)
    return lambda value: value if value in values else None


def volume_id(value: str) -> str | None:
    if value == NO_VOLUME:
        return value
    try:
        canonical = str(uuid.UUID(value))
    except ValueError:
        return None
    # uuid also reads braces, "urn:uuid:" and bare hex: the API's form alone is an address.
    return canonical if canonical == value.lower() else None


def day(value: str) -> date | None:
    try:
        read = date.fromisoformat(value)
    except ValueError:
        return None
    # The day after it is asked for too, and time zones reach a day to either side.
    return read if date(1, 1, 3) < read < date(9999, 12, 29) else None


def moment(value: str) -> datetime | None:
    """Read a moment with its offset, as our own pages write it; in UTC, where its year is not 1990 to 2200 none."""
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return bounded(read) if read.tzinfo else None


def page_number(value: str) -> int | None:
    if not (value.isascii() and value.isdigit()) or len(value) > MOST_PAGE_DIGITS:
        return None
    return int(value) or None


def page_size(value: str) -> int | None:
    return next((size for size in PAGE_SIZES if str(size) == value), None)


def iso(day: date | None) -> str:
    return day.isoformat() if day else ""
