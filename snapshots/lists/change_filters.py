"""The filters of the changes page.

A page is identified by its first row, not by its number, so new changes do not move a page while it is read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from django.http import QueryDict
from django.utils.translation import gettext as _

from snapshots.lists import params
from snapshots.lists.params import DatedFilters, Reader, one_of
from snapshots.models import Change, Environment

CURSOR = re.compile(r"(\d{8}T\d{12})-(\d{1,18})", re.ASCII)
CURSOR_TIME = "%Y%m%dT%H%M%S%f"
NUMBER = re.compile(r"\d{1,18}", re.ASCII)


class Cursor(NamedTuple):
    """A change's place in the order of time."""

    at: datetime
    pk: int

    def __str__(self) -> str:
        return f"{self.at.astimezone(UTC):{CURSOR_TIME}}-{self.pk}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFilters(DatedFilters):
    """What the changes page shows. `line` is the line whose many are shown, 0 for none; `since_time` its first moment.

    `before` and `after`: the page begins with what is older, or ends with what is newer, than this.
    """

    PARAMETERS = {
        "kinds": "kind",
        "environments": "environment",
        "volume_ids": "volume_id",
        "from_date": "from",
        "to_date": "to",
        "since_time": "since",
        "q": "q",
        "rotated": "rotated",
        "line": "line",
        "before": "before",
        "after": "after",
    }
    ORDER = ("rotated", "before", "after")
    PLACE = ("before", "after")
    WORDS = {"kinds": {kind: kind.replace("_", "-") for kind in Change.Kind.values}}

    kinds: tuple[str, ...] = ()
    rotated: bool = False
    line: int = 0
    since_time: datetime | None = None
    before: Cursor | None = None
    after: Cursor | None = None

    @property
    def hides_rotated(self) -> bool:
        """What every schedule does each day is shown to who asks for it."""
        return not (self.kinds or self.rotated or self.line)


def parse(query: QueryDict, environments: Sequence[Environment]) -> ChangeFilters:
    """Read a query string. Never raises: invalid values are listed in `problems`."""
    read = Reader(query, environments)
    first, last = read.days()
    before = read.one("before", _cursor)
    return ChangeFilters(
        kinds=read.several("kind", one_of(Change.Kind.values)),
        environments=read.environments(),
        volume_ids=read.several("volume_id", params.volume_id),
        from_date=first,
        to_date=last,
        q=read.text("q"),
        rotated=read.one("rotated", one_of({"yes", "no"})) == "yes",
        line=read.one("line", _number) or 0,
        since_time=read.one("since", params.moment),
        before=before,
        after=None if before else read.one("after", _cursor),
        volume_q=read.text("volume_q"),
        problems=tuple(read.problems),
    )


def without_line(filters: ChangeFilters) -> ChangeFilters:
    """The same where the line that was asked for is not there, and the sentence that says so."""
    problem = _("Entry %(number)d is no longer kept; all entries are shown.") % {"number": filters.line}
    return replace(filters, line=0, problems=(*filters.problems, problem))


def _number(value: str) -> int | None:
    return int(value) or None if NUMBER.fullmatch(value) else None


def _cursor(value: str) -> Cursor | None:
    match = CURSOR.fullmatch(value)
    if match is None:
        return None
    try:
        at = datetime.strptime(match[1], CURSOR_TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Cursor(at, int(match[2]))
