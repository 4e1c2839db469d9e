"""What came of each volume's runs in a range of time, and its longest time without a new usable snapshot.

Runs are counted as on a volume's page (`snapshots.verdicts.last_30_days`), from the rows of the mirror: a missed one
only where its deadline passed in a time with complete lists, and while its schedule was in force. A rhythm that a
member ended since has no runs: its times are not kept.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from typing import NamedTuple

from dashboard.backends.plain_rows import plain_rows
from snapshots.models import Environment, Snapshot, Volume
from snapshots.rules.runs import Run
from snapshots.rules.schedules import SCHEDULES, grace, schedules_of
from snapshots.verdicts.inputs import GONE_COUNT
from snapshots.verdicts.last_30_days import dues, most_runs
from snapshots.verdicts.rule_hours import Hours, RuleHours, Span, gaps_of

COLUMNS = ("volume_id", "interval_type", "state", "taken_after", "taken_before", "usable_at", "listed")
# What began so soon after a range says what became of its last runs.
AFTER = timedelta(days=2)


@dataclass(slots=True)
class Runs:
    """One volume's runs. `longest`: its longest time without a new usable snapshot; None: it never had one."""

    expected: int = 0
    made: int = 0
    failed: int = 0
    missed: int = 0
    longest: timedelta | None = None
    # That time began before the rows that are kept.
    is_longer: bool = False


class Began(NamedTuple):
    """A snapshot that was taken between two moments, and what came of it."""

    after: datetime | None
    before: datetime
    schedules: tuple[str, ...]
    is_made: bool
    has_failed: bool


@dataclass(slots=True)
class _Place:
    """An environment's volumes by their id, and the times in which its lists came."""

    environment: Environment
    span: Span
    volumes: dict[str, tuple[Hours, Volume]] = field(default_factory=dict)
    gaps: list[Span] = field(default_factory=list)

    @property
    def until(self) -> datetime:
        """Until when lists say what began."""
        return min(self.span.until + AFTER, self.environment.listed_at or self.span.since)

    def is_watched(self, moment: datetime) -> bool:
        return moment <= self.until and not any(gap.since < moment < gap.until for gap in self.gaps)


def run_counts(environments: Sequence[Environment], hours: RuleHours, span: Span, now: datetime) -> Mapping[int, Runs]:
    """Count the runs of these volumes. One volume after the other is held in memory."""
    places = {each.pk: _Place(each, span) for each in environments}
    # A deadline may pass after the range.
    for gap in gaps_of(environments, Span(span.since, span.until + AFTER), now):
        places[gap.environment].gaps.append(gap.span)
    columns = ("volume_id", "environment", "answers", "last_usable_at", "schedules", "rhythm")
    for volume in Volume.objects.filter(environment__in=environments).only(*columns).iterator():
        if volume.pk in hours.volumes:
            places[volume.environment_id].volumes[volume.volume_id] = (hours.volumes[volume.pk], volume)
    found: dict[int, Runs] = {}
    for place in places.values():
        for volume_id, began in _began(place):
            if volume_id in place.volumes:
                of_volume, volume = place.volumes.pop(volume_id)
                found[volume.pk] = _count(place, of_volume, volume, began)
        for of_volume, volume in place.volumes.values():
            found[volume.pk] = _count(place, of_volume, volume, [])
    return found


def _began(place: _Place) -> Iterator[tuple[str, list[Began]]]:
    """Each volume's snapshots of the range, and of the time before it that may matter, in order."""
    ahead = timedelta(seconds=place.environment.clock_ahead)
    rows = Snapshot.objects.filter(environment=place.environment, listed__in=[True, False])
    rows = rows.filter(
        taken_key__gte=place.span.since + ahead - GONE_COUNT, taken_key__lt=place.span.until + ahead + AFTER
    )
    ordered = plain_rows(rows.order_by("volume_id", "taken_key", "pk"), *COLUMNS)
    for volume_id, own in groupby(ordered, key=itemgetter(0)):
        counted = place.volumes.get(str(volume_id))
        rhythm = counted[1].rhythm_name if counted else ""
        yield volume_id, [_read(row, ahead, rhythm) for row in own]


