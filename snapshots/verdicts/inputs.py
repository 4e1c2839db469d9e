"""The rows of which a volume is judged, and what is counted of them: each day's runs, and what was lost at once."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, Protocol

from snapshots.models import Volume
from snapshots.rules.runs import COPYING, Run
from snapshots.rules.schedules import SCHEDULES, deadline_after, due_after, schedules_of
from snapshots.rules.states import is_unknown_type

DAYS_KEPT = 31
# How far back rows count that are listed no more, with an hourly schedule and without.
GONE_COUNT_HOURLY, GONE_COUNT = timedelta(days=3), timedelta(days=35)
FEWER_WITHIN = timedelta(days=1)
FEWER_LEAST = 3
CLOCKS_APART = timedelta(hours=1)
# Of what was there at our first sync nothing is known before that.
FIRST = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """A time, from and until."""

    since: datetime
    until: datetime

    def overlaps(self, other: "Span") -> bool:
        return self.since < other.until and other.since < self.until


class Row(NamedTuple):
    """A snapshot's columns that a judgement reads, in the order in which they are selected."""

    pk: int
    volume_id: str
    interval_type: str
    state: str
    taken_after: datetime | None
    taken_before: datetime
    taken_key: datetime
    first_seen_at: datetime
    usable_at: datetime | None
    ran_for: int | None
    listed: bool
    missing_since: datetime | None

    def counts(self, at: datetime, *, is_hourly: bool) -> bool:
        """Whether it still counts at that moment, for a volume with an hourly schedule or one without."""
        if self.listed or self.taken_key >= at - (GONE_COUNT_HOURLY if is_hourly else GONE_COUNT):
            return True
        # Recently lost snapshots count, regardless of their age.
        return self.missing_since is not None and self.missing_since >= lost_since(at)

    def run(self, ahead: timedelta = timedelta(), rhythm: str = "") -> Run:
        """`ahead`: how far the provider's clock is ahead of ours; it corrects the time of our first sync."""
        return Run(
            schedules=schedules_of(self.interval_type, rhythm),
            state=self.state,
            began_after=self.taken_after,
            began_before=self.taken_before,
            first_seen_at=self.first_seen_at + ahead,
            usable_at=self.usable_at,
            listed=self.listed,
            is_candidate=self.listed and self.missing_since is not None,
            is_of_unknown_type=is_unknown_type(self.interval_type),
        )


class PendingRows(Protocol):
    """Rows that a sync is about to write, and that count as if they were stored."""

    @property
    def touched(self) -> Collection[int]:
        """The primary keys of the stored rows that it changes."""

    def of_volume(self, volume_id: str) -> Sequence[Row]:
        """The rows that it touches and that will belong to a volume."""


def lost_since(at: datetime) -> datetime:
    """From when on what was left out may matter to `has_fewer` at that moment of the provider's clock."""
    return at - FEWER_WITHIN - CLOCKS_APART


def days_of(volume: Volume, rows: Iterable[Row], at: datetime) -> dict[str, dict[str, list[int]]]:
    """Count each day's runs, made and failed, by their schedule's letter; "" are those of none.

    Days of which rows are forgotten keep the counts they had.
    """
    counted: dict[str, dict[str, list[int]]] = {}
    for row in rows:
        has_failed = row.usable_at is None and row.run().has_failed
        if row.taken_after is not None and (row.usable_at is not None or has_failed):
            of_day = counted.setdefault(row.taken_before.date().isoformat(), {})
            for letter in letters_of(row.interval_type, volume.rhythm_name):
                of_day.setdefault(letter, [0, 0])[has_failed] += 1
    first = (at - timedelta(days=DAYS_KEPT)).date().isoformat()
    whole_from = (at - (GONE_COUNT_HOURLY if "H" in volume.schedules else GONE_COUNT)).date().isoformat()
    days = {day: counts for day, counts in volume.days.items() if first <= day <= whole_from}
    for day, counts in counted.items():
        if day >= first:
            days[day] = counts if day > whole_from else _most(counts, days.get(day, {}))
    return days


def gaps_of(volume: Volume, rows: Iterable[Row], at: datetime) -> dict[str, list[list[str]]]:
    """Find the times in which no run began although one was due: schedule's letter -> [from, until] of each.

    Call before the volume's answers are replaced. All of it is elapsed time. Older ones than the rows tell are kept,
    unless a row that is listed late lies in one.
    """
    whole_from = at - (GONE_COUNT_HOURLY if "H" in volume.schedules else GONE_COUNT)
    kept_from = at - timedelta(days=DAYS_KEPT)
    ranges: dict[str, list[Span]] = defaultdict(list)
    for row in rows:
        for schedule in schedules_of(row.interval_type, volume.rhythm_name):
            ranges[schedule].append(Span(row.taken_after or FIRST, row.taken_before))
    lasts = {str(old["schedule"]): datetime.fromisoformat(str(old["last_began"])) for old in volume.answers}
    found: dict[str, list[list[str]]] = {}
    for schedule in filter(None, (*SCHEDULES, volume.rhythm_name)):
        stored = [Span(*map(datetime.fromisoformat, gap)) for gap in volume.gaps.get(schedule[0], ())]
        before = [gap for gap in stored if gap.since < whole_from and not any(map(gap.overlaps, ranges[schedule]))]
        began = [span.until for span in ranges[schedule] if span.until < whole_from]
        if schedule in lasts and lasts[schedule] < whole_from:
            began.append(lasts[schedule])
        recent = [span for span in ranges[schedule] if span.until >= whole_from]
        gaps = _with_older(before, _gaps_between(schedule, [*recent, *(Span(at, at) for at in sorted(began)[-1:])]))
        if kept := [[gap.since.isoformat(), gap.until.isoformat()] for gap in gaps if gap.until >= kept_from]:
            found[schedule[0]] = kept
    return found


