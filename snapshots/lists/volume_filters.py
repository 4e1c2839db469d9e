"""The GET parameters behind the volumes page. A value that is not valid is named in a sentence and left out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.http import QueryDict

from snapshots.lists import params
from snapshots.lists.params import DEFAULT_PAGE_SIZE
from snapshots.models import Environment
from snapshots.rules.schedules import SCHEDULES
from snapshots.rules.verdict import Verdict

# Bands of the newest usable snapshot's age; each begins where the one before it ends.
AGES = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
OLDER, NO_AGE = "older", "none"
BANDS = (*AGES, OLDER, NO_AGE)
# Volumes that no schedule's snapshots were seen of.
NO_SCHEDULE = "none"
STATUSES = {verdict.name.lower(): verdict for verdict in sorted(Verdict, reverse=True)}
# Values of older releases, which links may still hold.
FORMER_STATUSES = {"cannot_tell": "unknown", "under_way": "running", "not_judged": "excluded", "gone": "deleted"}
GROUPS = ("instance",)
SORTS = ("status", "name", "newest", "usable")
# Without one, the usual order: problems first, or the oldest where nobody said what a problem is.
DEFAULT_SORT = ""


@dataclass(frozen=True, slots=True)
class VolumeFilters:
    """What the volumes page shows. `environments` are the chosen ones, empty for all; `problems` are sentences."""

    environments: tuple[Environment, ...] = ()
    schedules: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    ages: tuple[str, ...] = ()
    q: str = ""
    group: str = ""
    sort: str = DEFAULT_SORT
    page: int = 1
    page_size: int = DEFAULT_PAGE_SIZE
    problems: tuple[str, ...] = ()

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but order, grouping and page was chosen."""
        return bool(self.pairs(keep_order=False))

    @property
    def verdicts(self) -> list[Verdict]:
        return [STATUSES[name] for name in self.statuses]

    def pairs(self, *, keep_order: bool = True) -> list[tuple[str, str]]:
        """The valid parameters in one fixed order, defaults left out: one view, one address."""
        pairs = [("environment", environment.path) for environment in self.environments]
        pairs += [("schedule", value) for value in self.schedules]
        pairs += [("status", value) for value in self.statuses]
        pairs += [("age", value) for value in self.ages]
        if self.q:
            pairs.append(("q", self.q))
        return pairs + self._order() if keep_order else pairs

    def _order(self) -> list[tuple[str, str]]:
        order = [("group", self.group, ""), ("sort", self.sort, DEFAULT_SORT)]
        order += [("page_size", str(self.page_size), str(DEFAULT_PAGE_SIZE)), ("page", str(self.page), "1")]
        return [(name, value) for name, value, usual in order if value != usual]

    def query(self, **changes: object) -> str:
        """The query string of this view with some fields changed, "?" included; back on page 1 unless told."""
        changed = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        query = QueryDict(mutable=True)
        for name, value in changed.pairs():
            query.appendlist(name, value)
        return f"?{query.urlencode()}" if query else ""


def parse(query: QueryDict, environments: Sequence[Environment]) -> VolumeFilters:
    """Read a query string. Never raises: what is not valid is in `problems`."""
    problems: list[str] = []
    by_path = {environment.path: environment for environment in environments}
    sorts = {*SORTS, *(f"-{name}" for name in SORTS)}
    return VolumeFilters(
        environments=params.several(query, "environment", by_path.get, problems),
        schedules=params.several(query, "schedule", params.one_of({*SCHEDULES, NO_SCHEDULE}), problems),
        statuses=params.several(query, "status", _status, problems),
        ages=params.several(query, "age", params.one_of(BANDS), problems),
        q=params.text(query, "q", problems),
        group=params.one(query, "group", params.one_of(GROUPS), problems) or "",
        sort=params.one(query, "sort", params.one_of(sorts), problems) or DEFAULT_SORT,
        page=params.one(query, "page", params.page_number, problems) or 1,
        page_size=params.one(query, "page_size", params.page_size, problems) or DEFAULT_PAGE_SIZE,
        problems=tuple(problems),
    )


def _status(value: str) -> str | None:
    name = FORMER_STATUSES.get(value, value)
    return name if name in STATUSES else None
