"""The filters of the leftovers page, and the two choices that its rules need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.http import QueryDict

from snapshots.lists import params
from snapshots.lists.params import DEFAULT_PAGE_SIZE, FilterBase, Reader, one_of
from snapshots.models import Environment

DELETED, OLD, SURPLUS, OUTSIDE = "deleted", "old", "surplus", "outside"
REASONS = (DELETED, OLD, SURPLUS, OUTSIDE)
# Bands of age by the days from which they begin; each ends where the next one begins. Younger ones are left out.
BANDS = {"30": 30, "90": 90, "180": 180, "365": 365}
LEAST_DAYS = min(BANDS.values())
# What the menus offer. The address takes any number within the limits.
OLD_DAYS, KEPT = (90, 180, 365, 730), (7, 14, 30, 60, 90)
DEFAULT_DAYS, DEFAULT_KEEP = 180, 30
MOST_DAYS, MOST_KEEP = 3650, 1000
# As many as a page has rows.
MOST_IDS = max(params.PAGE_SIZES)
SORTS = ("age",)
# The oldest first.
DEFAULT_SORT = "-age"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverFilters(FilterBase):
    """What the leftovers page shows.

    `days`: from which age on a snapshot is old; `keep`: how many of a volume's newest usable ones are needed; `ids`:
    snapshots that were selected.
    """

    PARAMETERS = {
        "reasons": "reason",
        "bands": "aged",
        "environments": "environment",
        "ids": "snapshot",
        "q": "q",
        "days": "days",
        "keep": "keep",
        "sort": "sort",
        "page_size": "page_size",
        "page": "page",
    }
    WORDS = {
        "reasons": {reason: reason for reason in REASONS},
        "bands": {band: f"age-{band}d" for band in BANDS},
    }

    reasons: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    days: int = DEFAULT_DAYS
    keep: int = DEFAULT_KEEP
    sort: str = DEFAULT_SORT
    page: int = 1
    page_size: int = DEFAULT_PAGE_SIZE

    @property
    def is_narrowed(self) -> bool:
        """Whether fewer rows were chosen than the rules find."""
        return bool(self.reasons or self.bands or self.environments or self.ids or self.q)


def parse(query: QueryDict, environments: Sequence[Environment]) -> LeftoverFilters:
    """Read a query string. Never raises: invalid values are listed in `problems`."""
    read = Reader(query, environments)
    return LeftoverFilters(
        reasons=read.several("reason", one_of(REASONS)),
        bands=read.several("aged", one_of(BANDS)),
        environments=read.environments(),
        ids=read.several("snapshot", _snapshot_id, most=MOST_IDS),
        q=read.text("q"),
        days=read.one("days", _between(LEAST_DAYS, MOST_DAYS)) or DEFAULT_DAYS,
        keep=read.one("keep", _between(1, MOST_KEEP)) or DEFAULT_KEEP,
        sort=read.sort(SORTS) or DEFAULT_SORT,
        **read.page(),
        problems=tuple(read.problems),
    )


def _snapshot_id(value: str) -> str | None:
    found = params.volume_id(value)
    return None if found == params.NO_VOLUME else found


def _between(least: int, most: int) -> Callable[[str], int | None]:
    def read(value: str) -> int | None:
        number = params.page_number(value)
        return number if number is not None and least <= number <= most else None

    return read
