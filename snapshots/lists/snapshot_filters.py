"""The filters of the snapshots page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.http import QueryDict

from snapshots.lists import params
from snapshots.lists.params import DEFAULT_PAGE_SIZE, DatedFilters, Reader, one_of
from snapshots.models import Environment
from snapshots.rules.states import INTERVAL_TYPES, STATES

AGES = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
OLDER, UNDATED_AGE = "older", "unknown"
SORTS = ("taken", "name", "volume", "state", "type")
DEFAULT_SORT = "-taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFilters(DatedFilters):
    """What the snapshots page shows."""

    PARAMETERS = {
        "volume_ids": "volume_id",
        "states": "state",
        "interval_types": "interval_type",
        "environments": "environment",
        "age": "age",
        "from_date": "from",
        "to_date": "to",
        "q": "q",
        "listed": "listed",
        "sort": "sort",
        "page_size": "page_size",
        "page": "page",
    }
    # Without states and types that only the provider knows.
    WORDS = {
        "states": {state: state.lower() for state in STATES},
        "interval_types": {name: name.lower() for name in INTERVAL_TYPES},
        "age": {age: f"age-{age}" for age in (*AGES, OLDER, UNDATED_AGE)},
        "listed": {False: "not-listed"},
    }

    states: tuple[str, ...] = ()
    interval_types: tuple[str, ...] = ()
    age: str = ""
    listed: bool = True
    sort: str = DEFAULT_SORT
    page: int = 1
    page_size: int = DEFAULT_PAGE_SIZE


def parse(query: QueryDict, environments: Sequence[Environment]) -> SnapshotFilters:
    """Read a query string. Never raises: invalid values are listed in `problems`."""
    read = Reader(query, environments)
    first, last = read.days()
    return SnapshotFilters(
        volume_ids=read.several("volume_id", params.volume_id),
        states=read.several("state", one_of({*STATES, *_seen(environments, "state")})),
        interval_types=read.several("interval_type", one_of({*INTERVAL_TYPES, *_seen(environments, "interval_type")})),
        environments=read.environments(),
        age=read.one("age", one_of({*AGES, OLDER, UNDATED_AGE})) or "",
        from_date=first,
        to_date=last,
        q=read.text("q"),
        listed=read.one("listed", one_of({"yes", "no"})) != "no",
        sort=read.sort(SORTS) or DEFAULT_SORT,
        **read.page(),
        volume_q=read.text("volume_q"),
        problems=tuple(read.problems),
    )


def _seen(environments: Iterable[Environment], facet: str) -> Iterable[str]:
    return (value for environment in environments for value in environment.facets.get(facet, {}))
