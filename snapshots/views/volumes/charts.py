"""The pictures above the volumes: ages of the newest usable snapshots, and how the volumes stood day by day.

Drawn here, as paths and widths; the text beside them has the same content.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from snapshots.lists.params import Links
from snapshots.lists.volume_filters import BANDS, NO_AGE, OLDER, VolumeFilters
from snapshots.lists.volume_list import band_counts, narrowed
from snapshots.text import times
from snapshots.text.labels import grouped
from snapshots.verdicts import daily
from snapshots.verdicts.daily import DAYS, SHARES, Day
from snapshots.verdicts.sql import DataAges
from snapshots.views.common.list_page import View, kept_part

BAR_WIDTH = 100
STEP, HEIGHT = 8, 100
LEAST_DRAWN = 2
# The upper ends that the picture's axis may have, times a power of ten.
AXIS_ENDS = (1, 2, 3, 5, 10)
# What is drawn, from the ground up: the fresh ones, nearly all as a rule, would leave no room for a change of three.
DRAWN = SHARES[:-1]
FILLS = {"problem": "url(#hatched)", "unknown": "url(#dotted)"}
AGE_LABELS: Mapping[str, str | Promise] = {
    "1d": gettext_lazy("under 24 hours"),
    "7d": gettext_lazy("1 to 7 days"),
    "30d": gettext_lazy("7 to 30 days"),
    OLDER: gettext_lazy("older, or unknown"),
    NO_AGE: gettext_lazy("none"),
}
SHARE_LABELS: Mapping[str, str | Promise] = {
    "none": gettext_lazy("No usable snapshot"),
    "problem": gettext_lazy("Late, stuck or failing"),
    "unknown": pgettext_lazy("verdict", "Unknown"),
    "good": pgettext_lazy("verdict", "Fresh"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A band of ages; `width` of 100. `url` shows its volumes."""

    label: str
    number: str
    width: int
    tone: str
    url: str


@dataclass(frozen=True, slots=True)
class Share:
    """All columns' parts of one verdict, as one SVG path; `fill`: its pattern, if it has one."""

    name: str
    label: str
    d: str
    fill: str = ""


def charts(view: View[VolumeFilters], *, with_ages: bool) -> SafeString:
    """Return both charts of all the team's volumes, regardless of filters; made at most once a minute.

    `with_ages`: not where the page's tiles are the same numbers.
    """

    def make() -> str:
        return render_to_string("snapshots/volumes/_charts.html", _context(view, with_ages=with_ages))

    excluded = [(one.listed_at, one.excluded_until) for one in view.environments]
    return SafeString(kept_part(view, "charts", str, make, excluded, with_ages, query=""))


def _context(view: View[VolumeFilters], *, with_ages: bool) -> dict[str, object]:
    now = view.now
    days = daily.history(view.environments, now.date())
    top = axis_end(max((_drawn(day) for day in days), default=0))
    context: dict[str, object] = {
        "shares": shares(days, top),
        "top": grouped(top),
        "width": DAYS * STEP,
        "height": HEIGHT,
        "first_day": _day(days[0].day, now),
        "last_day": _day(days[-1].day, now),
        "sentences": list(sentences(days, now)),
        "table": [(_day(day.day, now), day) for day in reversed(days) if day.total],
    }
    if with_ages:
        filters, ages = VolumeFilters(), DataAges.of(view.environments, now)
        counts = band_counts(narrowed(view.environments, filters, ages), ages)
        context["bars"] = bars(counts, Links(view.prefix, filters))
    return context


def bars(counts: Mapping[str, int], links: Links) -> list[Bar]:
    """Return one bar per band, the longest at full width; any number above zero is visible."""
    most = max(counts.values(), default=0)
    return [
        Bar(
            label=str(AGE_LABELS[band]),
            number=grouped(counts[band]),
            width=_width(counts[band], most),
            # An age alone is neither good nor bad: that is for the targets to say.
            tone="none" if band == NO_AGE else "some",
            url=links.to(ages=(band,)),
        )
        for band in BANDS
    ]


def _width(number: int, most: int) -> int:
    return max(LEAST_DRAWN, round(BAR_WIDTH * number / most)) if number else 0


def axis_end(most: int) -> int:
    """The least round number that is as large."""
    scale: int = 10 ** (len(str(max(most, 1))) - 1)
    return next(end * scale for end in AXIS_ENDS if end * scale >= most)


def shares(days: Sequence[Day], top: int) -> list[Share]:
    """The columns, by verdict, up to `top` volumes; days without a complete list are a dashed gap."""
    drawn = dict.fromkeys(DRAWN, "")
    gaps = ""
    known = [place for place, day in enumerate(days) if day.total]
    for place, day in enumerate(days):
        if not day.total and known and place > known[0]:
            # A step of the frame; a gap of several days has no lines within.
            gaps += f"M{place * STEP} 0h{STEP}" + (f"m-{STEP} 0V{HEIGHT}" if days[place - 1].total else "")
            gaps += f"M{(place + 1) * STEP} 0V{HEIGHT}" if place + 1 == len(days) or days[place + 1].total else ""
        for name, upper, lower in _column(day, top):
            drawn[name] += f"M{place * STEP} {upper}h{STEP}V{lower}h-{STEP}z"
    named = [Share(name, str(SHARE_LABELS[name]), drawn[name], FILLS.get(name, "")) for name in DRAWN]
    return [*named, Share("no-list", _("No complete data"), gaps)] if gaps else named


def _column(day: Day, top: int) -> Iterator[tuple[str, int, int]]:
    """Each part's upper and lower end, the worst at the ground. What is there is seen, however few."""
    lower = HEIGHT
    for name in DRAWN:
        number = getattr(day, name)
        if number:
            upper = max(0, lower - max(LEAST_DRAWN, round(HEIGHT * number / top)))
            yield name, upper, lower
            lower = upper


def _drawn(day: Day) -> int:
    return day.none + day.problem + day.unknown


def sentences(days: Sequence[Day], now: datetime) -> Iterator[str]:
    """What the columns show, in words: the newest day, the worst, the days without a list."""
    seen = [day for day in days if day.total]
    if not seen:
        yield _("No data yet. Each day with a complete list adds a column.")
        return
    yield _("Worst point on %(day)s: %(numbers)s.") % {
        "day": _day(seen[-1].day, now),
        "numbers": _numbers(seen[-1]),
    }
    worst = max(seen, key=lambda day: (day.bad_share, day.day))
    if worst.bad and worst is not seen[-1]:
        yield _("Worst day, %(day)s: %(numbers)s.") % {"day": _day(worst.day, now), "numbers": _numbers(worst)}
    silent = [day for day in days if not day.total and day.day > seen[0].day]
    if silent:
        text = ngettext("No complete data on %(n)d day.", "No complete data on %(n)d days.", len(silent))
        yield text % {"n": len(silent)}


def _numbers(day: Day) -> str:
    text = _("%(bad)s of %(total)s with a problem (%(share)s)") % {
        "bad": grouped(day.bad),
        "total": grouped(day.total),
        "share": _percent(day),
    }
    if not day.unknown:
        return text
    return _("%(text)s, %(n)s unknown") % {"text": text, "n": grouped(day.unknown)}


def _percent(day: Day) -> str:
    percent = 100 * day.bad_share
    if 0 < percent < 1:
        return _("under %(n)d%%") % {"n": 1}
    # 100 % only if all are bad.
    return _("%(n)d%%") % {"n": 100 if day.bad == day.total else min(99, round(percent))}


def _day(day: date, now: datetime) -> str:
    return times.day(datetime.combine(day, time.min, UTC), now)