def _with_older(older: Sequence[Span], gaps: Iterable[Span]) -> list[Span]:
    """Gaps found now behind those found before. Of one found both times the begin is known better from before."""
    found = []
    for gap in gaps:
        same = [each for each in older if each.overlaps(gap)]
        found.append(Span(max([gap.since, *(each.since for each in same)]), gap.until))
    return sorted({*found, *(each for each in older if not any(map(each.overlaps, found)))})


def _gaps_between(schedule: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Between the latest begin of what ran before and the earliest of what ran next, where a deadline lies between."""
    last: datetime | None = None
    for span in sorted(spans):
        if last is not None and span.since > deadline_after(schedule, last):
            yield Span(last, span.since)
        last = span.until if last is None else max(last, span.until)


def widen_newest(volume: Volume, runs: Sequence[Run]) -> None:
    """Say when the newest usable one was taken so that it is true of all: one without a known time may be the newest.

    Counts those too, by schedule's letter, and other uncertain ones. Call when the volume's answers are stored.
    """
    usable = [run for run in runs if run.is_usable]
    sure = [run for run in usable if not run.is_candidate]
    volume.newest_after, volume.newest_before = _newest_between(sure)
    undated = {"": _maybe_newer(sure)}
    for answer in volume.answers:
        of_schedule = [run for run in usable if answer["schedule"] in run.schedules]
        undated[answer["schedule"][0]] = _maybe_newer(of_schedule)
        after, before = _newest_between(of_schedule)
        if before is not None:
            due = due_after(answer["schedule"], before)
            answer |= {"newest_after": _text(after), "newest_before": _text(before), "due": _text(due)}
    doubts: dict[str, object] = {
        "undated": {letter: number for letter, number in undated.items() if number},
        "left_out": sum(run.is_candidate for run in runs),
        "copied": sum(run.listed and run.state == COPYING and run.usable_at is None for run in runs),
    }
    volume.doubts = {name: number for name, number in (volume.doubts | doubts).items() if number}


def _newest_between(runs: Iterable[Run]) -> tuple[datetime | None, datetime | None]:
    """Between which moments the newest of some runs began."""
    spans = [(run.began_after, run.began_before) for run in runs]
    after = max((after for after, _ in spans if after is not None), default=None)
    return after, max((before for _, before in spans), default=None)


def _maybe_newer(runs: Sequence[Run]) -> int:
    """How many without a known time may be newer than the newest with one; 0 if none has one."""
    after = max((run.began_after for run in runs if run.began_after is not None), default=None)
    return 0 if after is None else sum(run.began_after is None and run.began_before > after for run in runs)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def last_usable_at(
    volume: Volume, runs: Iterable[Run], *, usable: int, at: datetime, before: datetime | None
) -> datetime | None:
    """When a list last had a usable snapshot of the volume, whose row is still as it was judged before; None: never.

    `usable`: how many the list of `at` has; `before`: the complete list before that.
    """
    if usable:
        return at
    if volume.usable_count:
        return before or volume.last_usable_at or at
    # What is first seen while it is removed was complete once.
    completed = (run.first_seen_at for run in runs if run.was_completed)
    return volume.last_usable_at or max(completed, default=None)


@lru_cache(maxsize=256)
def letters_of(interval_type: str, rhythm: str) -> tuple[str, ...]:
    return tuple(schedule[0] for schedule in schedules_of(interval_type, rhythm)) or ("",)


def _most(now: dict[str, list[int]], before: dict[str, list[int]]) -> dict[str, list[int]]:
    return {
        letter: [max(pair) for pair in zip(now.get(letter, [0, 0]), before.get(letter, [0, 0]), strict=True)]
        for letter in {**now, **before}
    }


def has_fewer(rows: Iterable[Row], at: datetime, *, looked_since: datetime | None) -> bool:
    """Whether more than half of the usable ones, and at least three, went within a day beyond rotation.

    Rotation takes one for each new one of its type. What our first list showed was not new. Both by our own clock.
    """
    lost: Counter[str] = Counter()
    gained: Counter[str] = Counter()
    left = 0
    since = at - FEWER_WITHIN
    for row in rows:
        is_usable = row.run().is_usable and row.missing_since is None
        left += is_usable
        # One that came and went within the day is both.
        if row.usable_at and row.first_seen_at > max(since, looked_since or since):
            gained[row.interval_type] += 1
        if row.usable_at and not row.listed and row.missing_since and row.missing_since > since:
            lost[row.interval_type] += 1
    beyond = sum((lost - gained).values())
    before = left - gained.total() + lost.total()
    return beyond >= FEWER_LEAST and beyond * 2 > before
