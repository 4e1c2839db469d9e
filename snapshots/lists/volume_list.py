"""The volumes page's rows: which, in which order, how many of each verdict; and what stopped at once.

The verdicts are SQL over stored moments (`snapshots.verdicts.sql`): they follow the clock without a sync.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Case, Count, F, Min, Q, Value, When
from django.db.models.expressions import OrderBy
from django.db.models.fields import SmallIntegerField

from snapshots.lists.menu_counts import Part, count
from snapshots.lists.volume_filters import AGES, BANDS, NO_AGE, NO_SCHEDULE, OLDER, VolumeFilters
from snapshots.models import Environment, Volume
from snapshots.models.volume import VolumeQuerySet
from snapshots.rules.taken_time import NAME_TIME, is_default
from snapshots.rules.verdict import Verdict
from snapshots.verdicts.evaluate import LETTERS
from snapshots.verdicts.sql import DataAges, begun_since, is_checked, volumes_of_team, with_status, with_verdicts
from snapshots.verdicts.status import read_parts

# How the provider names the host of a volume that is attached to none.
DETACHED = "detached"
# What a row and its explanation are made of.
COLUMNS = (
    *("volume_id", "name", "kind", "instance_name", "from_endpoint", "snapshot_count", "environment_id"),
    *("deleted_at", "created_at", "target_hours", "excluded_until", "exclusion_reason", "fewer_at", "last_usable_at"),
    *("doubt_from", "none_from", "unknown_from", "new_from"),
    *("answers", "schedules", "newest_after", "newest_before", "usable_count", "days", "judged_at"),
    *("gaps", "doubts"),
    *("newest_usable__name", "newest_usable__taken_after", "newest_usable__taken_before"),
    "newest_usable__taken_source",
)
TALLIED = ("environment_id", "schedules", "verdict", "verdict_by_data")
WITHIN = timedelta(hours=1)
LEAST_VOLUMES = 5
LEAST_PERCENT = 30
OUTAGE_COLUMNS = ("environment_id", "answers", "verdict", "verdict_by_data")
MOST_UNSEEN = 1000
STOPPED = (Verdict.LATE, Verdict.STUCK, Verdict.FAILING)


class Tally(NamedTuple):
    """Volumes of an environment with one verdict and the same schedules, which are letters.

    `never`: no list ever had a usable one; `idle`: nothing due.
    """

    environment_id: int
    schedules: str
    verdict: Verdict
    verdict_by_data: Verdict
    number: int
    oldest: datetime | None
    never: int
    idle: int


class Instance(NamedTuple):
    """The server that a volume belongs to; `is_guess`: told by the name of its newest usable snapshot alone."""

    name: str
    is_guess: bool = False


@dataclass(frozen=True, slots=True)
class VolumePage:
    """Volumes of one page, and how many there are."""

    volumes: list[Volume]
    total: int
    number: int

    def has_next(self, page_size: int) -> bool:
        return self.number * page_size < self.total


def narrowed(environments: Sequence[Environment], filters: VolumeFilters, ages: DataAges) -> VolumeQuerySet:
    """The volumes that match everything but the status, with their verdicts."""
    # A deleted volume of which nothing is left helps nobody.
    volumes = volumes_of_team(filters.environments or environments).exclude(deleted_at__isnull=False, snapshot_count=0)
    if filters.schedules:
        volumes = volumes.filter(_any(_has_schedule(schedule) for schedule in filters.schedules))
    if filters.ages:
        volumes = volumes.filter(_any(in_band(band, ages.now) for band in filters.ages))
    for word in filters.searched:
        volumes = volumes.filter(_holds(word))
    judged = with_verdicts(volumes, ages)
    return begun_since(judged, filters.since, ages) if filters.since else judged


def unseen(environments: Sequence[Environment], since: datetime, ages: DataAges) -> list[int]:
    """Return the volumes with a problem that began after this, the team's worst case cut off."""
    found = narrowed(environments, VolumeFilters(since=since), ages).filter(is_checked(ages))
    return list(found.order_by("pk").values_list("pk", flat=True)[:MOST_UNSEEN])


def in_band(band: str, now: datetime) -> Q:
    """Volumes whose newest usable snapshot has an age of this band, by the oldest that it may be."""
    if band == NO_AGE:
        return Q(newest_before__isnull=True)
    limits = list(AGES.values())
    if band == OLDER:
        older = Q(newest_after__lte=now - limits[-1]) | Q(newest_after__isnull=True)
        return older & Q(newest_before__isnull=False)
    place = list(AGES).index(band)
    younger = Q(newest_after__gt=now - limits[place])
    return younger & Q(newest_after__lte=now - limits[place - 1]) if place else younger