def _read(row: tuple[object, ...], ahead: timedelta, rhythm: str) -> Began:
    _volume, interval_type, state, after, before, usable_at, listed = row
    assert isinstance(before, datetime)
    is_made = usable_at is not None
    has_failed = not is_made and Run((), str(state), None, before, before, listed=bool(listed)).has_failed
    if ahead:
        before, after = before - ahead, after - ahead if isinstance(after, datetime) else None
    schedules = schedules_of(str(interval_type), rhythm)
    return Began(after if isinstance(after, datetime) else None, before, schedules, is_made, has_failed)


def _count(place: _Place, hours: Hours, volume: Volume, began: Sequence[Began]) -> Runs:
    runs = Runs()
    for schedule in filter(None, (*SCHEDULES, volume.rhythm_name)):
        times = [span for rule, span in hours.counted if schedule[0] in rule.schedules]
        if times:
            _count_schedule(
                runs, schedule, [each for each in began if schedule in each.schedules], times, place, volume
            )
    _find_longest(
        runs, [each for each in began if each.is_made and each.before < place.span.until], hours, place, volume
    )
    return runs


def _count_schedule(
    runs: Runs, schedule: str, began: Sequence[Began], times: Sequence[Span], place: _Place, volume: Volume
) -> None:
    """Add one schedule's runs. `times`: when it was in force."""
    in_range = [each for each in began if each.after is not None and place.span.holds(each.before)]
    made = Counter(each.before.date() for each in in_range if each.is_made)
    failed = Counter(each.before.date() for each in in_range if each.has_failed)
    missed = Counter(due.date() for due in _missed(schedule, began, times, place, volume))
    first = min((each.before for each in began), default=place.span.since)
    for day in {*made, *failed, *missed}:
        runs.expected += missed[day] + max(made[day], min(failed[day], most_runs(schedule, day, first)))
    runs.made += made.total()
    runs.failed += failed.total()
    runs.missed += missed.total()


def _missed(
    schedule: str, began: Sequence[Began], times: Sequence[Span], place: _Place, volume: Volume
) -> Iterator[datetime]:
    ends = [(each.after or each.before, each.before) for each in began]
    if not ends:
        last = next((str(each["last_began"]) for each in volume.answers if each["schedule"] == schedule), None)
        ends = [(datetime.fromisoformat(last),) * 2] if last else []
    gaps = [(last, following) for (_after, last), (following, _before) in pairwise(ends)]
    gaps += [(ends[-1][1], place.until)] if ends else []
    for due in dues(schedule, gaps, place.span.since):
        deadline = due + grace(schedule)
        # The range may end before the deadline of its last run.
        ends_later = [span for span in times if deadline <= span.until or span.until == place.span.until]
        in_force = any(span.since <= due < span.until for span in ends_later)
        if in_force and place.is_watched(due) and place.is_watched(deadline):
            yield due


def _find_longest(runs: Runs, made: Sequence[Began], hours: Hours, place: _Place, volume: Volume) -> None:
    """Find the longest time between two usable snapshots, as far as it lies in the range or reaches into it."""
    if not made and volume.last_usable_at is None:
        return
    moments = [each.before for each in made]
    runs.is_longer = not any(moment < hours.since for moment in moments) and volume.last_usable_at is not None
    starts = [hours.since, *moments] if runs.is_longer else moments
    ends = [*starts[1:], hours.counted[-1][1].until]
    spans = [Span(since, until) for since, until in zip(starts, ends, strict=True) if until > place.span.since]
    longest = max(spans, key=lambda span: span.length, default=None)
    runs.longest = longest.length if longest else timedelta()
    runs.is_longer = runs.is_longer and longest is not None and longest.since == hours.since
