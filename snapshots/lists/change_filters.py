"""The GET parameters behind the changes page. A value that is not valid is named in a sentence and left out.

A page is found by where it begins, not by its number: what happens meanwhile moves no page under its reader.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from django.http import QueryDict
from django.utils.translation import gettext as _

from snapshots.lists import params
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


@dataclass(frozen=True, slots=True)
class ChangeFilters:
    """What the changes page shows. `problems` are sentences; `line` is the line whose many are shown, 0 for none.

    `before` and `after`: the page begins with what is older, or ends with what is newer, than this.
    """

    kinds: tuple[str, ...] = ()
    environments: tuple[Environment, ...] = ()
    volume_ids: tuple[str, ...] = ()
    from_date: date | None = None
    to_date: date | None = None
    q: str = ""
    rotated: bool = False
    line: int = 0
    before: Cursor | None = None
    after: Cursor | None = None
    volume_q: str = ""
    problems: tuple[str, ...] = ()

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the page was chosen."""
        return bool(replace(self, rotated=False, before=None, after=None).pairs())

    @property
    def hides_rotated(self) -> bool:
        """What every schedule does each day is shown to who asks for it."""
        return not (self.kinds or self.rotated or self.line)

    def pairs(self) -> list[tuple[str, str]]:
        """The valid parameters in one fixed order, defaults left out: one view, one address."""
        pairs = [("kind", value) for value in self.kinds]
        pairs += [("environment", environment.path) for environment in self.environments]
        pairs += [("volume_id", value) for value in self.volume_ids]
        single = [("from", params.iso(self.from_date)), ("to", params.iso(self.to_date)), ("q", self.q)]
        single += [("rotated", "yes" if self.rotated else ""), ("line", str(self.line or ""))]
        single += [("before", str(self.before or "")), ("after", str(self.after or ""))]
        return pairs + [(name, value) for name, value in single if value]

    def query(self, **changes: object) -> str:
        """The query string of this view with some fields changed, "?" included; on its newest page unless told."""
        changed = replace(self, **{"before": None, "after": None, **changes})  # type: ignore[arg-type]
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
        return datetime.combine(self.to_date, time.min, UTC) + timedelta(days=1) if self.to_date else None


def parse(query: QueryDict, environments: Sequence[Environment]) -> ChangeFilters:
    """Read a query string. Never raises: what is not valid is in `problems`."""
    problems: list[str] = []
    by_path = {environment.path: environment for environment in environments}
    before = params.one(query, "before", _cursor, problems)
    return ChangeFilters(
        kinds=params.several(query, "kind", params.one_of(Change.Kind.values), problems),
        environments=params.several(query, "environment", by_path.get, problems),
        volume_ids=params.several(query, "volume_id", params.volume_id, problems),
        from_date=params.one(query, "from", params.day, problems),
        to_date=params.one(query, "to", params.day, problems),
        q=params.text(query, "q", problems),
        rotated=params.one(query, "rotated", params.one_of({"yes", "no"}), problems) == "yes",
        line=params.one(query, "line", _number, problems) or 0,
        before=before,
        after=None if before else params.one(query, "after", _cursor, problems),
        volume_q=params.text(query, "volume_q", problems),
        problems=tuple(problems),
    )


def without_line(filters: ChangeFilters) -> ChangeFilters:
    """The same where the line that was asked for is not there, and the sentence that says so."""
    problem = _("The line %(number)d is not remembered any more; all are shown.") % {"number": filters.line}
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
