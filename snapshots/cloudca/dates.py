"""Read dates from outside: only the provider's known formats, and only plausible years."""

import re
from datetime import UTC, datetime, timedelta

EARLIEST_YEAR, LATEST_YEAR = 1990, 2200
# Time zones span -12:00 to +14:00.
LONGEST_OFFSET = timedelta(hours=14)
# Other zone names, such as CST or IST, are ambiguous.
ZONES = {"z": 0, "utc": 0, "gmt": 0, "est": -5, "edt": -4}
_DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d?):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
    r"(?: ?(?P<half>[AP])M)?(?: ?(?:(?P<zone>Z|UTC|GMT|EST|EDT)|(?P<offset>[+-]\d\d)(?::?(?P<minutes>\d\d))?))?",
    re.ASCII | re.IGNORECASE,
)


def read_date(text: str) -> datetime | None:
    """Parse a time in one of the provider's formats and return it in UTC; None for anything else.

    The formats are `2016-10-19T14:25:41-0400`, with or without colon and fraction, `2017-08-15T12:00:00.000Z` and
    `2016-10-24 2:40:29 PM EDT`. A time without an offset counts as UTC. The year must be 1990 to 2200.
    """
    match = _DATE.fullmatch(text.strip()) if len(text) < 64 else None
    if match is None:
        return None
    year, month, day, _, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    hour, offset = _hour(match), _offset(match)
    if hour is None or offset is None or not EARLIEST_YEAR <= year <= LATEST_YEAR:
        return None
    microsecond = int((match[7] or "").ljust(6, "0")[:6])
    try:
        local = datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC)
    except ValueError:
        return None
    return bounded(local - offset)


def bounded(moment: datetime) -> datetime | None:
    """Return a time in UTC, None if its year is not 1990 to 2200."""
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        return None
    return utc if EARLIEST_YEAR <= utc.year <= LATEST_YEAR else None


def _hour(match: re.Match[str]) -> int | None:
    """Return the hour of the day. Without AM or PM it must have two digits."""
    hour = int(match[4])
    if match["half"] is None:
        return hour if len(match[4]) == 2 else None
    if not 1 <= hour <= 12:
        return None
    return hour % 12 + (12 if match["half"] in "Pp" else 0)


def _offset(match: re.Match[str]) -> timedelta | None:
    if match["offset"] is None:
        return timedelta(hours=ZONES[(match["zone"] or "utc").lower()])
    minutes = int(match["minutes"] or 0)
    size = timedelta(hours=int(match["offset"][1:]), minutes=minutes)
    if minutes > 59 or size > LONGEST_OFFSET:
        return None
    return -size if match["offset"][0] == "-" else size
