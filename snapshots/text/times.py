"""Times and ages in words. All times are UTC; an age is never negative."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from django.utils.dates import MONTHS_3
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from snapshots.rules.taken_time import UNDATED, TakenFrom

MOST_RELATIVE = timedelta(days=30)
MINUTE, HOUR, DAY = 60, 3600, 86400
EXACT_ORIGINS = {
    TakenFrom.NAME.value: gettext_lazy("from the name"),
    TakenFrom.DATE.value: gettext_lazy("from the provider's date"),
}
RANGE_ORIGINS = {
    TakenFrom.CONFLICT.value: gettext_lazy("name, date and our syncs contradict each other; the oldest counts"),
    TakenFrom.CLOCK.value: gettext_lazy("the provider's clock and ours disagreed when it was first listed"),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """When a snapshot was taken, in words. `iso` is empty where only a range is known."""

    text: str
    relative: str
    origin: str
    iso: str = ""
    exact: str = ""


def age(span: timedelta) -> str:
    """A span in its largest unit, rounded down: "12 s", "4 min", "3 h", "2 d"."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < MINUTE:
        return ngettext("%(n)d s", "%(n)d s", seconds) % {"n": seconds}
    if seconds < HOUR:
        return ngettext("%(n)d min", "%(n)d min", seconds // MINUTE) % {"n": seconds // MINUTE}
    if seconds < DAY:
        return ngettext("%(n)d h", "%(n)d h", seconds // HOUR) % {"n": seconds // HOUR}
    return ngettext("%(n)d d", "%(n)d d", seconds // DAY) % {"n": seconds // DAY}


def ago(moment: datetime, now: datetime) -> str:
    span = now - moment
    return _("just now") if span < timedelta(seconds=1) else _("%(age)s ago") % {"age": age(span)}


def clock(moment: datetime, now: datetime) -> str:
    """A moment as short as it can be read: the time alone today, with the day before that."""
    return f"{moment:%H:%M}" if moment.date() == now.date() else stamp(moment, now)


def stamp(moment: datetime, now: datetime) -> str:
    """Day and time, with the year only when it is another one: "24 Nov 03:10", "16 Nov 2016 21:10"."""
    return f"{day(moment, now)} {moment:%H:%M}"


def day(moment: date, now: datetime | None = None) -> str:
    """A day, with its year unless that is this year."""
    # Put together by hand: Django's date format costs half a page of rows.
    month = _month(moment.month, get_language())
    return f"{moment.day} {month}" if now and moment.year == now.year else f"{moment.day} {month} {moment.year}"


def iso(moment: datetime) -> str:
    """A moment for `<time datetime>`, which takes at most three digits of a second."""
    return moment.isoformat(timespec="seconds")


def exact(moment: datetime) -> str:
    return f"{moment.day} {_month(moment.month, get_language())} {moment.year} {moment:%H:%M:%S} UTC"


@cache
def _month(number: int, language: str | None) -> str:
    """The short name of a month in the current language."""
    return str(MONTHS_3[number]).title()


def taken(after: datetime | None, before: datetime, source: str, key: datetime, now: datetime) -> Taken:
    """When a snapshot was taken and how we know. `source`: a `TakenFrom`, or ""."""
    how = origin(after, before, source)
    if key == UNDATED or after is None:
        return Taken(_("before %(day)s") % {"day": day(before, now)}, "", how)
    if after == before:
        return Taken(stamp(before, now), relative(before, now), how, iso(before), exact(before))
    return Taken(_range(after, before, now), _relative_range(after, before, now), how)


def origin(after: datetime | None, before: datetime, source: str) -> str:
    """How it is known when a snapshot was taken; "" where that is not said."""
    if after is None:
        return _("time not known")
    if after == before:
        return str(EXACT_ORIGINS.get(source, ""))
    return str(RANGE_ORIGINS.get(source) or _("between two syncs"))


def relative(moment: datetime, now: datetime) -> str:
    """An age up to 30 days; older things go by their date alone."""
    return ago(moment, now) if now - moment <= MOST_RELATIVE else ""


def _relative_range(after: datetime, before: datetime, now: datetime) -> str:
    if now - after > MOST_RELATIVE:
        return ""
    youngest, oldest = age(now - before), age(now - after)
    if youngest == oldest:
        return _("%(age)s ago") % {"age": oldest}
    number, __, unit = youngest.partition(" ")
    if oldest.endswith(f" {unit}"):
        return _("%(youngest)s–%(oldest)s ago") % {"youngest": number, "oldest": oldest}
    return _("%(youngest)s to %(oldest)s ago") % {"youngest": youngest, "oldest": oldest}


def _range(after: datetime, before: datetime, now: datetime) -> str:
    first, last = stamp(after, now), stamp(before, now)
    if first == last:
        return first
    if after.date() == before.date():
        return f"{first}–{before:%H:%M}"
    return f"{first} – {last}"
