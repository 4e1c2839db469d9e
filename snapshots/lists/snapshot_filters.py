"""The GET parameters behind the snapshots list.

Each value is validated alone; a wrong one is named in a sentence and left out, never a 500.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from django.http import QueryDict

from snapshots.lists import params
from snapshots.lists.params import DEFAULT_PAGE_SIZE
from snapshots.models import Environment
from snapshots.rules.states import INTERVAL_TYPES, STATES

AGES = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
OLDER, UNDATED_AGE = "older", "unknown"
SORTS = ("taken", "name", "volume", "state", "type")
DEFAULT_SORT = "-taken"


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
        single = [
            ("age", self.age),
            ("from", params.iso(self.from_date)),
            ("to", params.iso(self.to_date)),
            ("q", self.q),
        ]
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
        volume_ids=params.several(query, "volume_id", params.volume_id, problems),
        states=params.several(query, "state", params.one_of(states), problems),
        interval_types=params.several(query, "interval_type", params.one_of(types), problems),
        environments=params.several(query, "environment", by_path.get, problems),
        age=params.one(query, "age", params.one_of({*AGES, OLDER, UNDATED_AGE}), problems) or "",
        from_date=params.one(query, "from", params.day, problems),
        to_date=params.one(query, "to", params.day, problems),
        q=params.text(query, "q", problems),
        listed=(params.one(query, "listed", params.one_of({"yes", "no"}), problems) or "yes") == "yes",
        sort=params.one(query, "sort", params.one_of({*SORTS, *(f"-{name}" for name in SORTS)}), problems)
        or DEFAULT_SORT,
        page=params.one(query, "page", params.page_number, problems) or 1,
        page_size=params.one(query, "page_size", params.page_size, problems) or DEFAULT_PAGE_SIZE,
        volume_q=params.text(query, "volume_q", problems),
        problems=tuple(problems),
    )


def _seen(environments: Iterable[Environment], facet: str) -> Iterable[str]:
    return (value for environment in environments for value in environment.facets.get(facet, {}))
