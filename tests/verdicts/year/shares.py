"""How long each volume's rule was met, not met or unknown by the truth, held against stored times and the report."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from snapshots.models import DataGap, Environment, RuleTime, Volume
from snapshots.verdicts.rule_hours import Hours, Span, rule_hours
from tests.verdicts.year import truth
from tests.verdicts.year.provider import Disk

HOUR, SECOND, NOTHING = timedelta(hours=1), timedelta(seconds=1), timedelta()
# Stored moments have parts of a second, and the truth is looked for by seconds.
SLACK = timedelta(seconds=5)
MET, NOT_MET, UNKNOWN = "met", "not met", "unknown"
NAMES = {RuleTime.State.MET: MET, RuleTime.State.NOT_MET: NOT_MET, RuleTime.State.UNKNOWN: UNKNOWN}
Key = tuple[int, str]
Times = list[tuple[datetime, str]]


@dataclass
class Shares:
    """What the lists let one know, in order: for each volume from when on which state held."""

    times: dict[Key, Times] = field(default_factory=lambda: defaultdict(list))
    lists: dict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    believed: dict[int, datetime] = field(default_factory=dict)
    gaps: dict[int, list[Span]] = field(default_factory=lambda: defaultdict(list))
    # What was compared, in hours of volumes: of the stored times, and of the report, where times without lists are
    # unknown.
    stored: Counter[str] = field(default_factory=Counter)
    hours: Counter[str] = field(default_factory=Counter)
    since: datetime | None = None

    def list_came(self, place: int, at: datetime, *, is_believed: bool) -> None:
        self.since = self.since or at
        self.lists[place].append(at)
        if is_believed:
            last = self.believed.get(place)
            if last is not None and at - last > HOUR:
                self.gaps[place].append(Span(last, at))
            self.believed[place] = at

    def take(self, place: int, disk: Disk, now: datetime, *, may_be: bool) -> None:
        """Note what the list of now says of a volume. `may_be`: a page says that it can't be told, which it may."""
        times = self.times[place, disk.id]
        state = self._state(disk, now)
        if state != UNKNOWN and may_be:
            state = UNKNOWN
        if not times:
            times.append((now, state))
            return
        since, was = times[-1]
        if state == was:
            return
        last = max(self.lists[place][-2], since)
        if state == NOT_MET and was == UNKNOWN:
            last = since
            begin = self._first(lambda at: self._is_dated(disk, at), last, now, last)
        elif state == MET:
            begin = now
        else:
            unknown = self._first(lambda at: self._state(disk, at) != MET, last, now, now)
            begin = self._first(lambda at: self._is_dated(disk, at), last, now, now)
            if state == UNKNOWN:
                begin = unknown
            elif unknown < begin:
                times.append((unknown, UNKNOWN))
        while times and begin <= times[-1][0]:
            times.pop()
        if not times or times[-1][1] != state:
            times.append((begin, state))

    @staticmethod
    def _state(disk: Disk, at: datetime) -> str:
        words = truth.may_be_said(disk, at, NOTHING)
        return NOT_MET if words <= truth.PROBLEMS else UNKNOWN if "unknown" in words else MET

    @classmethod
    def _is_dated(cls, disk: Disk, at: datetime) -> bool:
        """Whether it is not met since a deadline. That a run failed shows only in a list, which says not when."""
        return cls._state(disk, at) == NOT_MET and "failing" not in truth.may_be_said(disk, at, NOTHING)

    @staticmethod
    def _first(holds: Callable[[datetime], bool], last: datetime, now: datetime, otherwise: datetime) -> datetime:
        """The first second after the last list for which something holds. If it did at that list already: otherwise."""
        if not holds(now):
            return now
        if holds(last + SECOND):
            return otherwise
        before, after = last, now
        while after - before > SECOND:
            middle = before + (after - before) / 2
            before, after = (before, middle) if holds(middle) else (middle, after)
        return after

    def compare(self, now: datetime) -> Iterator[str]:
        """Hold what is stored, and the report's figures, against the truth since it was compared last."""
        span = Span(self.since or now, now)
        self.since = now
        if not span.length:
            return
        places = list(Environment.objects.filter(pk__in=self.lists))
        for place in places:
            gaps = DataGap.objects.filter(environment=place, ended_at__gt=span.since).order_by("ended_at")
            stored = [Span(gap.began_at, gap.ended_at) for gap in gaps]
            expected = [gap for gap in self.gaps[place.pk] if gap.until > span.since]
            if stored != expected:
                yield f"times without data of {place}: {stored}, not {expected}"
        figures = rule_hours(places, span, now).volumes
        for volume in Volume.objects.filter(environment__in=places):
            yield from self._wrong(volume, span)
            of_report = figures.get(volume.pk, Hours(volume.pk, volume.environment_id))
            expected_hours = self._hours(volume, span)
            for name, found in ((MET, of_report.met), (NOT_MET, of_report.not_met), (UNKNOWN, of_report.unknown)):
                self.hours[name] += round(expected_hours[name] / HOUR)
                if abs(found - expected_hours[name]) > SLACK:
                    yield f"{volume} {span.since:%m-%d %H:%M}: report: {name} for {found}, not {expected_hours[name]}"

    def _counted(self, volume: Volume, span: Span) -> Iterator[tuple[Span, str]]:
        """The stored times, which also say while a volume is counted."""
        for row in RuleTime.objects.filter(volume=volume, began_at__lt=span.until).order_by("began_at", "pk"):
            piece = Span(row.began_at, row.ended_at or span.until).within(span)
            if piece.length:
                yield piece, NAMES[RuleTime.State(row.state)]

    def _true(self, volume: Volume, span: Span) -> Iterator[tuple[Span, str]]:
        times = self.times[volume.environment_id, volume.volume_id]
        for (since, state), (until, _next) in zip(times, [*times[1:], (span.until, "")], strict=True):
            piece = Span(since, until).within(span)
            if piece.length:
                yield piece, state

    def _wrong(self, volume: Volume, span: Span) -> Iterator[str]:
        true, stored = list(self._true(volume, span)), list(self._counted(volume, span))
        for piece, state in stored:
            same = sum((piece.within(other).length for other, name in true if name == state), NOTHING)
            self.stored[state] += round(same / HOUR)
            if piece.length - same > SLACK:
                until = f"{piece.until:%m-%d %H:%M:%S}"
                yield f"{volume}: {state} {piece.since:%m-%d %H:%M:%S} to {until}, not {_text(true)}"
        length = sum((piece.length for piece, _state in stored), NOTHING)
        expected = sum((piece.length for piece, _state in true), NOTHING)
        if volume.deleted_at is None and abs(length - expected) > SLACK:
            yield f"{volume}: counted for {length}, not {expected}"

    def _hours(self, volume: Volume, span: Span) -> dict[str, timedelta]:
        """The true hours, as long as the volume is counted, without those in which no list came."""
        found = dict.fromkeys((MET, NOT_MET, UNKNOWN), NOTHING)
        gaps = self.gaps[volume.environment_id]
        last = self.believed.get(volume.environment_id)
        if last is not None and span.until - last > HOUR:
            gaps = [*gaps, Span(last, span.until)]
        for counted, _stored in self._counted(volume, span):
            for true, state in self._true(volume, counted):
                blind = sum((true.within(gap).length for gap in gaps), NOTHING)
                found[state] += true.length - blind
                found[UNKNOWN] += blind
        return found


def _text(times: list[tuple[Span, str]]) -> str:
    return "; ".join(f"{state} {span.since:%m-%d %H:%M:%S}" for span, state in times[-6:])
