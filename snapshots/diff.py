"""What a list says against what the mirror holds: pure functions on plain values.

Whole lists bury, nothing else does. A row absent from a complete list is a candidate; it is missing when the next
complete list agrees. A list that lost too much at once is doubted: two further complete lists, each ten minutes
after the one before, must agree before anything of it is believed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, Protocol, TypeVar

SUSPECT_GAP = timedelta(minutes=10)
SUSPECT_CHECKS = 2
SUSPECT_ROWS = 10


class Known(NamedTuple):
    """A row of the mirror, as far as the comparison needs it."""

    pk: int
    fingerprint: str
    missing_since: datetime | None
    listed: bool


class Remote(Protocol):
    """What the comparison needs of a record."""

    @property
    def id(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...


R = TypeVar("R", bound=Remote)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A list that is not believed yet: since when, how many later lists agreed, when the last of them came.

    `listed`: how many rows there were before it. What appeared since then must not outweigh what it lost.
    """

    since: datetime
    checks: int
    at: datetime
    listed: int


@dataclass(slots=True)
class Plan(Generic[R]):
    """What to write. Numbers are primary keys of rows in the mirror."""

    added: list[R] = field(default_factory=list)
    changed: list[tuple[int, R]] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    left_out: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    doubt: Doubt | None = None
    gone: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.returned or self.left_out or self.missing)


def compare(
    known: Mapping[str, Known], rows: Iterable[R], *, complete: bool, doubt: Doubt | None, now: datetime
) -> Plan[R]:
    """Compare a list with the mirror. An incomplete one adds and updates, and leaves the doubt as it was."""
    plan: Plan[R] = Plan(doubt=doubt)
    seen: set[str] = set()
    for record in rows:
        seen.add(record.id)
        _compare_row(plan, known.get(record.id), record)
    if complete:
        _bury(plan, known, seen, now)
    return plan


def _compare_row(plan: Plan[R], row: Known | None, record: R) -> None:
    if row is None:
        plan.added.append(record)
        return
    if row.missing_since is not None:
        plan.returned.append(row.pk)
    if row.fingerprint != record.fingerprint:
        plan.changed.append((row.pk, record))


def _bury(plan: Plan[R], known: Mapping[str, Known], seen: set[str], now: datetime) -> None:
    listed = [(snapshot_id, row) for snapshot_id, row in known.items() if row.listed]
    absent = [row for snapshot_id, row in listed if snapshot_id not in seen]
    unmarked = [row for row in absent if row.missing_since is None]
    plan.left_out = [row.pk for row in unmarked]
    plan.gone = len(absent)
    lost = absent if plan.doubt else unmarked
    before = plan.doubt.listed if plan.doubt else len(listed)
    if _too_much(lost=len(lost), listed=before, is_empty=not seen):
        plan.doubt = _doubt_again(plan.doubt, before, now)
    else:
        plan.doubt = None
    plan.missing = _believed(plan, absent)
    if plan.doubt and plan.doubt.checks >= SUSPECT_CHECKS:
        plan.doubt = None


def _too_much(*, lost: int, listed: int, is_empty: bool) -> bool:
    if is_empty:
        return listed > 0
    return lost > SUSPECT_ROWS and lost * 2 > listed


def _doubt_again(doubt: Doubt | None, listed: int, now: datetime) -> Doubt:
    if doubt is None:
        return Doubt(since=now, checks=0, at=now, listed=listed)
    if now - doubt.at < SUSPECT_GAP:
        return doubt
    return Doubt(since=doubt.since, checks=doubt.checks + 1, at=now, listed=listed)


def _believed(plan: Plan[R], absent: list[Known]) -> list[int]:
    """The candidates that this list confirms as missing."""
    marked = [row for row in absent if row.missing_since is not None]
    if plan.doubt is None:
        return [row.pk for row in marked]
    if plan.doubt.checks < SUSPECT_CHECKS:
        return []
    since = plan.doubt.since
    return [row.pk for row in marked if row.missing_since is not None and row.missing_since <= since]
