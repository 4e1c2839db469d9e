"""The filters of the volumes page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import QueryDict

from snapshots.lists.params import DEFAULT_PAGE_SIZE, FilterBase, Reader, moment, one_of
from snapshots.models import Environment
from snapshots.rules.schedules import TYPES
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


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFilters(FilterBase):
    """What the volumes page shows."""

    PARAMETERS = {
        "environments": "environment",
        "schedules": "schedule",
        "statuses": "status",
        "ages": "age",
        "since": "since",
        "q": "q",
        "group": "group",
        "sort": "sort",
        "page_size": "page_size",
        "page": "page",
    }
    ORDER = ("group", "sort", "page_size", "page")
    WORDS = {
        "schedules": {NO_SCHEDULE: "no-schedule"} | {schedule: schedule.lower() for schedule in TYPES},
        "statuses": {status: status for status in STATUSES},
        "ages": {age: f"age-{age}" for age in BANDS},
    }

    schedules: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    ages: tuple[str, ...] = ()
    # Volumes with a problem that began after this.
    since: datetime | None = None
    group: str = ""
    sort: str = DEFAULT_SORT
    page: int = 1
    page_size: int = DEFAULT_PAGE_SIZE

    @property
    def verdicts(self) -> list[Verdict]:
        return [STATUSES[name] for name in self.statuses]


def parse(query: QueryDict, environments: Sequence[Environment]) -> VolumeFilters:
    """Read a query string. Never raises: invalid values are listed in `problems`."""
    read = Reader(query, environments)
    return VolumeFilters(
        environments=read.environments(),
        schedules=read.several("schedule", one_of({*TYPES, NO_SCHEDULE})),
        statuses=read.several("status", _status),
        ages=read.several("age", one_of(BANDS)),
        since=read.one("since", moment),
        q=read.text("q"),
        group=read.one("group", one_of(GROUPS)) or "",
        sort=read.sort(SORTS) or DEFAULT_SORT,
        **read.page(),
        problems=tuple(read.problems),
    )


def _status(value: str) -> str | None:
    name = FORMER_STATUSES.get(value, value)
    return name if name in STATUSES else None
