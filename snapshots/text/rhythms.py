"""A rhythm in words: its name as a schedule, when it runs, and the evidence for it."""

from collections.abc import Mapping

from django.utils.dates import WEEKDAYS as DAYS
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from snapshots.rules.rhythms import DAILY, HOURLY, MONTHLY, WEEKDAYS, WEEKLY, Rhythm
from snapshots.text.labels import grouped

NAMES: Mapping[str, str | Promise] = {
    HOURLY: gettext_lazy("Hourly rhythm"),
    DAILY: gettext_lazy("Daily rhythm"),
    WEEKDAYS: gettext_lazy("Weekday rhythm"),
    WEEKLY: gettext_lazy("Weekly rhythm"),
    MONTHLY: gettext_lazy("Monthly rhythm"),
}
TIMES: Mapping[str, str | Promise] = {
    HOURLY: gettext_lazy("Hourly about minute %(minute)d"),
    DAILY: gettext_lazy("Daily about %(time)s"),
    WEEKDAYS: gettext_lazy("%(days)s about %(time)s"),
    WEEKLY: gettext_lazy("Weekly: %(days)s about %(time)s"),
    MONTHLY: gettext_lazy("Monthly: day %(day)d about %(time)s"),
}
EVIDENCE: Mapping[str, str | Promise] = {
    HOURLY: gettext_lazy("%(hits)d of the last %(of)d hours"),
    DAILY: gettext_lazy("%(hits)d of the last %(of)d days"),
    WEEKDAYS: gettext_lazy("%(hits)d of the last %(of)d such days"),
    WEEKLY: gettext_lazy("%(hits)d of the last %(of)d weeks"),
    MONTHLY: gettext_lazy("%(hits)d of the last %(of)d months"),
}
# What a volume, or several, look like; times as of `_words`.
LOOKS = {
    HOURLY: ngettext_lazy("%(n)s volume looks hourly.", "%(n)s volumes look hourly.", "number"),
    DAILY: ngettext_lazy(
        "%(n)s volume looks daily about %(time)s.", "%(n)s volumes look daily about %(time)s.", "number"
    ),
    WEEKDAYS: ngettext_lazy(
        "%(n)s volume looks steady: %(days)s about %(time)s.",
        "%(n)s volumes look steady: %(days)s about %(time)s.",
        "number",
    ),
    WEEKLY: ngettext_lazy(
        "%(n)s volume looks weekly: %(days)s about %(time)s.",
        "%(n)s volumes look weekly: %(days)s about %(time)s.",
        "number",
    ),
    MONTHLY: ngettext_lazy(
        "%(n)s volume looks monthly: day %(day)d about %(time)s.",
        "%(n)s volumes look monthly: day %(day)d about %(time)s.",
        "number",
    ),
}
WORKING_DAYS = "01234"


def times_of(rhythm: Rhythm) -> str:
    """When it runs, in UTC: "Daily about 02:00"."""
    return str(TIMES[rhythm.kind]) % _words(rhythm)


def looks(rhythm: Rhythm, number: int) -> str:
    """How a number of volumes look, as a sentence: "12 volumes look daily about 02:00."."""
    return str(LOOKS[rhythm.kind] % ({"number": number, "n": grouped(number)} | _words(rhythm)))


def evidence(rhythm: Rhythm, hits: int, of: int) -> str:
    """How steady it was: "14 of the last 14 days". At least five were expected."""
    return str(EVIDENCE[rhythm.kind]) % {"hits": hits, "of": of}


def _words(rhythm: Rhythm) -> dict[str, object]:
    day, minute = divmod(rhythm.minute, 24 * 60)
    time = f"{minute // 60:02}:{minute % 60:02}"
    return {"time": time, "minute": minute, "day": day + 1, "days": _days(rhythm, day)}


def _days(rhythm: Rhythm, day: int) -> str:
    if rhythm.kind == WEEKLY:
        return str(DAYS[day])
    if rhythm.weekdays == WORKING_DAYS:
        return _("Monday to Friday")
    return ", ".join(str(WEEKDAYS_ABBR[int(digit)]) for digit in rhythm.weekdays)
