"""The days of a report as calendar months: how many volumes were not met, and when there was no complete data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from django.utils.dates import MONTHS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from snapshots.lists.report import Report
from snapshots.text import times
from snapshots.text.labels import grouped

DAY = timedelta(days=1)
MANY = 10
MOST_MONTHS = 3


class Cell(NamedTuple):
    """One day; without a number it is not in the range, or not yet over. `tone` is its class."""

    number: str = ""
    mark: str = ""
    volumes: str = ""
    tone: str = ""
    label: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Month:
    name: str
    weeks: Sequence[Sequence[Cell]]


def weekdays() -> list[str]:
    return [str(WEEKDAYS_ABBR[number]) for number in range(7)]


def months(report: Report, alerts_url: str) -> list[Month]:
    """The months of a report; none where they are too many."""
    first = report.range.first.replace(day=1)
    found = []
    while first <= report.range.last:
        following = (first + 31 * DAY).replace(day=1)
        found.append(Month(f"{MONTHS[first.month]} {first.year}", list(_weeks(report, first, following, alerts_url))))
        first = following
    return found if len(found) <= MOST_MONTHS else []


def _weeks(report: Report, first: date, following: date, alerts_url: str) -> Iterator[list[Cell]]:
    cells = [Cell()] * first.weekday()
    day = first
    while day < following:
        cells.append(_cell(report, day, alerts_url))
        day += DAY
    cells += [Cell()] * (-len(cells) % 7)
    for start in range(0, len(cells), 7):
        yield cells[start : start + 7]


def _cell(report: Report, day: date, alerts_url: str) -> Cell:
    number, name = str(day.day), times.day(day, report.now)
    if not report.range.first <= day <= report.range.last or day > report.now.date():
        return Cell(number, tone="out")
    days = report.days
    not_met, unknown = days.not_met.get(day, 0), days.unknown.get(day, 0)
    url = f"{alerts_url}?from={day.isoformat()}&to={day.isoformat()}"
    if not days.counted.get(day):
        return Cell(number, "–", "", "none", _("%(day)s: nothing counted") % {"day": name}, url)
    if unknown > not_met and _has_gap(report, day):
        text = ngettext(
            "%(day)s: %(n)s volume without complete data", "%(day)s: %(n)s volumes without complete data", unknown
        )
        return Cell(number, "?", grouped(unknown), "unknown", text % {"day": name, "n": grouped(unknown)}, url)
    if not_met:
        text = ngettext("%(day)s: %(n)s volume not met", "%(day)s: %(n)s volumes not met", not_met)
        mark, tone = ("✕", "bad") if not_met >= MANY else ("!", "warn")
        return Cell(number, mark, grouped(not_met), tone, text % {"day": name, "n": grouped(not_met)}, url)
    return Cell(number, "✓", "", "ok", _("%(day)s: none not met") % {"day": name}, url)


def _has_gap(report: Report, day: date) -> bool:
    return any(gap.span.since.date() <= day <= gap.span.until.date() for gap in report.gaps)
