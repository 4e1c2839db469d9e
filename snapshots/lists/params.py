"""The GET parameters behind the list pages: read one by one, kept as filters, written back as an address.

A value that is not valid is named in a sentence and left out, never a 500.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext as _

from snapshots.cloudca.dates import bounded
from snapshots.models import Environment

T = TypeVar("T")

NO_VOLUME = "none"
PAGE_SIZES = (25, 50, 100)
DEFAULT_PAGE_SIZE = 50
MOST_TEXT = 100
MOST_WORDS = 5
MOST_VALUES = 50
MOST_PAGE_DIGITS = 7
MOST_QUERY = 2000
MOST_NAMED = 3
# Parameters that belong to a moment and not to what a page shows.
# What a filter is called whose value is a name, an id or a text.
FILTERED = "filtered"
PASSING = ("page", "back", "before", "after")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# These would also turn our own words around it: marks and overrides of the writing direction.
UNSHOWN = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Reader:
    """Reads a query string, parameter by parameter. `problems`: what was not valid, in sentences."""

    def __init__(self, query: QueryDict, environments: Sequence[Environment]) -> None:
        self._query = query
        self._by_path = {environment.path: environment for environment in environments}
        self.problems: list[str] = []

    def several(self, name: str, read: Callable[[str], T | None], most: int = MOST_VALUES) -> tuple[T, ...]:
        values = dict.fromkeys(value for value in self._query.getlist(name) if value)
        if len(values) > most:
            text = _("Only the first %(most)d values of “%(name)s” are used.")
            self.problems.append(text % {"most": most, "name": name})
        found = [self._read(name, value, read) for value in list(values)[:most]]
        return tuple(dict.fromkeys(value for value in found if value is not None))

    def one(self, name: str, read: Callable[[str], T | None]) -> T | None:
        value = self._query.get(name)
        return self._read(name, value, read) if value else None

    def text(self, name: str) -> str:
        found = CONTROL.sub(" ", self._query.get(name, "")).encode("utf-8", "replace").decode().strip()
        if len(found) > MOST_TEXT:
            self.problems.append(
                _("Only the first %(most)d characters of the search text are used.") % {"most": MOST_TEXT}
            )
        return found[:MOST_TEXT].strip()

    def environments(self) -> tuple[Environment, ...]:
        return self.several("environment", self._by_path.get)

    def days(self) -> tuple[date | None, date | None]:
        """The first and the last day, both meant."""
        first, last = self.one("from", day), self.one("to", day)
        if first and last and first > last:
            self.problems.append(_("“From” is later than “To”: no day is between them."))
        return first, last

    def sort(self, names: Iterable[str]) -> str | None:
        """An order by one of these: its name, or the name with "-" for the other way round."""
        return self.one("sort", one_of(f"{sign}{name}" for name in names for sign in ("", "-")))

    def page(self) -> dict[str, int]:
        """Which page, of which size."""
        page, size = self.one("page", page_number), self.one("page_size", page_size)
        return {"page": page or 1, "page_size": size or DEFAULT_PAGE_SIZE}

    def _read(self, name: str, value: str, read: Callable[[str], T | None]) -> T | None:
        result = read(value)
        if result is None:
            text = _("“%(value)s” is not a valid “%(name)s”; it was ignored.")
            self.problems.append(text % {"value": _shown(value), "name": name})
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterBase:
    """What a list page shows. `environments` are the chosen ones, empty for all; `problems` are sentences.

    A field with its usual value is left out of the address: one view, one address.
    """

    # The fields in the order of the address, with the names of their parameters.
    PARAMETERS: ClassVar[Mapping[str, str]]
    # Those that choose no rows.
    ORDER: ClassVar[Sequence[str]] = ("sort", "page_size", "page")
    # Those that say where in the list the page is: a link with another filter begins at the first page.
    PLACE: ClassVar[Sequence[str]] = ("page",)

    # Fields whose values are few and our own: what each is called in a file's name.
    WORDS: ClassVar[Mapping[str, Mapping[Any, str]]] = {}

    environments: tuple[Environment, ...] = ()
    q: str = ""
    problems: tuple[str, ...] = ()

    @property
    def narrowing(self) -> list[tuple[str, str]]:
        """The parameters that choose rows."""
        return self.pairs(*(field for field in self.PARAMETERS if field not in self.ORDER))

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but order and page was chosen."""
        return bool(self.narrowing)

    @property
    def searched(self) -> list[str]:
        """The words of the search, of which all must be found; from `MOST_WORDS` on they are one."""
        return self.q.split(maxsplit=MOST_WORDS - 1)

    @property
    def words(self) -> list[str]:
        """What chooses rows, for a file's name: words of the program alone, of which `FILTERED` is the last."""
        found: dict[str, None] = {}
        for field in self.PARAMETERS:
            value = getattr(self, field)
            if field not in self.ORDER and self.written(field, value):
                values = value if type(value) is tuple else (value,)
                found |= dict.fromkeys(self.WORDS.get(field, {}).get(one, FILTERED) for one in values)
        return sorted(found, key=lambda word: word == FILTERED)

    def pairs(self, *chosen: str) -> list[tuple[str, str]]:
        """The parameters of the chosen fields, or of all, as an address has them."""
        return [pair for field in chosen or self.PARAMETERS for pair in self.written(field, getattr(self, field))]

    def written(self, field: str, value: object) -> list[tuple[str, str]]:
        """One field's parameters, if it had this value."""
        if type(value) is tuple:
            return [(self.PARAMETERS[field], _text(one)) for one in value]
        return [] if value == self.__dataclass_fields__[field].default else [(self.PARAMETERS[field], _text(value))]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedFilters(FilterBase):
    """Filters by volume and by day. `volume_q`: what was typed to find a volume."""

    volume_ids: tuple[str, ...] = ()
    volume_q: str = ""
    from_date: date | None = None
    to_date: date | None = None

    @property
    def since(self) -> datetime | None:
        """The first moment of `from`, UTC."""
        return datetime.combine(self.from_date, time.min, UTC) if self.from_date else None

    @property
    def until(self) -> datetime | None:
        """The first moment after `to`, UTC: the day itself is meant too."""
        return datetime.combine(self.to_date, time.min, UTC) + timedelta(days=1) if self.to_date else None


