"""The filters of the alerts page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import QueryDict

from snapshots.lists.params import DEFAULT_PAGE_SIZE, DatedFilters, Reader, moment, one_of
from snapshots.models import Environment, Problem

# By their names in an address, the worst first.
KINDS = {kind.code: kind for kind in sorted(Problem.Kind, reverse=True)}
ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemFilters(DatedFilters):
    """What the alerts page shows. With a time: problems that were open then. `show`: `ENDED`, or all that matters now.

    `since_time`: those that were open at this moment or later.
    """

    PARAMETERS = {
        "show": "show",
        "environments": "environment",
        "kinds": "kind",
        "from_date": "from",
        "to_date": "to",
        "since_time": "since",
        "q": "q",
        "page_size": "page_size",
        "page": "page",
    }
    ORDER = ("page_size", "page")
    WORDS = {"show": {ENDED: ENDED}, "kinds": {kind: kind for kind in KINDS}}

    show: str = ""
    kinds: tuple[str, ...] = ()
    since_time: datetime | None = None
    page: int = 1
    page_size: int = DEFAULT_PAGE_SIZE

    @property
    def has_time(self) -> bool:
        return any((self.from_date, self.to_date, self.since_time))


def parse(query: QueryDict, environments: Sequence[Environment]) -> ProblemFilters:
    """Read a query string. Never raises: invalid values are listed in `problems`."""
    read = Reader(query, environments)
    first, last = read.days()
    place = read.page()
    return ProblemFilters(
        show=read.one("show", one_of({ENDED})) or "",
        environments=read.environments(),
        kinds=read.several("kind", one_of(KINDS)),
        from_date=first,
        to_date=last,
        since_time=read.one("since", moment),
        q=read.text("q"),
        page=place["page"],
        page_size=place["page_size"],
        problems=tuple(read.problems),
    )
