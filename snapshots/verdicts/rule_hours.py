"""For how long each volume's rule was met, not met or unknown, in a range of time.

Of a time without a complete list nothing is known: it is neither success nor failure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from dashboard.backends.plain_rows import plain_rows
from snapshots.models import DataGap, Environment, RuleTime
from snapshots.verdicts.watched_time import SILENCE

State = RuleTime.State
DAY, NOTHING = timedelta(days=1), timedelta()


class Span(NamedTuple):
    """From a moment until before another one."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        return max(self.until - self.since, NOTHING)

    def holds(self, moment: datetime) -> bool:
        return self.since <= moment < self.until

    def within(self, other: "Span") -> "Span":
        return Span(max(self.since, other.since), min(self.until, other.until))

    def days(self) -> Iterator[date]:
        """The days (UTC) that it touches."""
        day = self.since.date()
        while day <= (self.until - timedelta.resolution).date():
            yield day
            day += DAY


class Rule(NamedTuple):
    """What was asked of a volume: a target in hours, 0 without one, and a letter for each schedule."""

    target_hours: int
    schedules: str


class Gap(NamedTuple):
    """A time without a complete list of an environment. `fault`: its last one, if the provider gave one."""

    environment: int
    span: Span
    fault: str
    is_over: bool


@dataclass(slots=True)
class Hours:
    """One volume's time in a range. `counted`: each piece of it, with the rule that was in force."""

    volume: int
    environment: int
    met: timedelta = NOTHING
    not_met: timedelta = NOTHING
    unknown: timedelta = NOTHING
    counted: list[tuple[Rule, Span]] = field(default_factory=list)

    @property
    def total(self) -> timedelta:
        return self.met + self.not_met + self.unknown

    @property
    def rule(self) -> Rule:
        """The newest one."""
        return self.counted[-1][0]

    @property
    def since(self) -> datetime:
        return self.counted[0][1].since

    def count(self, rule: Rule, span: Span) -> None:
        if self.counted and self.counted[-1][0] == rule and self.counted[-1][1].until == span.since:
            self.counted[-1] = (rule, Span(self.counted[-1][1].since, span.until))
        else:
            self.counted.append((rule, span))


@dataclass(slots=True)
class Days:
    """For each day: how many volumes were counted, not met for some of it, and without complete data for some of it."""

    not_met: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    unknown: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    counted: dict[date, int] = field(default_factory=lambda: defaultdict(int))


class RuleHours(NamedTuple):
    volumes: Mapping[int, Hours]
    days: Days
    gaps: Sequence[Gap]


def rule_hours(environments: Sequence[Environment], span: Span, now: datetime) -> RuleHours:
    """Add up the stored times of a range, which ends not later than now. One volume after the other."""
    gaps = gaps_of(environments, span, now)
    by_place: dict[int, list[Span]] = defaultdict(list)
    for gap in gaps:
        by_place[gap.environment].append(gap.span)
    rows = RuleTime.objects.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=span.since), began_at__lt=span.until)
    rows = rows.filter(environment__in=environments).order_by("volume", "began_at", "pk")
    columns = ("volume_id", "environment_id", "state", "began_at", "ended_at", "target_hours", "schedules")
    found: dict[int, Hours] = {}
    days, of_volume = Days(), _DaysOfVolume()
    # Many volumes share a rule: one object for each.
    rules: dict[tuple[int, str], Rule] = {}
    volume: Hours | None = None
    for pk, place, state, began_at, ended_at, target_hours, schedules in plain_rows(rows, *columns):
        if volume is None or volume.volume != pk:
            of_volume.add_to(days)
            volume = found.setdefault(pk, Hours(pk, place))
        piece = Span(began_at, ended_at or span.until).within(span)
        if piece.length:
            rule = rules.setdefault((target_hours, schedules), Rule(target_hours, schedules))
            volume.count(rule, piece)
            _add(volume, of_volume, piece, state, by_place[place])
    of_volume.add_to(days)
    return RuleHours({pk: hours for pk, hours in found.items() if hours.counted}, days, gaps)


class _DaysOfVolume:
    """The days of one volume, each once."""

    def __init__(self) -> None:
        self.not_met, self.unknown, self.counted = set[date](), set[date](), set[date]()

    def add_to(self, days: Days) -> None:
        pairs = ((self.not_met, days.not_met), (self.unknown, days.unknown), (self.counted, days.counted))
        for own, numbers in pairs:
            for day in own:
                numbers[day] += 1
            own.clear()


def _add(volume: Hours, days: _DaysOfVolume, piece: Span, state: int, gaps: Iterable[Span]) -> None:
    days.counted.update(piece.days())
    known = [piece]
    for gap in gaps:
        blind = gap.within(piece)
        if blind.length:
            volume.unknown += blind.length
            days.unknown.update(blind.days())
            known = [part for each in known for part in _without(each, blind)]
    length = sum((part.length for part in known), NOTHING)
    if state == State.MET:
        volume.met += length
    elif state == State.UNKNOWN:
        volume.unknown += length
        days.unknown.update(day for part in known for day in part.days())
    else:
        volume.not_met += length
        days.not_met.update(day for part in known for day in part.days())


def _without(piece: Span, blind: Span) -> Iterator[Span]:
    for part in (Span(piece.since, min(piece.until, blind.since)), Span(max(piece.since, blind.until), piece.until)):
        if part.length:
            yield part


def gaps_of(environments: Sequence[Environment], span: Span, now: datetime) -> list[Gap]:
    """The times without a complete list, in order of time; the one that lasts too, once it is as long as the others."""
    stored = DataGap.objects.filter(environment__in=environments, ended_at__gt=span.since, began_at__lt=span.until)
    found = [
        Gap(each.environment_id, Span(each.began_at, each.ended_at), each.fault_kind, is_over=True)
        for each in stored.order_by("began_at", "pk")
    ]
    for environment in environments:
        last = environment.watched_at
        if last is not None and now - last > SILENCE and last < span.until:
            found.append(Gap(environment.pk, Span(last, now), environment.fault_kind, is_over=False))
    cut = [gap._replace(span=gap.span.within(span)) for gap in _without_overlaps(found)]
    return sorted((gap for gap in cut if gap.span.length), key=lambda gap: gap.span)


def _without_overlaps(gaps: Iterable[Gap]) -> Iterator[Gap]:
    """Join what overlaps, so that no time counts twice: a clock that was set back is at a time again."""
    last: Gap | None = None
    for gap in sorted(gaps, key=lambda gap: (gap.environment, gap.span)):
        if last is not None and last.environment == gap.environment and gap.span.since < last.span.until:
            latest = max(last, gap, key=lambda each: each.span.until)
            last = latest._replace(span=Span(last.span.since, latest.span.until), fault=latest.fault or last.fault)
            continue
        if last is not None:
            yield last
        last = gap
    if last is not None:
        yield last
