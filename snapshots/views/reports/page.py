"""A month, or any range of days, on one page: to read, to print and to hand on."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.teams.access.guard import MemberRequest
from snapshots.lists import report as reports
from snapshots.lists.params import Links
from snapshots.lists.report import Range, Report, ReportFilters
from snapshots.models import Environment
from snapshots.text import times
from snapshots.text.labels import grouped
from snapshots.views.common.page_state import nothing_to_list, remember_team
from snapshots.views.reports import calendar, words
from snapshots.views.reports.table import Tables, bar

DAY = timedelta(days=1)


class Asked(NamedTuple):
    """What an address asks for."""

    range: Range
    filters: ReportFilters
    environments: list[Environment]
    now: datetime

    @property
    def query(self) -> str:
        """The range as the query string of an address."""
        return f"from={self.range.first.isoformat()}&to={self.range.last.isoformat()}"


@require_safe
def month(request: MemberRequest, team: str, month: str) -> HttpResponse:
    """The report of a month. A month that has not begun has none."""
    asked = read(request, month)
    return _page(request, asked, reverse("snapshots:report", args=[team, month]))


@require_safe
def any_range(request: MemberRequest, team: str) -> HttpResponse:
    """The report of `from` and `to`; without them, or if they are no range, the current month."""
    asked = read(request, "")
    if not request.GET.get("from") and not request.GET.get("to"):
        return HttpResponseRedirect(reverse("snapshots:report", args=[team, f"{asked.now:%Y-%m}"]))
    return _page(request, asked, reverse("snapshots:reports", args=[team]))


def read(request: MemberRequest, month: str) -> Asked:
    """Read an address. Raises Http404 for a month that is none, or that has not begun."""
    now = timezone.now()
    environments = Environment.objects.listed_of(request.team)
    filters = reports.parse(request.GET, environments)
    wanted = Range.named(month, now.date()) if month else _range(filters, now)
    if wanted is None:
        raise Http404
    return Asked(wanted, filters, environments, now)


def _range(filters: ReportFilters, now: datetime) -> Range:
    """What was asked for, as far as it is kept; the last 30 days up to an end that stands alone."""
    last = min(filters.to_date or now.date(), Range.of_month(now.date().replace(day=1)).last)
    first = min(filters.from_date or last - 29 * DAY, last, now.date())
    return Range(max(first, last - settings.HISTORY_DAYS * DAY), last)


def _page(request: MemberRequest, asked: Asked, url: str) -> HttpResponse:
    remember_team(request)
    empty = nothing_to_list(request.membership, asked.environments)
    title = words.range_text(asked.range)
    if empty is not None:
        return render(request, "snapshots/reports/page.html", {"title": title, "empty": empty})
    report = reports.make(request.team, asked.environments, asked.range, asked.now)
    links = Links(url, asked.filters)
    tables = Tables(report, asked.filters, links)
    context = context_of(report, tables) | {
        "months": calendar.months(report, reverse("snapshots:alerts", args=[request.team.slug])),
        "problems": asked.filters.problems,
        "before": _neighbour(request, asked, -1),
        "after": _neighbour(request, asked, 1),
        "range": asked.range,
        "range_url": reverse("snapshots:reports", args=[request.team.slug]),
        "exports": _exports(request, asked),
    }
    return render(request, "snapshots/reports/page.html", context)


def _exports(request: MemberRequest, asked: Asked) -> dict[str, str]:
    sort = "" if asked.filters.sort == reports.DEFAULT_SORT else f"&sort={asked.filters.sort}"
    kinds = ("xlsx", "csv", "json")
    return {
        kind: f"{reverse(f'snapshots:reports_{kind}', args=[request.team.slug])}?{asked.query}{sort}" for kind in kinds
    }


def context_of(report: Report, tables: Tables) -> dict[str, object]:
    """What the page of a team and the one of a shared link both show."""
    shares, runs = report.total.shares, report.total.runs
    made = min(1000, round(1000 * runs.made / runs.expected)) if runs.expected else 0
    return {
        "title": words.range_text(report.range),
        "so_far": "" if report.is_over else times.stamp(report.now, report.now),
        "first": times.day(report.range.first, report.now),
        "last": times.day(report.range.last, report.now),
        "made_at": times.stamp(report.now, report.now),
        "foot": _("%(team)s · %(range)s · generated %(time)s UTC")
        % {
            "team": report.team.name,
            "range": words.range_text(report.range),
            "time": f"{times.day(report.now)}, {report.now:%H:%M}",
        },
        "report": report,
        "sentences": words.sentences(report),
        "shares": words.shares_text(shares),
        "bar": bar(shares),
        "figures": [
            (_("Problems"), grouped(report.problem_counts.total), _ended(report)),
            (_("Runs expected"), grouped(runs.expected), ""),
            (_("Made"), grouped(runs.made), words.percent(made) if runs.expected else ""),
            (_("Failed"), grouped(runs.failed), ""),
            (_("Missed"), grouped(runs.missed), ""),
        ],
        "weekdays": calendar.weekdays(),
        "columns": tables.columns(),
        "rows": tables.rows(),
        "total": tables.total(),
        "problem_rows": tables.problems(),
        "problem_total": report.problem_counts.total,
        "gaps": tables.gaps(),
        "notes": words.notes(report),
    }


def _ended(report: Report) -> str:
    return _("%(number)s ended") % {"number": grouped(report.problem_counts.ended)}


def _neighbour(request: MemberRequest, asked: Asked, way: int) -> tuple[str, str] | None:
    """The name and the address of the month before, or after, if there may be figures of it."""
    if not asked.range.is_month:
        return None
    first = (asked.range.first - DAY if way < 0 else asked.range.last + DAY).replace(day=1)
    oldest = asked.now.date() - settings.HISTORY_DAYS * DAY
    if first > asked.now.date() or Range.of_month(first).last < oldest:
        return None
    url = reverse("snapshots:report", args=[request.team.slug, f"{first:%Y-%m}"])
    return words.range_text(Range.of_month(first)), url