def tallies(volumes: VolumeQuerySet, environments: Sequence[Environment], team_hours: int | None) -> list[Tally]:
    """Count volumes by verdict, in one query."""
    counts = {
        "number": Count("pk"),
        "oldest": Min("newest_before"),
        "never": Count("pk", filter=Q(last_usable_at__isnull=True)),
        "idle": Count("pk", filter=Q(schedules="") & _without_target(environments, team_hours)),
    }
    rows = volumes.order_by().values_list(*TALLIED).annotate(**counts)
    return [
        Tally(place, letters, Verdict(verdict), Verdict(data), *rest) for place, letters, verdict, data, *rest in rows
    ]


def every_tally(
    environments: Sequence[Environment], filters: VolumeFilters, ages: DataAges, team_hours: int | None
) -> list[Tally]:
    """Count what the view would find if neither environments nor schedules were chosen."""
    wide = replace(filters, environments=(), schedules=())
    return tallies(narrowed(environments, wide, ages), environments, team_hours)


def chosen_of(counted: Iterable[Tally], filters: VolumeFilters) -> list[Tally]:
    """The tallies of the chosen environments and schedules."""
    return [tally for tally in counted if _is_in_place(tally, filters) and _is_scheduled(tally, filters)]


class MenuCounts(NamedTuple):
    """How many rows each choice would have, alone in its menu and with all other filters in force."""

    environments: Counter[int]
    schedules: Counter[str]
    verdicts: Counter[Verdict]


def menu_counts(counted: Iterable[Tally], filters: VolumeFilters) -> MenuCounts:
    """Count the choices from `every_tally`."""
    wanted = _wanted(filters)
    groups = (
        (
            tally.number,
            (
                Part([tally.environment_id], _is_in_place(tally, filters)),
                Part(_schedules_of(tally), _is_scheduled(tally, filters)),
                Part([tally.verdict], tally.verdict in wanted),
            ),
        )
        for tally in counted
    )
    return MenuCounts(*count(groups, 3))


def band_counts(volumes: VolumeQuerySet, ages: DataAges) -> dict[str, int]:
    """Count checked volumes by the age of their newest usable snapshot."""
    counts = {f"in_{band}": Count("pk", filter=in_band(band, ages.now)) for band in BANDS}
    found = volumes.filter(is_checked(ages)).aggregate(**counts)
    return {band: found[f"in_{band}"] for band in BANDS}


def shown(volumes: VolumeQuerySet, filters: VolumeFilters, ages: DataAges) -> VolumeQuerySet:
    """Return the rows of a view. A search also finds excluded and deleted volumes."""
    if filters.verdicts:
        return volumes.filter(Q(verdict__in=filters.verdicts))
    return volumes if filters.q else volumes.filter(is_checked(ages))


def total_of(counted: Iterable[Tally], filters: VolumeFilters) -> int:
    """How many rows `shown` has, from the tallies."""
    wanted = _wanted(filters)
    return sum(tally.number for tally in counted if tally.verdict in wanted)


