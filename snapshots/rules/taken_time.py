"""When a snapshot was taken: a range, and where it comes from.

Witnesses: a date field in the row, where the provider sends one; the default name's trailing `_yyyyMMddHHmmss` (GMT,
CloudStack's `SnapshotManagerImpl`); and our own syncs: the last list without the snapshot and the first with it.

A witness that says "older" is never discarded: a list may be capped, late, or made for a key that sees less, so absence
from it is weak evidence, and a forged older time can only make a snapshot look older. A witness that says "younger"
counts only where it fits the syncs, and a time in a name only where the provider made the name: a schedule names its
snapshots itself, and by hand the default form has the volume's name before the time. Anything else that ends so
("before_20261123000000") is a number that someone typed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

NAME_TIME = re.compile(r"_(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\Z", re.ASCII)
CLOCK_SLACK_BEFORE = timedelta(minutes=15)
CLOCK_SLACK_AFTER = timedelta(minutes=5)
# The date field and the name are written together; further apart than this they contradict each other.
WITNESSES_APART = timedelta(minutes=15)
# How far our clock may be put back between two syncs without the earlier one losing its meaning.
PUT_BACK = timedelta(minutes=2)
# No CloudStack release is older; a "date" before it is a number that someone typed.
EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
# The sort key of snapshots that were there at our first sync: after all dated ones, newest first.
UNDATED = datetime(1970, 1, 1, tzinfo=UTC)


class TakenFrom(StrEnum):
    """Where a range comes from."""

    NAME = "name"
    DATE = "date"
    SYNCS = "syncs"
    # Witnesses contradict each other: from the oldest of them to the first sync that listed it.
    CONFLICT = "conflict"
    # The clocks disagreed when it was first listed: open until they agree again.
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class TakenRange:
    """Between `after` (None: nothing known) and `before`, both UTC; equal when a name or a date told."""

    after: datetime | None
    before: datetime
    source: TakenFrom

    @property
    def sort_key(self) -> datetime:
        return UNDATED if self.after is None else self.before


@dataclass(frozen=True, slots=True)
class Sighting:
    """The syncs around a snapshot's first sight, by the provider's clock.

    `last_without`: when the newest list was asked for that proves that it did not exist yet; None if no list does.
    `first_with`: when the first answer with it had arrived. `is_clock_trusted`: whether the clocks agreed then.
    `is_provider_right`: whether the provider's clock was right then and at the list before, so that what it wrote in
    between can be exact.
    """

    last_without: datetime | None
    first_with: datetime
    is_clock_trusted: bool = True
    is_provider_right: bool = True


def name_time(name: str) -> datetime | None:
    """The UTC time that a default name ends in, or None when there is none or it is impossible."""
    match = NAME_TIME.search(name)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        time = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return time if time >= EARLIEST else None


def is_default(name: str, volume: str) -> bool:
    """Whether a name is `<host>_<volume>_<time>`, as the provider makes it of the volume's present name."""
    if not volume or NAME_TIME.search(name) is None:
        return False
    before_time = NAME_TIME.sub("", name)
    return before_time.endswith(f"_{volume}") and len(before_time) > len(volume) + 1


def taken_range(name: str, created: datetime | None, seen: Sighting, *, is_own: bool) -> TakenRange:
    """What we know of when a snapshot was taken, at first sight of it.

    `created`: the provider's date field. `is_own`: whether the provider made the name.
    """
    last_without, before = _in_order(seen)
    named = name_time(name)
    # Beside a date of the provider, a number that someone typed tells nothing.
    told = _believable([created, named if is_own or created is None else None], before)
    if last_without is not None and (older := [at for at in told if at < last_without - CLOCK_SLACK_BEFORE]):
        return TakenRange(min(older), before, TakenFrom.CONFLICT)
    sure = _believable([created, named if is_own else None], before) if seen.is_provider_right else []
    if not seen.is_clock_trusted:
        return TakenRange(_oldest([*sure, last_without]), before, TakenFrom.CLOCK)
    if not sure:
        is_refuted = created is not None and seen.is_provider_right
        return TakenRange(last_without, before, TakenFrom.CONFLICT if is_refuted else TakenFrom.SYNCS)
    is_contradicted = created is not None and created not in sure
    if is_contradicted or max(sure) - min(sure) > WITNESSES_APART:
        return TakenRange(_oldest([*sure, last_without]), before, TakenFrom.CONFLICT)
    exact = min(*sure, before)
    return TakenRange(exact, exact, TakenFrom.NAME if created is None else TakenFrom.DATE)


def retaken(known: TakenRange, created: datetime | None) -> TakenRange:
    """A known range after the provider told a date that it did not tell at first sight, or another one."""
    if created is None or created > known.before + CLOCK_SLACK_AFTER:
        return known
    if known.after is not None and created < known.after - WITNESSES_APART:
        return TakenRange(created, known.before, TakenFrom.CONFLICT)
    if known.after is None or known.source in (TakenFrom.SYNCS, TakenFrom.CLOCK):
        exact = min(created, known.before)
        return TakenRange(exact, exact, TakenFrom.DATE)
    return known


def _in_order(seen: Sighting) -> tuple[datetime | None, datetime]:
    """The two syncs; where our clock was put back between them, the earlier one proves nothing."""
    if seen.last_without is None or seen.last_without > seen.first_with + PUT_BACK:
        return None, seen.first_with
    return min(seen.last_without, seen.first_with), seen.first_with


def _believable(told: Iterable[datetime | None], before: datetime) -> list[datetime]:
    return [moment for moment in told if moment is not None and moment <= before + CLOCK_SLACK_AFTER]


def _oldest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
