"""One page of what happened, newest first: which lines, and how many there are.

Each page is one walk along an index from where it begins, however far back that is. Counts go to 1,000 and are then
called "1,000+".
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import BooleanField, Case, Count, Q, Value, When

from dashboard.teams.models import Team
from snapshots.lists.change_filters import ChangeFilters, Cursor
from snapshots.lists.few_rows import ID_START, few_with, named, of_keys
from snapshots.lists.menu_counts import MOST_AT_ONCE, Part, count
from snapshots.lists.params import NO_VOLUME
from snapshots.lists.snapshot_list import EXACT_TO, of_name
from snapshots.models import Change, ChangeQuerySet, Environment

PAGE_LINES = 50
# Kinds of changes that a line for repeated failures, whose kind is another one, may hide.
HIDDEN = (Change.Kind.VANISHED, Change.Kind.DELETED)
RENAMES = (Change.Kind.RENAMED, Change.Kind.VOLUME_RENAMED)
COLUMNS = (
    *("pk", "environment_id", "at", "kind", "volume_id", "before", "after", "seconds", "number"),
    *("snapshot__snapshot_id", "snapshot__name", "snapshot__volume", "snapshot__interval_type"),
)


class Line(NamedTuple):
    """A line of the page as plain values; those of the snapshot are None where it is about none."""

    pk: int
    environment_id: int
    at: datetime
    kind: str
    volume_id: str
    before: str
    after: str
    seconds: int | None
    number: int | None
    snapshot_id: str | None
    name: str | None
    volume: str | None
    interval_type: str | None

    @property
    def since(self) -> datetime | None:
        """Since when one volume has failed again and again, on the line that counts it."""
        return self.at - timedelta(seconds=self.seconds or 0) if self.number and self.volume_id else None

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.at, self.pk)


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Lines of one page. `total` is a floor when `exact` is False; `newer` and `older` lead to its neighbours."""

    lines: Sequence[Line]
    total: int
    exact: bool
    newer: Cursor | None = None
    older: Cursor | None = None


def find_line(team: Team, pk: int) -> Change | None:
    """The line that stands for many; None if there is none of that number."""
    return Change.objects.of_team(team).filter(pk=pk, number__isnull=False).first()


def find_page(
    team: Team, environments: Sequence[Environment], filters: ChangeFilters, line: Change | None = None
) -> ChangePage:
    """The page that a view's filters ask for. `line`: the one that is opened."""
    rows = filtered(team, environments, filters, line)
    # Counted by the keys of the newest, which are the newest page's too: one walk for both.
    keys = list(rows.newest_first().values_list("pk", flat=True)[: EXACT_TO + 1])
    total, exact = min(len(keys), EXACT_TO), len(keys) <= EXACT_TO
    if filters.before is not None and (lines := _older_than(rows, filters.before)):
        older = lines[PAGE_LINES - 1].cursor if len(lines) > PAGE_LINES else None
        return ChangePage(lines[:PAGE_LINES], total, exact, lines[0].cursor, older)
    if filters.after is not None and len(lines := _newer_than(rows, filters.after)) > PAGE_LINES:
        shown = lines[PAGE_LINES - 1 :: -1]
        return ChangePage(shown, total, exact, shown[0].cursor, shown[-1].cursor)
    # Where there is nothing older any more, or too little newer to fill a page, the newest page is meant.
    shown = _lines(Change.objects.filter(pk__in=keys[:PAGE_LINES]).newest_first())
    return ChangePage(shown, total, exact, None, shown[-1].cursor if len(keys) > PAGE_LINES else None)


def filtered(
    team: Team, environments: Sequence[Environment], filters: ChangeFilters, line: Change | None
) -> ChangeQuerySet:
    hidden = () if Change.Kind.FAILED in filters.kinds else tuple(kind for kind in HIDDEN if kind in filters.kinds)
    rows = _matching(team, environments, filters, line, hidden)
    if filters.kinds:
        rows = rows.filter(kind__in=filters.kinds)
    elif filters.hides_rotated:
        rows = rows.exclude(kind=Change.Kind.ROTATED)
    return rows


def by_volume(
    team: Team, environments: Sequence[Environment], filters: ChangeFilters, line: Change | None
) -> dict[str, int]:
    """Count the lines of each chosen volume, as the filter names it."""
    rows = filtered(team, environments, filters, line).order_by().values_list("volume_id").annotate(Count("pk"))
    return {volume_id or NO_VOLUME: number for volume_id, number in rows}


class Group(NamedTuple):
    """Lines that no menu tells apart. `hidden`: under a line of another kind."""

    environment_id: int
    kind: str
    hidden: bool
    number: int


class MenuCounts(NamedTuple):
    """How many lines each choice would have, alone in its menu and with all other filters in force."""

    environments: Counter[int]
    kinds: Counter[str]


