"""One page of what happened, newest first: which lines, and how many there are.

Each page is one walk along an index from where it begins, however far back that is. Counts go to 1,000 and are then
called "1,000+".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from dashboard.teams.models import Team
from snapshots.lists.change_filters import ChangeFilters, Cursor
from snapshots.lists.params import NO_VOLUME
from snapshots.lists.snapshot_list import EXACT_TO, ID_START, MOST_WORDS
from snapshots.models import Change, ChangeQuerySet, Environment, Snapshot, Volume

PAGE_LINES = 50
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
    rows = _opened(_within(team, environments, filters), filters, line)
    if filters.kinds:
        rows = rows.filter(kind__in=filters.kinds)
    elif filters.hides_rotated:
        rows = rows.exclude(kind=Change.Kind.ROTATED)
    if filters.since:
        rows = rows.filter(at__gte=filters.since)
    if filters.until:
        rows = rows.filter(at__lt=filters.until)
    for word in filters.q.split(maxsplit=MOST_WORDS - 1):
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

    Snapshots are looked through by themselves: once for all changes, not once for each.
    """
    named = Volume.objects.of_team(team).filter(Q(name__icontains=word) | Q(instance_name__icontains=word))
    of_snapshot = Q(name__icontains=word) | Q(volume__icontains=word)
    found = Q(volume_id__in=named.values("volume_id"))
    if ID_START.fullmatch(word.lower()):
        of_snapshot |= Q(snapshot_id__startswith=word.lower())
        found |= Q(volume_id__startswith=word.lower())
    found |= Q(kind__in=RENAMES) & (Q(before__icontains=word) | Q(after__icontains=word))
    return found | Q(snapshot__in=Snapshot.objects.filter(of_snapshot, team=team))


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
