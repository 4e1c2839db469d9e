"""The tables of a report: its volumes, its problems, its times without complete data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import F, Value
from django.db.models.fields import DateTimeField
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from snapshots.lists.params import Links
from snapshots.lists.report import MOST_LISTED, MOST_PROBLEMS, MOST_SHOWN, Line, Report, ReportFilters, Shares, together
from snapshots.models import Problem
from snapshots.text import problem_labels, times
from snapshots.text.labels import Badge, grouped, volume_name
from snapshots.views.common.components import Column
from snapshots.views.reports import words


class Count(NamedTuple):
    """A number of runs; `url`: the changes behind it. It is a warning where it says that something went wrong."""

    text: str
    url: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class VolumeRow:
    """One volume, several together, or all. `runs`: empty without a schedule."""

    name: str
    place: str
    url: str
    rule: str
    rule_since: str
    met: str
    is_bad: bool
    bar: Sequence[tuple[str, str, str]]
    not_met: str
    unknown: str
    problems: str
    runs: Sequence[Count]
    longest: str


class ProblemRow(NamedTuple):
    volume: str
    times: str
    badge: Badge
    length: str
    note: str


class GapRow(NamedTuple):
    place: str
    times: str
    cause: str
    length: str
    volumes: str


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one report. `is_outside`: for people without an account, who get no address of the dashboard."""

    report: Report
    filters: ReportFilters
    links: Links | None
    is_outside: bool = False
    shows_notes: bool = True

    def columns(self) -> list[Column]:
        labels = {
            "name": _("Volume"),
            "met": _("Met"),
            "not_met": _("not met"),
            "unknown": _("unknown"),
            "problems": _("Problems"),
            "expected": _("expected"),
            "made": _("made"),
            "failed": _("failed"),
            "missed": _("missed"),
            "longest": _("Longest gap"),
        }
        return [self._column(key, label) for key, label in labels.items()]

    def _column(self, key: str, label: str) -> Column:
        now = self.filters.sort
        is_down = now == f"-{key}" if now.removeprefix("-") == key else key == "name"
        direction = ("descending" if now.startswith("-") else "ascending") if now.removeprefix("-") == key else ""
        wanted = key if is_down else f"-{key}"
        return Column(key, label, self.links.to(sort=wanted) if self.links else "", direction)

    def rows(self) -> list[VolumeRow]:
        """The volumes one by one, as many as are to be shown; the others together."""
        report, ordered = self.report, self.report.ordered(self.filters.sort)
        most = MOST_SHOWN if self.filters.rows else MOST_LISTED
        if not self.filters.rows and self.filters.sort == "-not_met":
            most = min(most, max(len(report.listed), min(len(ordered), 10)))
        shown, rest = ordered[:most], ordered[most:]
        if len(rest) == 1:
            shown, rest = ordered, []
        rows = [self._row(line) for line in shown]
        return [*rows, self._rest(rest, is_calm=most >= len(report.listed))] if rest else rows

    def total(self) -> VolumeRow:
        line, number = self.report.total, len(self.report.lines)
        name = ngettext("%(n)s volume", "%(n)s volumes", number) % {"n": grouped(number)}
        return self._summed(line, name, "", self.report.lines)

    def _rest(self, lines: Sequence[Line], *, is_calm: bool) -> VolumeRow:
        name = ngettext("%(n)s more volume", "%(n)s more volumes", len(lines)) % {"n": grouped(len(lines))}
        is_default = is_calm and self.filters.sort == "-not_met"
        place = _("not met for 4 h or less each") if is_default else ""
        url = self.links.to(rows="all") if self.links and not self.filters.rows else ""
        return self._summed(together("", lines), name, place, lines, url)

    def _summed(self, line: Line, name: str, place: str, lines: Sequence[Line], url: str = "") -> VolumeRow:
        runs = [
            Count(grouped(line.runs.expected)),
            Count(grouped(line.runs.made)),
            Count(grouped(line.runs.failed), is_bad=bool(line.runs.failed)),
            Count(grouped(line.runs.missed), is_bad=bool(line.runs.missed)),
        ]
        longest = problem_labels.length(line.runs.longest) if line.runs.longest else "–"
        return self._cells(line, name, place, url, "–", "", runs, longest)

    def _row(self, line: Line) -> VolumeRow:
        environment = line.environment
        assert environment is not None
        parts = [line.instance, environment.place]
        url = (
            ""
            if self.is_outside
            else reverse(
                "snapshots:volume",
                args=[self.report.team.slug, environment.service_code, environment.name, line.volume_id],
            )
        )
        rule, since = words.rule_text(line.hours.rule), words.rule_since(line, self.report)
        runs = self._runs(line) if line.has_schedule else []
        longest = words.longest_text(line.runs, line)
        place = " · ".join(part for part in parts if part)
        return self._cells(line, volume_name(line.volume_id, line.name), place, url, rule, since, runs, longest)

    def _cells(
        self,
        line: Line,
        name: str,
        place: str,
        url: str,
        rule: str,
        since: str,
        runs: Sequence[Count],
        longest: str,
    ) -> VolumeRow:
        shares = line.shares
        return VolumeRow(
            name,
            place,
            url,
            rule,
            since,
            words.percent(shares.met),
            bool(line.hours.not_met),
            bar(shares),
            words.hours(line.hours.not_met),
            words.hours(line.hours.unknown),
            grouped(line.problems),
            runs,
            longest,
        )

    def _runs(self, line: Line) -> list[Count]:
        runs = line.runs
        url = "" if self.is_outside else self._changes_url(line)
        return [
            Count(grouped(runs.expected)),
            Count(grouped(runs.made)),
            Count(
                grouped(runs.failed), f"{url}&kind=failed&kind=vanished" if url and runs.failed else "", runs.failed > 0
            ),
            Count(grouped(runs.missed), f"{url}&rotated=yes" if url and runs.missed else "", runs.missed > 0),
        ]

    def _changes_url(self, line: Line) -> str:
        wanted = self.report.range
        place = reverse("snapshots:changes", args=[self.report.team.slug])
        return f"{place}?volume_id={line.volume_id}&from={wanted.first.isoformat()}&to={wanted.last.isoformat()}"

    def problems(self) -> list[ProblemRow]:
        """The longest problems of the range, and those with notes first among equals."""
        until = self.report.span.until
        ended = Coalesce("ended_at", Value(until, DateTimeField()))
        found = self.report.problems.select_related("volume").annotate(length=ended - F("began_at"))
        return [self._problem(problem) for problem in found.order_by("-length", "pk")[:MOST_PROBLEMS]]

    def _problem(self, problem: Problem) -> ProblemRow:
        now, until = self.report.now, self.report.span.until
        is_over = problem.ended_at is not None and problem.ended_at <= until
        end = problem.ended_at if is_over and problem.ended_at else until
        last = times.stamp(end, now) if is_over else _("open")
        said = [problem.note, problem.ticket] if self.shows_notes else []
        if not self.is_outside:
            said.append(problem.acknowledged_by.partition("@")[0])
        return ProblemRow(
            str(problem.volume),
            f"{problem_labels.began(problem, now)} – {last}",
            problem_labels.badge(problem.kind),
            problem_labels.length(end - problem.began_at),
            " · ".join(part for part in said if part),
        )

    def gaps(self) -> list[GapRow]:
        now, places = self.report.now, {each.pk: each.place for each in self.report.environments}
        return [
            GapRow(
                places[gap.environment],
                f"{times.stamp(gap.span.since, now)} – {times.stamp(gap.span.until, now) if gap.is_over else _('now')}",
                words.gap_cause(gap),
                problem_labels.length(gap.span.length),
                grouped(self.report.gap_volumes(gap)),
            )
            for gap in self.report.gaps[:MOST_PROBLEMS]
        ]


def bar(shares: Shares) -> list[tuple[str, str, str]]:
    """The parts of a bar: each its name in CSS, where it begins and its width, in percent."""
    starts = (0, shares.met, shares.met + shares.not_met)
    parts = zip(("met", "not-met", "unknown"), starts, shares, strict=True)
    return [(name, f"{start / 10:.1f}", f"{width / 10:.1f}") for name, start, width in parts if width]
