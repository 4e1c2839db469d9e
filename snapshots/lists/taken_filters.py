"""When a snapshot was taken, as conditions: its age, and the days that it may be of."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import DateTimeField, Max, Q, QuerySet
from django.db.models.lookups import GreaterThan

from dashboard.teams.models import Team
from snapshots.lists.snapshot_filters import AGES, OLDER, UNDATED_AGE, SnapshotFilters
from snapshots.models import Snapshot
from snapshots.models.snapshot import RANGE_DAYS, USUAL_DAYS, Unindexed
from snapshots.rules.taken_time import UNDATED

# The ages that a row has, by the first of `bands` that it meets; "" is any.
BANDS = (
    ("", "1d", "7d", "30d"),
    ("", "7d", "30d"),
    ("", "30d"),
    ("", OLDER),
    ("", OLDER, UNDATED_AGE),
    ("", UNDATED_AGE),
)
DATED = UNDATED + timedelta.resolution


class Reach(NamedTuple):
    """Where the rows are in the order by time: not before `first`, and before `end`. None: no limit."""

    first: datetime | None = None
    end: datetime | None = None

    def condition(self) -> Q:
        found = Q()
        if self.first is not None:
            found &= Q(taken_key__gte=self.first)
        if self.end is not None:
            found &= Q(taken_key__lt=self.end)
        return found


def with_key(rows: QuerySet[Snapshot]) -> QuerySet[Snapshot]:
    """Annotate rows with what the conditions compare. No index serves these: that is for `Reach`."""
    found: QuerySet[Snapshot] = rows.alias(key=Unindexed("taken_key", output_field=DateTimeField()))
    return found


def ages(now: datetime) -> dict[str, Q]:
    """The condition of each age."""
    cutoff = now - AGES["30d"]
    # A snapshot that existed at the first sync has no date, but is at least as old as that sync.
    older = Q(key__lt=cutoff, key__gt=UNDATED) | Q(key=UNDATED, taken_before__lt=cutoff)
    within = {age: Q(key__gte=now - span) for age, span in AGES.items()}
    return {**within, OLDER: older, UNDATED_AGE: Q(key=UNDATED)}


def bands(now: datetime) -> list[Q]:
    """The first of these that a row meets tells all of its ages: `BANDS`, where the rest is undated and not older."""
    found = ages(now)
    return [*(found[age] for age in AGES), Q(key__gt=UNDATED), found[OLDER]]


def in_days(filters: SnapshotFilters) -> Q:
    """A range is shown when any moment of it falls into the days asked for."""
    found = Q()
    if filters.since:
        found &= Q(taken_before__gte=filters.since, key__gt=UNDATED)
    if filters.until:
        found &= Q(taken_after__lt=filters.until) | Q(key=UNDATED, taken_before__lt=filters.until)
    return found


def reach(team: Team, filters: SnapshotFilters, now: datetime) -> Reach:
    """Return where all rows of the age and the days are, so that an index leads to them."""
    if filters.age == UNDATED_AGE:
        return Reach(UNDATED, DATED)
    cutoff = now - AGES["30d"] if filters.age == OLDER else None
    firsts = [now - AGES[filters.age]] if filters.age in AGES else []
    if filters.since:
        firsts.append(max(filters.since, DATED))
    ends = [cutoff] if cutoff else []
    if filters.until:
        ends.append(_end_of_ranges(team, filters.until))
    if ends and not firsts and not _has_undated(team, min(filter(None, (cutoff, filters.until)))):
        firsts.append(DATED)
    return Reach(max(firsts, default=None), min(ends, default=None))


def _end_of_ranges(team: Team, until: datetime) -> datetime:
    """Return before which moment all ranges end that begin before `until`."""
    wide = Snapshot.objects.filter(GreaterThan(RANGE_DAYS, USUAL_DAYS), team=team, taken_after__lt=until)
    last: datetime | None = wide.aggregate(last=Max("taken_before"))["last"]
    usual = until + timedelta(days=USUAL_DAYS)
    return usual if last is None else max(usual, last + timedelta.resolution)


def _has_undated(team: Team, before: datetime) -> bool:
    """Whether one of the snapshots without a date is older."""
    return Snapshot.objects.filter(team=team, taken_after__isnull=True, taken_before__lt=before).exists()
