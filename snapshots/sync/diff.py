"""Compare a list with the mirror: pure functions on plain values.

Only a complete list that proves absence may mark a row as missing. A row absent from one list is a candidate; it is
missing when the next such list confirms it. A list that lost too many rows on balance is doubted: two further lists,
each ten minutes after the one before, must confirm it. A row that was never listed under the current key may be
invisible to the key: it stays a candidate unless the key sees other rows of its group.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, Protocol, TypeVar

SUSPECT_GAP = timedelta(minutes=10)
SUSPECT_CHECKS = 2
SUSPECT_ROWS = 10
# How long the answer for a single row is valid.
FOUND_LASTS = timedelta(hours=1)


class Known(NamedTuple):
    """The values of a mirrored row that the comparison needs.

    `kind`, `sight`: rows of one kind and sight replace each other (a volume's snapshots of one type); a key that sees
    one row of a sight sees all (a volume's snapshots). `found_at`: when the provider last returned the row by its id,
    although its lists do not have it.
    """

    pk: int
    fingerprint: str
    missing_since: datetime | None
    listed: bool
    found_at: datetime | None = None
    kind: Hashable = None
    sight: Hashable = None

    @property
    def group(self) -> Hashable:
        return self.sight, self.kind


class Remote(Protocol):
    """The values of a record that the comparison needs."""

    @property
    def id(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...


R = TypeVar("R", bound=Remote)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A list that is not trusted yet: since when, how many later lists confirmed it, when the last of them came.

    `listed`: how many rows there were before it. Rows that appeared since must not offset its losses.
    """

    since: datetime
    checks: int
    at: datetime
    listed: int


@dataclass(frozen=True, slots=True)
class Trust:
    """How far a list can be trusted.

    `proves_absence`: a row that is not in it may be marked. `key_since`: the first list of the current key; a row that
    was a candidate then was never listed under it. `visible`: the sights of which the key sees some row.
    """

    proves_absence: bool = True
    key_since: datetime | None = None
    visible: Collection[Hashable] = frozenset()

    def may_bury(self, row: Known) -> bool:
        """Return whether two lists without a candidate prove that it is missing."""
        if self.key_since is None or row.missing_since is None or row.missing_since > self.key_since:
            return True
        return row.sight in self.visible


@dataclass(slots=True)
class Plan(Generic[R]):
    """The changes to write. Numbers are primary keys of mirrored rows.

    `found`: rows that the provider returned by id although its lists do not have them; `there`: those for which this is
    the first time; `confirmed`: those for which it is not.
    """

    added: list[R] = field(default_factory=list)
    changed: list[tuple[int, R]] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    left_out: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    there: list[int] = field(default_factory=list)
    confirmed: list[int] = field(default_factory=list)
    doubt: Doubt | None = None
    # How many mirrored rows the list does not have.
    gone: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.returned or self.left_out or self.missing or self.there)


def compare(
    known: Mapping[str, Known],
    rows: Iterable[R],
    *,
    trust: Trust,
    doubt: Doubt | None,
    now: datetime,
    group_of: Callable[[R], Hashable] | None = None,
) -> Plan[R]:
    """Compare a list with the mirror. A list that proves no absence only adds and updates, and keeps the doubt."""
    plan: Plan[R] = Plan(doubt=doubt)
    seen: set[str] = set()
    for record in rows:
        seen.add(record.id)
        _compare_row(plan, known.get(record.id), record)
    if trust.proves_absence:
        absent = [row for snapshot_id, row in known.items() if row.listed and snapshot_id not in seen]
        listed = sum(row.listed for row in known.values())
        gained = Counter(map(group_of, plan.added)) if group_of else Counter()
        _bury(plan, absent, listed, gained, trust, now=now, is_empty=not seen)
    return plan


def _compare_row(plan: Plan[R], row: Known | None, record: R) -> None:
    if row is None:
        plan.added.append(record)
        return
    if row.missing_since is not None or row.found_at is not None:
        plan.returned.append(row.pk)
    if row.fingerprint != record.fingerprint:
        plan.changed.append((row.pk, record))


def _bury(
    plan: Plan[R],
    absent: list[Known],
    listed: int,
    gained: Counter[Hashable],
    trust: Trust,
    *,
    now: datetime,
    is_empty: bool,
) -> None:
    plan.gone = len(absent)
    plan.found = [row.pk for row in absent if row.found_at is not None and now - row.found_at <= FOUND_LASTS]
    found = set(plan.found)
    unmarked = [row for row in absent if row.missing_since is None and row.pk not in found]
    plan.left_out = [row.pk for row in unmarked]
    lost = [row for row in absent if row.pk not in found] if plan.doubt else unmarked
    before = plan.doubt.listed if plan.doubt else listed
    if _is_too_much(_on_balance(lost, gained), listed=before, is_empty=is_empty):
        plan.doubt = _doubt_again(plan.doubt, before, now)
    else:
        plan.doubt = None
    candidates = [row for row in absent if row.missing_since is not None and trust.may_bury(row)]
    plan.missing = [row.pk for row in _believed(plan.doubt, candidates)]
    if plan.doubt and plan.doubt.checks >= SUSPECT_CHECKS:
        plan.doubt = None


def _on_balance(lost: Iterable[Known], gained: Counter[Hashable]) -> int:
    """Return how many rows are gone without a replacement, which is a new row of the same group."""
    return (Counter(row.group for row in lost) - gained).total()


def _is_too_much(lost: int, *, listed: int, is_empty: bool) -> bool:
    if is_empty:
        return listed > 0
    return lost > SUSPECT_ROWS and lost * 2 > listed


def _doubt_again(doubt: Doubt | None, listed: int, now: datetime) -> Doubt:
    if doubt is None:
        return Doubt(since=now, checks=0, at=now, listed=listed)
    if now - doubt.at < SUSPECT_GAP:
        return doubt
    return Doubt(since=doubt.since, checks=doubt.checks + 1, at=now, listed=listed)


def _believed(doubt: Doubt | None, candidates: list[Known]) -> list[Known]:
    """Return the candidates that this list confirms as missing."""
    if doubt is None:
        return candidates
    if doubt.checks < SUSPECT_CHECKS:
        return []
    return [row for row in candidates if row.missing_since is not None and row.missing_since <= doubt.since]