class Links:
    """Addresses of a list page with some filters changed. What stays is encoded once."""

    def __init__(self, prefix: str, filters: FilterBase) -> None:
        self.prefix, self._filters = prefix, filters
        self._parts = {field: self._part(field, getattr(filters, field)) for field in filters.PARAMETERS}
        self._first_page = self._parts | dict.fromkeys(filters.PLACE, "")

    @property
    def query(self) -> str:
        """The query string of the page as it is shown, "?" included."""
        return _joined(self._parts)

    def first_query(self, **changes: object) -> str:
        """With some fields changed, on the first page unless told."""
        changed = {field: self._part(field, value) for field, value in changes.items()}
        return _joined(self._first_page | changed)

    def to(self, **changes: object) -> str:
        """The address with some fields changed, on the first page unless told."""
        return self.prefix + self.first_query(**changes)

    def without(self, field: str, value: object) -> str:
        """The address without one of a field's values."""
        return self.to(**{field: tuple(other for other in getattr(self._filters, field) if other != value)})

    def _part(self, field: str, value: object) -> str:
        return urlencode(self._filters.written(field, value))


def unknown_names(query: QueryDict, filters: FilterBase) -> str:
    """A sentence that names the parameters that are none of the page's; "" if all are."""
    names = [name for name in query if name not in _known(filters) and name not in PASSING]
    if not names:
        return ""
    shown = ", ".join(f"“{_shown(name)}”" for name in names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
    return _("Not a filter of this page, and ignored: %(names)s.") % {"names": shown}


def _known(filters: FilterBase | type[FilterBase]) -> set[str]:
    return {*filters.PARAMETERS.values(), "volume_q"}


def _shown(value: str) -> str:
    return UNSHOWN.sub("�", value[:40]) + ("…" if len(value) > 40 else "")


def clean_query(text: str, filters: type[FilterBase]) -> str:
    """Rebuild a query string of a page's own lasting parameters, so that it cannot lead to another path or host."""
    try:
        query = QueryDict(text[:MOST_QUERY].removeprefix("?"))
    except ValueError:
        return ""
    kept = QueryDict(mutable=True)
    for name, values in query.lists():
        values = [value for value in values if value]
        if name in _known(filters) - {*PASSING, "volume_q"} and values:
            kept.setlist(name, values)
    return kept.urlencode()[:MOST_QUERY]


def _joined(parts: Mapping[str, str]) -> str:
    query = "&".join(filter(None, parts.values()))
    return f"?{query}" if query else ""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"
    return value.path if isinstance(value, Environment) else str(value)


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
