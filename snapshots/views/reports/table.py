"""The tables of a report: its volumes, its problems, its times without complete data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import F, Value
from django.db.models.fields import DateTimeField
from django.db.models.functions import Coalesce, Least
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
    """The tables of one report."""

    report: Report
    filters: ReportFilters
    links: Links

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
        return Column(key, label, self.links.to(sort=wanted), direction)

    def rows(self) -> list[VolumeRow]:
        """The volumes one by one, as many as are to be shown; the others together."""
        report, ordered = self.report, self.report.ordered(self.filters.sort)
        most = MOST_SHOWN if self.filters.rows else MOST_LISTED
        if not self.filters.rows and self.filters.sort == "-not_met":
            most = min(most, max(len(report.listed), min(len(ordered), 10)))
        shown, rest = ordered[:most], ordered[most:]
        if len(rest) == 1:
            shown, rest = ordered, []
        rows = [self._one(line) for line in shown]
        return [*rows, self._rest(rest, is_calm=most >= len(report.listed))] if rest else rows

    def total(self) -> VolumeRow:
        line, number = self.report.total, len(self.report.lines)
        name = ngettext("%(n)s volume", "%(n)s volumes", number) % {"n": grouped(number)}
        return self._summed(line, name, "")

    def _rest(self, lines: Sequence[Line], *, is_calm: bool) -> VolumeRow:
        name = ngettext("%(n)s more volume", "%(n)s more volumes", len(lines)) % {"n": grouped(len(lines))}
        is_default = is_calm and self.filters.sort == "-not_met"
        place = _("not met for 4 h or less each") if is_default else ""
        url = "" if self.filters.rows else self.links.to(rows="all")
        return self._summed(together("", lines), name, place, url)

    def _summed(self, line: Line, name: str, place: str, url: str = "") -> VolumeRow:
        longest = problem_labels.length(line.runs.longest) if line.runs.longest else "–"
        return _row(line, name=name, place=place, url=url, rule="–", runs=_runs(line), longest=longest)

    def _one(self, line: Line) -> VolumeRow:
        environment = line.environment
        assert environment is not None
        place = [self.report.team.slug, environment.service_code, environment.name, line.volume_id]
        return _row(
            line,
            name=volume_name(line.volume_id, line.name),
            place=" · ".join(filter(None, [line.instance, environment.place])),
            url=reverse("snapshots:volume", args=place),
            rule=words.rule_text(line.hours.rule),
            rule_since=words.rule_since(line, self.report),
            runs=_runs(line, self._changes_url(line)) if line.has_schedule else (),
            longest=words.longest_text(line.runs, line),
        )

    def _changes_url(self, line: Line) -> str:
        wanted = self.report.range
        place = reverse("snapshots:changes", args=[self.report.team.slug])
        return f"{place}?volume_id={line.volume_id}&from={wanted.first.isoformat()}&to={wanted.last.isoformat()}"

    def problems(self) -> list[ProblemRow]:
        """The problems of the range that lasted longest up to its end."""
        until = Value(self.report.span.until, DateTimeField())
        ended = Least(Coalesce("ended_at", until), until)
        found = self.report.problems.select_related("volume").annotate(length=ended - F("began_at"))
        return [self._problem(problem) for problem in found.order_by("-length", "pk")[:MOST_PROBLEMS]]

    def _problem(self, problem: Problem) -> ProblemRow:
        now, until = self.report.now, self.report.span.until
        end = min(problem.ended_at or until, until)
        last = times.stamp(end, now) if problem.ended_at == end else _("open")
        said = [problem.note, problem.ticket, problem.acknowledged_by.partition("@")[0]]
        return ProblemRow(
            str(problem.volume),
            f"{problem_labels.began(problem, now)} – {last}",
            problem_labels.badge(problem.kind),
            problem_labels.length(end - problem.began_at),
            " · ".join(filter(None, said)),
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


def _row(line: Line, *, rule_since: str = "", **own: Any) -> VolumeRow:
    """Make a row of a line's figures. `own`: what the kind of line says of itself."""
    shares = line.shares
    return VolumeRow(
        rule_since=rule_since,
        met=words.percent(shares.met),
        is_bad=bool(line.hours.not_met),
        bar=bar(shares),
        not_met=words.hours(line.hours.not_met),
        unknown=words.hours(line.hours.unknown),
        problems=grouped(line.problems),
        **own,
    )


def _runs(line: Line, url: str = "") -> list[Count]:
    """How many runs were expected, made, failed and missed. `url`: the changes of one volume."""
    runs = line.runs
    failed, missed = (f"{url}&kind=failed&kind=vanished", f"{url}&rotated=yes") if url else ("", "")
    return [
        Count(grouped(runs.expected)),
        Count(grouped(runs.made)),
        Count(grouped(runs.failed), failed if runs.failed else "", runs.failed > 0),
        Count(grouped(runs.missed), missed if runs.missed else "", runs.missed > 0),
    ]


def bar(shares: Shares) -> list[tuple[str, str, str]]:
    """The parts of a bar: each its name in CSS, where it begins and its width, in percent."""
    starts = (0, shares.met, shares.met + shares.not_met)
    parts = zip(("met", "not-met", "unknown"), starts, shares, strict=True)
    return [(name, f"{start / 10:.1f}", f"{width / 10:.1f}") for name, start, width in parts if width]
