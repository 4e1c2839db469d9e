"""A team's report: for each volume how long its rule was met in a range of days, its runs and its problems."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any, NamedTuple, Self

from django.conf import settings
from django.db.models import Count, Exists, F, Min, OuterRef, Q
from django.http import QueryDict

from dashboard.teams.models import Team
from snapshots.lists.params import DatedFilters, Reader, one_of
from snapshots.models import Environment, Problem, RuleTime, Volume
from snapshots.models.problem import ProblemQuerySet
from snapshots.verdicts.rule_hours import Days, Gap, Hours, Span, rule_hours
from snapshots.verdicts.run_counts import Runs, run_counts
from snapshots.verdicts.sql import DataAges, is_checked

DAY, NOTHING = timedelta(days=1), timedelta()
DEFAULT_SORT = "-not_met"
SORTS = ("name", "met", "not_met", "unknown", "problems", "expected", "made", "failed", "missed", "longest")
# Volumes not met for longer are listed one by one on the page and on paper.
LISTED_FROM = timedelta(hours=4)
MOST_LISTED, MOST_SHOWN, MOST_PROBLEMS = 50, 1_000, 100
TENTHS = 1000
FIRST_YEAR = 2000


class Range(NamedTuple):
    """Days (UTC), both meant."""

    first: date
    last: date

    @classmethod
    def of_month(cls, first: date) -> Self:
        return cls(first, (first + 31 * DAY).replace(day=1) - DAY)

    @classmethod
    def named(cls, month: str, today: date) -> Self | None:
        """Read a month as "2026-11"; None if it is none, has not begun, or is before 2000."""
        try:
            first = date.fromisoformat(f"{month}-01")
        except ValueError:
            return None
        return cls.of_month(first) if first <= today and first.year >= FIRST_YEAR else None

    @property
    def is_month(self) -> bool:
        return self == Range.of_month(self.first.replace(day=1))

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def words(self) -> tuple[str, ...]:
        """What a file's name says of it."""
        if self.is_month:
            return (f"{self.first:%Y-%m}",)
        return (f"{self.first:%Y%m%d}", f"{self.last:%Y%m%d}")

    def span(self, now: datetime) -> Span:
        """Its time so far."""
        begin = datetime.combine(self.first, time.min, UTC)
        return Span(begin, max(begin, min(datetime.combine(self.last + DAY, time.min, UTC), now)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFilters(DatedFilters):
    """What a report shows: its order, and whether volumes with hardly any time not met are listed too."""

    PARAMETERS = {"from_date": "from", "to_date": "to", "sort": "sort", "rows": "rows"}
    ORDER = ("sort", "rows")

    sort: str = DEFAULT_SORT
    rows: str = ""


def parse(query: QueryDict, environments: Sequence[Environment]) -> ReportFilters:
    """Read a query string. Never raises: invalid values are listed in `problems`."""
    read = Reader(query, environments)
    first, last = read.days()
    sort, rows = read.sort(SORTS), read.one("rows", one_of({"all"}))
    return ReportFilters(
        from_date=first, to_date=last, sort=sort or DEFAULT_SORT, rows=rows or "", problems=tuple(read.problems)
    )


class Shares(NamedTuple):
    """Met, not met and unknown in tenths of a percent. They add up to 1000; nothing that was is rounded to 0."""

    met: int
    not_met: int
    unknown: int

    @classmethod
    def of(cls, met: timedelta, not_met: timedelta, unknown: timedelta) -> Self:
        total = met + not_met + unknown
        if not total:
            return cls(0, 0, 0)
        parts = [max(round(TENTHS * part / total), 1) if part else 0 for part in (met, not_met, unknown)]
        parts[parts.index(max(parts))] += TENTHS - sum(parts)
        return cls(*parts)


@dataclass(slots=True)
class Line:
    """One volume, or several together."""

    name: str
    instance: str = ""
    volume_id: str = ""
    pk: int = 0
    environment: Environment | None = None
    hours: Hours = field(default_factory=lambda: Hours(0, 0))
    runs: Runs = field(default_factory=Runs)
    problems: int = 0

    @property
    def shares(self) -> Shares:
        return Shares.of(self.hours.met, self.hours.not_met, self.hours.unknown)

    @property
    def has_schedule(self) -> bool:
        return any(rule.schedules for rule, _span in self.hours.counted) or self.runs.expected > 0

    def add(self, other: "Line") -> None:
        self.hours.met += other.hours.met
        self.hours.not_met += other.hours.not_met
        self.hours.unknown += other.hours.unknown
        self.runs.expected += other.runs.expected
        self.runs.made += other.runs.made
        self.runs.failed += other.runs.failed
        self.runs.missed += other.runs.missed
        self.runs.longest = max((each for each in (self.runs.longest, other.runs.longest) if each), default=None)
        self.problems += other.problems


class ProblemCounts(NamedTuple):
    total: int
    ended: int
    acknowledged: int


@dataclass(frozen=True)
class Report:
    """The figures of a range. `since`: the first day of which there are figures, if that is later than asked."""

    team: Team
    environments: Sequence[Environment]
    range: Range
    span: Span
    now: datetime
    lines: Sequence[Line]
    days: Days
    gaps: Sequence[Gap]
    problem_counts: ProblemCounts
    since: date | None
    excluded: Sequence[Volume]

    @property
    def is_over(self) -> bool:
        return self.range.last < self.now.date()

    @cached_property
    def total(self) -> Line:
        return together("", self.lines)

    @cached_property
    def listed(self) -> Sequence[Line]:
        """The volumes that a manager should see."""
        return [line for line in self.lines if line.hours.not_met > LISTED_FROM]

    @property
    def problems(self) -> ProblemQuerySet:
        return problems_of(self.environments, self.span)

    def ordered(self, sort: str) -> list[Line]:
        name, is_down = sort.removeprefix("-"), sort.startswith("-")
        by_name = sorted(self.lines, key=lambda line: (line.name.casefold(), line.volume_id))
        worst_first = sorted(by_name, key=lambda line: (line.hours.not_met, line.hours.unknown), reverse=True)
        return sorted(by_name if name == "name" else worst_first, key=_KEYS[name], reverse=is_down)

    def gap_volumes(self, gap: Gap) -> int:
        """How many volumes of its environment are counted in the range."""
        return self._volumes_of[gap.environment]

    @cached_property
    def _volumes_of(self) -> Counter[int]:
        return Counter(line.hours.environment for line in self.lines)


_KEYS: Mapping[str, Callable[[Line], Any]] = {
    "name": lambda line: line.name.casefold(),
    "met": lambda line: line.hours.met / line.hours.total if line.hours.total else 0.0,
    "not_met": lambda line: (line.hours.not_met, line.hours.unknown),
    "unknown": lambda line: line.hours.unknown,
    "problems": lambda line: line.problems,
    "expected": lambda line: line.runs.expected,
    "made": lambda line: line.runs.made,
    "failed": lambda line: line.runs.failed,
    "missed": lambda line: line.runs.missed,
    "longest": lambda line: timedelta.max if line.runs.longest is None else line.runs.longest,
}


def together(name: str, lines: Iterable[Line]) -> Line:
    found = Line(name)
    for line in lines:
        found.add(line)
    return found


def problems_of(environments: Sequence[Environment], span: Span) -> ProblemQuerySet:
    """The problems that were open at some time of a range, of volumes that were counted in it."""
    lasts = Q(ended_at__isnull=True) | Q(ended_at__gt=span.since)
    is_any = Q(ended_at__isnull=True) | Q(ended_at__gt=F("began_at"))
    counted = RuleTime.objects.filter(lasts, is_any, volume=OuterRef("volume"), began_at__lt=span.until)
    found = Problem.objects.filter(environment__in=environments, volume__isnull=False, began_at__lt=span.until)
    return found.filter(lasts, Exists(counted))


def make(team: Team, environments: Sequence[Environment], wanted: Range, now: datetime) -> Report:
    """Work out a report. What it holds in memory grows with the number of volumes alone."""
    span = wanted.span(now)
    hours = rule_hours(environments, span, now)
    runs = run_counts(environments, hours, span, now)
    problems = problems_of(environments, span)
    counts = dict[Any, int](problems.order_by().values_list("volume").annotate(Count("pk")))
    places = {each.pk: each for each in environments}
    names = Volume.objects.filter(environment__in=environments).values_list("pk", "name", "instance_name", "volume_id")
    lines = [
        Line(
            name=name or volume_id,
            instance=instance,
            volume_id=volume_id,
            pk=pk,
            environment=places[hours.volumes[pk].environment],
            hours=hours.volumes[pk],
            runs=runs[pk],
            problems=counts.get(pk, 0),
        )
        for pk, name, instance, volume_id in names.iterator()
        if pk in hours.volumes
    ]
    numbers = problems.aggregate(
        ended=Count("pk", filter=Q(ended_at__lte=span.until)),
        acknowledged=Count("pk", filter=Q(acknowledged_at__isnull=False)),
    )
    return Report(
        team=team,
        environments=environments,
        range=wanted,
        span=span,
        now=now,
        lines=lines,
        days=hours.days,
        gaps=hours.gaps,
        problem_counts=ProblemCounts(sum(counts.values()), numbers["ended"], numbers["acknowledged"]),
        since=_since(environments, span, now),
        excluded=_excluded(environments, now),
    )


def _since(environments: Sequence[Environment], span: Span, now: datetime) -> date | None:
    """The first day with figures, if there are none for the days before it: not stored yet, or deleted since."""
    first = RuleTime.objects.filter(environment__in=environments).aggregate(first=Min("began_at"))["first"]
    if first is None:
        return None
    kept = max(first, now - timedelta(days=settings.HISTORY_DAYS)).astimezone(UTC)
    return kept.date() if kept.date() > span.since.date() else None


def _excluded(environments: Sequence[Environment], now: datetime) -> list[Volume]:
    """Some of the volumes that are excluded now, and that nothing counts."""
    ages = DataAges.of(environments, now)
    found = Volume.objects.filter(~is_checked(ages), environment__in=environments, deleted_at__isnull=True)
    return list(found.order_by("name", "pk").only("name", "volume_id", "excluded_by", "excluded_until"))
