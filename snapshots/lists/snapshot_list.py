"""One page of the list: which rows, in which order, and how many there are.

Counts come from what the sync stored wherever one kind of filter is set; several together are counted to 1,000 and
then called "1,000+". OFFSET is walked from the nearer end. (Why: the figures beside `Filters` pages at 100,000 rows.)
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import BooleanField, Case, Count, Q, QuerySet, SmallIntegerField, Value, When

from dashboard.teams.models import Team
from snapshots.lists.few_rows import ID_START, few, few_with, named, of_keys
from snapshots.lists.menu_counts import Part, count
from snapshots.lists.params import NO_VOLUME
from snapshots.lists.snapshot_filters import SnapshotFilters
from snapshots.lists.taken_filters import BANDS, Reach, ages, bands, in_days, reach, with_key
from snapshots.models import Environment, Snapshot, Volume

EXACT_TO = 1000
# Each order ends in a unique column and is one index read forwards or backwards.
ORDERS = {
    "taken": ("taken_key", "pk"),
    "name": ("name", "-pk"),
    "volume": ("volume", "-taken_key", "-pk"),
    "state": ("state", "-taken_key", "-pk"),
    "type": ("interval_type", "-taken_key", "-pk"),
}


class Line(NamedTuple):
    """A row of the list as plain values."""

    pk: int
    environment_id: int
    snapshot_id: str
    name: str
    state: str
    interval_type: str
    volume_id: str
    volume: str
    taken_after: datetime | None
    taken_before: datetime
    taken_source: str
    missing_since: datetime | None
    listed: bool


@dataclass(frozen=True, slots=True)
class ListPage:
    """Rows of one page. `total` is a floor when `exact` is False."""

    lines: list[Line]
    total: int
    exact: bool
    number: int
    has_next: bool


def find_page(
    team: Team, environments: Sequence[Environment], filters: SnapshotFilters, now: datetime, volumes: Sequence[Volume]
) -> ListPage:
    """The page that a view's filters ask for; a page past the end is the last one. `volumes` are the chosen ones."""
    rows = filtered(team, filters, now)
    total = stored_total(filters.environments or environments, filters, volumes)
    if total is None:
        return _counted_page(rows, filters)
    last = max(1, -(-total // filters.page_size))
    number = min(filters.page, last)
    lines = _slice(rows, filters, start=(number - 1) * filters.page_size, total=total)
    return ListPage(lines, total, exact=True, number=number, has_next=number < last)


def filtered(team: Team, filters: SnapshotFilters, now: datetime) -> QuerySet[Snapshot]:
    of_team = Snapshot.objects.of_team(team)
    rows: QuerySet[Snapshot] = of_team.listed() if filters.listed else of_team.no_longer_listed()
    if filters.environments:
        rows = rows.filter(environment__in=filters.environments)
    limits = reach(team, filters, now) if filters.age or filters.since or filters.until else Reach()
    if filters.q and (found := few_with(team, filters.searched)) is not None:
        rows = of_keys(team, found).filter(listed=filters.listed)
        if filters.environments:
            rows = rows.filter(Q(place__in=[environment.pk for environment in filters.environments]))
    elif (conditions := _indexed(filters, limits)) and (found := few(rows, conditions)) is not None:
        rows = of_keys(team, found)
    elif filters.sort.endswith("taken"):
        rows = rows.filter(limits.condition())
    if filters.states:
        rows = rows.filter(state__in=filters.states)
    if filters.interval_types:
        rows = rows.filter(interval_type__in=filters.interval_types)
    if limits != Reach():
        rows = with_key(rows).filter(in_days(filters))
    if filters.age:
        rows = rows.filter(ages(now)[filters.age])
    return _searched(team, rows, filters)


def _indexed(filters: SnapshotFilters, limits: Reach) -> list[Q]:
    """The conditions of the filters that have an index, unless one index serves both the filters and the order."""
    conditions = []
    if filters.volume_ids:
        conditions.append(_of_volumes(filters))
    if filters.environments:
        conditions.append(Q())
    if filters.states:
        conditions.append(Q(state__in=filters.states))
    if filters.interval_types:
        conditions.append(Q(interval_type__in=filters.interval_types))
    if limits != Reach():
        conditions.append(limits.condition())
    is_one = max(map(len, (filters.volume_ids, filters.environments, filters.states, filters.interval_types))) < 2
    is_served = len(conditions) == 1 and is_one and filters.sort.endswith("taken") and not filters.q
    return [] if is_served else conditions


def _searched(team: Team, rows: QuerySet[Snapshot], filters: SnapshotFilters) -> QuerySet[Snapshot]:
    """The rows of the chosen volumes that hold the searched words."""
    if filters.volume_ids:
        rows = rows.filter(_of_volumes(filters))
    for word in filters.searched:
        rows = rows.filter(holds(team, word))
    return rows


def _of_volumes(filters: SnapshotFilters) -> Q:
    return Q(volume_id__in=["" if value == NO_VOLUME else value for value in filters.volume_ids])


class Group(NamedTuple):
    """Rows that no menu tells apart. `band`: the place of the first age of `BANDS` that they have."""

    environment_id: int
    state: str
    interval_type: str
    listed: bool
    band: int
    in_days: bool
    number: int


class MenuCounts(NamedTuple):
    """How many rows each choice would have, alone in its menu and with all other filters in force."""

    environments: Counter[int]
    states: Counter[str]
    interval_types: Counter[str]
    listed: Counter[bool]
    ages: Counter[str]


def groups(team: Team, filters: SnapshotFilters, now: datetime) -> list[Group]:
    """Count all rows of the chosen volumes and the search, in one query, for every menu.

    It reads each of these rows: at 100,000 that takes a good part of a second, of a volume a few milliseconds.
    """
    found = [When(condition, then=Value(place)) for place, condition in enumerate(bands(now))]
    # Every row is meant where no day is chosen; an empty condition is refused.
    is_in_days = When(in_days(filters) or Q(pk__isnull=False), then=Value(True))
    rows = with_key(_searched(team, Snapshot.objects.of_team(team), filters)).annotate(
        band=Case(*found, default=Value(len(found)), output_field=SmallIntegerField()),
        in_days=Case(is_in_days, default=Value(False), output_field=BooleanField()),
    )
    return [Group(*values) for values in rows.order_by().values_list(*Group._fields[:-1]).annotate(Count("pk"))]


def menu_counts(found: Iterable[Group], filters: SnapshotFilters) -> MenuCounts:
    """Count the choices from `groups`. The days are of one menu with the ages, which a choice there replaces."""
    places = {one.pk for one in filters.environments}
    parts = (
        (
            group.number,
            (
                Part([group.environment_id], not places or group.environment_id in places),
                Part([group.state], not filters.states or group.state in filters.states),
                Part(
                    [group.interval_type], not filters.interval_types or group.interval_type in filters.interval_types
                ),
                Part([group.listed], group.listed == filters.listed),
                Part(BANDS[group.band], group.in_days and filters.age in BANDS[group.band]),
            ),
        )
        for group in found
    )
    return MenuCounts(*count(parts, len(MenuCounts._fields)))


def by_volume(team: Team, filters: SnapshotFilters, now: datetime) -> dict[str, int]:
    """Count the rows of each chosen volume, as the filter names it."""
    found = filtered(team, filters, now).order_by().values_list("volume_id").annotate(Count("pk"))
    return {volume_id or NO_VOLUME: number for volume_id, number in found}


def ordered(team: Team, filters: SnapshotFilters, now: datetime) -> QuerySet[Snapshot]:
    """Return every row that a view's filters match, in its order, from all pages."""
    return filtered(team, filters, now).order_by(*_order(filters.sort))


def stored_total(
    environments: Sequence[Environment], filters: SnapshotFilters, volumes: Sequence[Volume] = ()
) -> int | None:
    """How many rows match, from what the sync counted; None where it counted nothing of the kind."""
    if filters.age or filters.from_date or filters.to_date or filters.q:
        return None
    chosen = [bool(filters.volume_ids), bool(filters.states), bool(filters.interval_types), not filters.listed]
    if sum(chosen) > 1:
        return None
    if filters.volume_ids:
        return _volumes_total(environments, filters, volumes)
    if filters.states:
        return sum(facet(environments, "state").get(value, 0) for value in filters.states)
    if filters.interval_types:
        return sum(facet(environments, "interval_type").get(value, 0) for value in filters.interval_types)
    return sum(int(environment.facets.get("listed" if filters.listed else "gone", 0)) for environment in environments)


def facet(environments: Sequence[Environment], name: str) -> dict[str, int]:
    """Listed rows per value of a column, over some environments."""
    totals: dict[str, int] = {}
    for environment in environments:
        for value, number in environment.facets.get(name, {}).items():
            totals[value] = totals.get(value, 0) + number
    return totals


def _volumes_total(environments: Sequence[Environment], filters: SnapshotFilters, volumes: Sequence[Volume]) -> int:
    counted = {environment.pk for environment in environments}
    total = sum(volume.snapshot_count for volume in volumes if volume.environment_id in counted)
    if NO_VOLUME in filters.volume_ids:
        total += sum(int(environment.facets.get("no_volume", 0)) for environment in environments)
    return total


def of_name(word: str, path: str = "") -> Q:
    """Part of the name of a snapshot or of its volume then, or the start of the snapshot's id. `path` leads to it."""
    found = Q((f"{path}name__holds", word)) | Q((f"{path}volume__holds", word))
    return found | Q((f"{path}snapshot_id__opens", word.lower())) if ID_START.fullmatch(word.lower()) else found


def holds(team: Team, word: str) -> Q:
    """A searched word: part of the name of a snapshot, its volume (then or now) or instance, or the start of an id."""
    found = of_name(word) | Q(volume_id__in=named(team, word).values("volume_id"))
    return found | Q(volume_id__opens=word.lower()) if ID_START.fullmatch(word.lower()) else found


def _order(sort: str) -> list[str]:
    names = ORDERS[sort.removeprefix("-")]
    return _reversed(names) if sort.startswith("-") else list(names)


def _reversed(names: Sequence[str]) -> list[str]:
    return [name[1:] if name.startswith("-") else f"-{name}" for name in names]


def _slice(rows: QuerySet[Snapshot], filters: SnapshotFilters, *, start: int, total: int) -> list[Line]:
    order = _order(filters.sort)
    size = min(filters.page_size, max(0, total - start))
    if start <= total // 2:
        return _lines(rows.order_by(*order), start, size)
    return _lines(rows.order_by(*_reversed(order)), total - start - size, size)[::-1]


def _lines(rows: QuerySet[Snapshot], start: int, size: int) -> list[Line]:
    return [Line(*values) for values in rows.values_list(*Line._fields)[start : start + size]]


def _counted_page(rows: QuerySet[Snapshot], filters: SnapshotFilters) -> ListPage:
    """Count and page in one walk: the keys of the first rows up to the limit, then the page's own rows."""
    ordered = rows.order_by(*_order(filters.sort))
    size = filters.page_size
    limit = max(EXACT_TO, filters.page * size)
    keys = list(ordered.values_list("pk", flat=True)[: limit + 1])
    total = min(len(keys), limit)
    number = min(filters.page, max(1, -(-total // size)))
    shown = keys[(number - 1) * size : min(number * size, total)]
    by_pk = {line.pk: line for line in _lines(Snapshot.objects.filter(pk__in=shown), 0, size)}
    lines = [by_pk[pk] for pk in shown if pk in by_pk]
    return ListPage(lines, total, exact=len(keys) <= limit, number=number, has_next=len(keys) > number * size)