def find_page(
    volumes: VolumeQuerySet, filters: VolumeFilters, total: int, ages: DataAges, *, oldest_first: bool
) -> VolumePage:
    """The rows of one page; a page past the end is the last one. `oldest_first`: what the usual order is."""
    number = min(filters.page, max(1, -(-total // filters.page_size)))
    start = (number - 1) * filters.page_size
    rows = ordered(volumes, filters, oldest_first=oldest_first)
    pks = list(rows.values_list("pk", flat=True)[start : start + filters.page_size])
    return VolumePage(in_order(pks, ages), total, number)


def ordered(volumes: VolumeQuerySet, filters: VolumeFilters, *, oldest_first: bool) -> VolumeQuerySet:
    """Return every row of `shown`, in the view's order, from all pages."""
    return volumes.order_by(*_order(filters.sort, oldest_first=oldest_first))


def usual_sort(sort: str, *, oldest_first: bool) -> str:
    """The chosen order, or the usual one."""
    return sort or ("newest" if oldest_first else "status")


def in_order(pks: Sequence[int], ages: DataAges) -> list[Volume]:
    """Fetch volumes with their status by primary key, in that order."""
    found = with_status(Volume.objects.filter(pk__in=pks), ages)
    rows = {volume.pk: volume for volume in found.select_related("newest_usable").only(*COLUMNS)}
    return [rows[pk] for pk in pks if pk in rows]


def instance_of(instance_name: str, volume: str, newest_name: str) -> Instance:
    """The endpoint's instance; else the first part of the newest usable snapshot's default name, as a guess."""
    if instance_name:
        return Instance(instance_name)
    if not is_default(newest_name, volume):
        return Instance("")
    host = NAME_TIME.sub("", newest_name).removesuffix(f"_{volume}")
    return Instance("") if host == DETACHED else Instance(host, is_guess=True)


def _has_schedule(schedule: str) -> Q:
    return Q(schedules="") if schedule == NO_SCHEDULE else Q(schedules__contains=LETTERS[schedule])


def _wanted(filters: VolumeFilters) -> set[Verdict]:
    """The verdicts whose rows `shown` returns."""
    return set(filters.verdicts) or {verdict for verdict in Verdict if filters.q or verdict < Verdict.EXCLUDED}


def _is_in_place(tally: Tally, filters: VolumeFilters) -> bool:
    return not filters.environments or tally.environment_id in {one.pk for one in filters.environments}


def _is_scheduled(tally: Tally, filters: VolumeFilters) -> bool:
    return not filters.schedules or not _schedules_of(tally).isdisjoint(filters.schedules)


def _schedules_of(tally: Tally) -> set[str]:
    """The schedules as the filter names them."""
    return {schedule for schedule, letter in LETTERS.items() if letter in tally.schedules} or {NO_SCHEDULE}


def _without_target(environments: Sequence[Environment], team_hours: int | None) -> Q:
    bare = [
        environment.pk
        for environment in environments
        if not (team_hours if environment.target_hours is None else environment.target_hours)
    ]
    return Q(target_hours=0) | Q(target_hours__isnull=True, environment__in=bare)


def _holds(word: str) -> Q:
    """A searched word: part of the volume's or its instance's name, known or guessed, or the start of its id."""
    guessed = Q(instance_name="", newest_usable__name__begins=word)
    named = Q(name__holds=word) | Q(instance_name__holds=word)
    return named | guessed | Q(volume_id__begins=word)


def _any(conditions: Iterable[Q]) -> Q:
    found = Q()
    for condition in conditions:
        found |= condition
    return found


def _order(sort: str, *, oldest_first: bool) -> list[OrderBy]:
    """Each order ends in a unique column. Without a newest usable one comes before any other."""
    sort = usual_sort(sort, oldest_first=oldest_first)
    name = sort.removeprefix("-")
    keys = {
        "status": [OrderBy(rank(), descending=True)],
        "name": [OrderBy(F("name"))],
        "usable": [OrderBy(F("usable_count"))],
    }.get(name, [])
    order = [*keys, OrderBy(F("newest_before"), nulls_first=True), OrderBy(F("pk"))]
    if sort.startswith("-"):
        for key in order:
            key.reverse_ordering()
    return order


def rank() -> Case:
    """Order the worst first, by the data's verdict: old data does not move a row. Excluded volumes come last."""
    unchecked = When(verdict__gte=Verdict.EXCLUDED, then=Value(-1))
    return Case(unchecked, default=F("verdict_by_data"), output_field=SmallIntegerField())


class Outage(NamedTuple):
    """Runs in an environment stopped at about `at`, by the provider's clock, for `number` volumes."""

    environment: Environment
    at: datetime
    number: int


def outages(volumes: VolumeQuerySet, counted: Iterable[Tally], environments: Sequence[Environment]) -> list[Outage]:
    """Find them. `volumes` are those of the tallies; rows are read of environments alone that have enough problems."""
    checked: Counter[int] = Counter()
    stopped: Counter[int] = Counter()
    for tally in counted:
        if tally.verdict < Verdict.EXCLUDED:
            checked[tally.environment_id] += tally.number
            if tally.verdict_by_data in STOPPED:
                stopped[tally.environment_id] += tally.number
    suspects = {place.pk: place for place in environments if is_many(stopped[place.pk], checked[place.pk])}
    return _found(volumes, suspects, checked) if suspects else []


def is_many(number: int, of: int) -> bool:
    return number >= LEAST_VOLUMES and number * 100 >= of * LEAST_PERCENT


def _found(volumes: VolumeQuerySet, suspects: Mapping[int, Environment], checked: Mapping[int, int]) -> list[Outage]:
    missed: dict[int, list[datetime]] = {pk: [] for pk in suspects}
    rows = volumes.filter(environment__in=list(suspects)).order_by().values_list(*OUTAGE_COLUMNS)
    for place, answers, verdict, by_data in rows:
        if verdict >= Verdict.EXCLUDED or by_data not in STOPPED:
            continue
        at = suspects[place].data_at
        dues = [part.due for part in read_parts(answers) if part.due and at and part.thresholds.at(at) in STOPPED]
        if dues:
            missed[place].append(min(dues))
    found = []
    for place, dues in missed.items():
        began, number = _densest(sorted(dues))
        if began is not None and is_many(number, checked[place]):
            found.append(Outage(suspects[place], began, number))
    return found


def _densest(moments: Sequence[datetime]) -> tuple[datetime | None, int]:
    """The hour that holds the most of these moments, which are in order: its first one, and how many they are."""
    began, most, start = None, 0, 0
    for end, moment in enumerate(moments):
        while moment - moments[start] > WITHIN:
            start += 1
        if end - start + 1 > most:
            began, most = moments[start], end - start + 1
    return began, most