def is_small(team: Team) -> bool:
    """Whether counting all lines of the team takes no time worth a thought."""
    return not Change.objects.of_team(team).order_by().values("pk")[MOST_AT_ONCE : MOST_AT_ONCE + 1].exists()


def groups(team: Team, environments: Sequence[Environment], filters: ChangeFilters, line: Change | None) -> list[Group]:
    """Count all lines that a choice of kinds or environments may find, in one query, for both menus."""
    wide = replace(filters, environments=())
    folds = line is None and not filters.q
    rows = _matching(team, environments, wide, line, HIDDEN if folds else ())
    hidden = Case(When(line__isnull=False, then=Value(folds)), default=Value(False), output_field=BooleanField())
    counted = rows.order_by().annotate(hidden=hidden).values_list(*Group._fields[:-1])
    return [Group(*values) for values in counted.annotate(Count("pk"))]


def menu_counts(found: Iterable[Group], filters: ChangeFilters) -> MenuCounts:
    """Count the choices from `groups`."""
    places = {one.pk for one in filters.environments}
    parts = (
        (
            group.number,
            (
                Part([group.environment_id], not places or group.environment_id in places),
                Part([group.kind], _is_found(group, filters)),
            ),
        )
        for group in found
    )
    return MenuCounts(*count(parts, len(MenuCounts._fields)))


def _is_found(group: Group, filters: ChangeFilters) -> bool:
    if not filters.kinds:
        return not (group.hidden or (filters.hides_rotated and group.kind == Change.Kind.ROTATED))
    return group.kind in filters.kinds and not (group.hidden and Change.Kind.FAILED in filters.kinds)


def _matching(
    team: Team,
    environments: Sequence[Environment],
    filters: ChangeFilters,
    line: Change | None,
    hidden: Collection[str],
) -> ChangeQuerySet:
    """The lines that match all but the kind, and those of the `hidden` kinds that are under a line."""
    within = _within(team, environments, filters)
    rows = _opened(within, filters, line)
    if hidden and line is None and not filters.q:
        rows |= within.under_failures().filter(kind__in=hidden)
    if filters.since_time:
        rows = rows.filter(at__gte=filters.since_time)
    if filters.since:
        rows = rows.filter(at__gte=filters.since)
    if filters.until:
        rows = rows.filter(at__lt=filters.until)
    for word in filters.searched:
        rows = rows.filter(_holds(team, word))
    return rows


def _within(team: Team, environments: Sequence[Environment], filters: ChangeFilters) -> ChangeQuerySet:
    if filters.volume_ids:
        # By the environments alone, which are the team's: they lead the index of a volume's changes.
        ids = ["" if value == NO_VOLUME else value for value in filters.volume_ids]
        of_volumes = Change.objects.filter(environment__in=filters.environments or environments, volume_id__in=ids)
        return of_volumes.filter(snapshot__isnull=False) if "" in ids else of_volumes
    rows = Change.objects.of_team(team)
    return rows.filter(environment__in=filters.environments) if filters.environments else rows


def _opened(rows: ChangeQuerySet, filters: ChangeFilters, line: Change | None) -> ChangeQuerySet:
    """A line for many at once tells nothing of a volume or a word: with such a filter, list what is under it."""
    if line is not None:
        return rows.under(line)
    if filters.q:
        return rows.one_by_one()
    return rows.of_volumes() if filters.volume_ids else rows.as_lines()


def _holds(team: Team, word: str) -> Q:
    """A searched word: part of a name, then or now, of snapshot, volume or instance, or the start of an id.

    Where few snapshots have it, they are found first, and not looked up for each change.
    """
    keys = few_with(team, [word])
    if keys is None:
        of_snapshot = of_name(word, "snapshot__")
    else:
        of_snapshot = Q(snapshot__in=list(of_keys(team, keys).filter(of_name(word)).values_list("pk", flat=True)))
    found = of_snapshot | Q(volume_id__in=named(team, word).values("volume_id"))
    if ID_START.fullmatch(word.lower()):
        found |= Q(volume_id__opens=word.lower())
    return found | Q(kind__in=RENAMES) & (Q(before__holds=word) | Q(after__holds=word))


def _older_than(rows: ChangeQuerySet, before: Cursor) -> list[Line]:
    """The next older ones, and one more than a page to tell whether there are others."""
    older = rows.filter(at__lte=before.at).filter(Q(at__lt=before.at) | Q(pk__lt=before.pk))
    return _lines(older.newest_first()[: PAGE_LINES + 1])


def _newer_than(rows: ChangeQuerySet, after: Cursor) -> list[Line]:
    """The next newer ones, oldest first, and one more than a page."""
    newer = rows.filter(at__gte=after.at).filter(Q(at__gt=after.at) | Q(pk__gt=after.pk))
    return _lines(newer.order_by("at", "pk")[: PAGE_LINES + 1])


def _lines(rows: ChangeQuerySet) -> list[Line]:
    return [Line(*values) for values in rows.values_list(*COLUMNS)]
