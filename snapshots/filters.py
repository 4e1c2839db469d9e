"""The GET parameters behind the snapshots list.

Each value is validated alone; a wrong one is named in a sentence and left out, never a 500.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from django.http import QueryDict
from django.utils.translation import gettext as _

from snapshots.models import Environment
from snapshots.states import INTERVAL_TYPES, STATES

T = TypeVar("T")

NO_VOLUME = "none"
AGES = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
OLDER, UNDATED_AGE = "older", "unknown"
SORTS = ("taken", "name", "volume", "state", "type")
DEFAULT_SORT = "-taken"
PAGE_SIZES = (25, 50, 100)
DEFAULT_PAGE_SIZE = 50
MOST_TEXT = 100
MOST_VALUES = 50
MOST_PAGE_DIGITS = 7
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# These would also turn our own words around it: marks and overrides of the writing direction.
UNSHOWN = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list page shows. `environments` are the chosen ones, empty for all; `problems` are sentences."""

    volume_ids: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    interval_types: tuple[str, ...] = ()
    environments: tuple[Environment, ...] = ()
    age: str = ""
    from_date: date | None = None
    to_date: date | None = None
    q: str = ""
    listed: bool = True
    sort: str = DEFAULT_SORT
    page: int = 1
    page_size: int = DEFAULT_PAGE_SIZE
    volume_q: str = ""
    problems: tuple[str, ...] = ()

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but order and page was chosen."""
        return bool(self.pairs(keep_order=False))

    def pairs(self, *, keep_order: bool = True) -> list[tuple[str, str]]:
        """The valid parameters in one fixed order, defaults left out: one view, one address."""
        pairs = [("volume_id", value) for value in self.volume_ids]
        pairs += [("state", value) for value in self.states]
        pairs += [("interval_type", value) for value in self.interval_types]
        pairs += [("environment", environment.path) for environment in self.environments]
        single = [("age", self.age), ("from", _iso(self.from_date)), ("to", _iso(self.to_date)), ("q", self.q)]
        pairs += [(name, value) for name, value in single if value]
        if not self.listed:
            pairs.append(("listed", "no"))
        return pairs + self._order() if keep_order else pairs

    def _order(self) -> list[tuple[str, str]]:
        pairs = []
        if self.sort != DEFAULT_SORT:
            pairs.append(("sort", self.sort))
        if self.page_size != DEFAULT_PAGE_SIZE:
            pairs.append(("page_size", str(self.page_size)))
        if self.page > 1:
            pairs.append(("page", str(self.page)))
        return pairs

    def query(self, **changes: object) -> str:
        """The query string of this view with some fields changed, "?" included; back on page 1 unless told."""
        changed = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        query = QueryDict(mutable=True)
        for name, value in changed.pairs():
            query.appendlist(name, value)
        return f"?{query.urlencode()}" if query else ""

    @property
    def since(self) -> datetime | None:
        """The first moment of `from`, UTC."""
        return datetime.combine(self.from_date, time.min, UTC) if self.from_date else None

    @property
    def until(self) -> datetime | None:
        """The first moment after `to`, UTC: the day itself is meant too."""
        if self.to_date is None:
            return None
        return datetime.combine(self.to_date, time.min, UTC) + timedelta(days=1)


def parse(query: QueryDict, environments: Sequence[Environment]) -> Filters:
    """Read a query string. Never raises: what is not valid is in `problems`."""
    problems: list[str] = []
    by_path = {environment.path: environment for environment in environments}
    states = {*STATES, *_seen(environments, "state")}
    types = {*INTERVAL_TYPES, *_seen(environments, "interval_type")}
    return Filters(
        volume_ids=_several(query, "volume_id", _volume_id, problems),
        states=_several(query, "state", _one_of(states), problems),
        interval_types=_several(query, "interval_type", _one_of(types), problems),
        environments=_several(query, "environment", by_path.get, problems),
        age=_one(query, "age", _one_of({*AGES, OLDER, UNDATED_AGE}), problems) or "",
        from_date=_one(query, "from", _date, problems),
        to_date=_one(query, "to", _date, problems),
        q=_text(query, "q", problems),
        listed=(_one(query, "listed", _one_of({"yes", "no"}), problems) or "yes") == "yes",
        sort=_one(query, "sort", _one_of({*SORTS, *(f"-{name}" for name in SORTS)}), problems) or DEFAULT_SORT,
        page=_one(query, "page", _page, problems) or 1,
        page_size=_one(query, "page_size", _page_size, problems) or DEFAULT_PAGE_SIZE,
        volume_q=_text(query, "volume_q", problems),
        problems=tuple(problems),
    )


def _seen(environments: Iterable[Environment], facet: str) -> Iterable[str]:
    return (value for environment in environments for value in environment.facets.get(facet, {}))


def _several(query: QueryDict, name: str, read: Callable[[str], T | None], problems: list[str]) -> tuple[T, ...]:
    values = dict.fromkeys(value for value in query.getlist(name) if value)
    if len(values) > MOST_VALUES:
        problems.append(
            _("Only the first %(most)d values of “%(name)s” are used.") % {"most": MOST_VALUES, "name": name}
        )
    read_values = [_read(name, value, read, problems) for value in list(values)[:MOST_VALUES]]
    return tuple(dict.fromkeys(value for value in read_values if value is not None))


def _one(query: QueryDict, name: str, read: Callable[[str], T | None], problems: list[str]) -> T | None:
    value = query.get(name)
    return _read(name, value, read, problems) if value else None


def _read(name: str, value: str, read: Callable[[str], T | None], problems: list[str]) -> T | None:
    result = read(value)
    if result is None:
        shown = UNSHOWN.sub("�", value[:40]) + ("…" if len(value) > 40 else "")
        problems.append(_("“%(value)s” is not a valid “%(name)s”; it was ignored.") % {"value": shown, "name": name})
    return result


def _text(query: QueryDict, name: str, problems: list[str]) -> str:
    text = CONTROL.sub(" ", query.get(name, "")).encode("utf-8", "replace").decode().strip()
    if len(text) > MOST_TEXT:
        problems.append(_("Only the first %(most)d signs of the search text are used.") % {"most": MOST_TEXT})
    return text[:MOST_TEXT].strip()


def _one_of(allowed: Iterable[str]) -> Callable[[str], str | None]:
    values = frozenset(allowed)
    return lambda value: value if value in values else None


def _volume_id(value: str) -> str | None:
    if value == NO_VOLUME:
        return value
    try:
        canonical = str(uuid.UUID(value))
    except ValueError:
        return None
    # uuid also reads braces, "urn:uuid:" and bare hex: the API's form alone is an address.
    return canonical if canonical == value.lower() else None


def _date(value: str) -> date | None:
    try:
        read = date.fromisoformat(value)
    except ValueError:
        return None
    # The day after it is asked for too, and time zones reach a day to either side.
    return read if date(1, 1, 3) < read < date(9999, 12, 29) else None


def _page(value: str) -> int | None:
    if not (value.isascii() and value.isdigit()) or len(value) > MOST_PAGE_DIGITS:
        return None
    return int(value) or None


def _page_size(value: str) -> int | None:
    return next((size for size in PAGE_SIZES if str(size) == value), None)


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""
