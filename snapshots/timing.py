"""When a snapshot was taken: a range, and why.

The API gives no date. Two sources remain: the default name's trailing `_yyyyMMddHHmmss` (GMT, CloudStack's
`SnapshotManagerImpl`), a hint that anyone can forge; and our own watch: the last complete list without the
snapshot and the first list with it. The name is believed only where it fits the watch, and where it is the
provider's own: a schedule names its snapshots itself, and by hand the default form has the volume's name before the
time. Anything else that ends so ("before_20261123000000") is a number that someone typed.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NAME_TIME = re.compile(r"_(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\Z", re.ASCII)
CLOCK_SLACK_BEFORE = timedelta(minutes=15)
CLOCK_SLACK_AFTER = timedelta(minutes=5)
# No CloudStack release is older; a "date" before it is a number that someone typed.
EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
# The sort key of snapshots that were there at our first look: after all dated ones, newest first.
UNDATED = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TakenRange:
    """Between `after` (None: nothing known) and `before`, both UTC; equal when the name told."""

    after: datetime | None
    before: datetime
    from_name: bool

    @property
    def sort_key(self) -> datetime:
        return UNDATED if self.after is None else self.before


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


def taken_range(name: str, *, last_without: datetime | None, first_with: datetime, is_own: bool) -> TakenRange:
    """What we know of when a snapshot was taken, at first sight of it.

    `last_without`: when the newest complete list without it was asked for; None if there was none before.
    `first_with`: when the first answer with it had arrived. `is_own`: whether the provider made the name.
    """
    if last_without is not None:
        # A clock that was put back in between must not turn the range around.
        last_without = min(last_without, first_with)
    told = name_time(name) if is_own else None
    if told is not None and _fits(told, last_without, first_with):
        return TakenRange(told, told, from_name=True)
    return TakenRange(last_without, first_with, from_name=False)


def _fits(told: datetime, last_without: datetime | None, first_with: datetime) -> bool:
    if told > first_with + CLOCK_SLACK_AFTER:
        return False
    return last_without is None or told >= last_without - CLOCK_SLACK_BEFORE
