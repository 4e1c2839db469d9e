"""The alerts page's rows: problems in groups, of one environment and kind each.

The groups are made here and not by the database: which volumes are in one, and what was known of them, is on the page.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from dashboard.backends.prepared import Prepared
from dashboard.teams.models import Membership, Team
from snapshots.lists.menu_counts import Part, count
from snapshots.lists.problem_filters import ENDED, KINDS, ProblemFilters
from snapshots.models import Problem, ProblemQuerySet, ProblemTick

Kind = Problem.Kind
Facts = Mapping[str, object]
# The most that the page lists of those that ended today; it links to all.
MOST_ENDED = 200
MARK_SIGNS = 16
_COLUMNS = (
    *("pk", "environment_id", "volume_id", "volume__volume_id", "volume__name", "kind", "began_after", "began_at"),
    *("ended_at", "end", "facts", "acknowledged_by", "acknowledged_at", "acknowledged_until", "note", "ticket"),
)


class Line(NamedTuple):
    """One problem. `volume_id` is the provider's, "" for a problem of the environment itself."""

    pk: int
    environment_id: int
    volume_pk: int | None
    volume_id: str | None
    volume_name: str | None
    kind: int
    began_after: datetime | None
    began_at: datetime
    ended_at: datetime | None
    end: str
    facts: Facts
    acknowledged_by: str
    acknowledged_at: datetime | None
    acknowledged_until: datetime | None
    note: str
    ticket: str
    is_quiet: bool = False
    is_seen: bool = True


@dataclass(frozen=True)
class Group:
    """Problems of one environment and kind; those of one acknowledgement are a separate group."""

    lines: Sequence[Line]

    @property
    def first(self) -> Line:
        return self.lines[0]

    @property
    def environment_id(self) -> int:
        return self.first.environment_id

    @property
    def kind(self) -> Problem.Kind:
        return Kind(self.first.kind)

    @property
    def is_quiet(self) -> bool:
        return self.first.is_quiet

    @property
    def is_of_environment(self) -> bool:
        return self.first.volume_pk is None

    @property
    def number(self) -> int:
        return len(self.lines)

    @cached_property
    def unseen(self) -> int:
        """How many of its problems the member has not ticked off."""
        return sum(not line.is_seen for line in self.lines)

    @property
    def pks(self) -> Sequence[int]:
        return [line.pk for line in self.lines]


class Current(NamedTuple):
    """What is open: groups that need somebody, and those that are quiet. Both the worst first."""

    open: Sequence[Group]
    quiet: Sequence[Group]

    @property
    def unseen(self) -> Sequence[Group]:
        return [group for group in self.open if group.unseen]


def mark_of(groups: Iterable[Group]) -> str:
    """Name exactly these problems and how bad they are, so that an act is on what the member saw, or on nothing."""
    found = sorted((line.pk, line.kind) for group in groups for line in group.lines)
    return sha256(repr(found).encode()).hexdigest()[:MARK_SIGNS]


def dom_of(*key: str) -> str:
    """Return the id of a group's row on the page: of its environment's path and its kind's code, if it is not quiet."""
    return "group-" + "".join(sign if sign.isalnum() else "-" for sign in " ".join(key))


def find_current(team: Team, filters: ProblemFilters, member: Membership, now: datetime) -> Current:
    """Read what is open, in groups."""
    rows = filtered(Problem.objects.of_team(team).current().not_replaced(), team, filters)
    ticks = ProblemTick.objects.filter(member=member, problem=OuterRef("pk"), kind__gte=OuterRef("kind"))
    quiet = Problem.objects.acknowledged(now).filter(pk=OuterRef("pk"))
    values = rows.worst_first().values_list(*_COLUMNS, Exists(quiet), Exists(ticks))
    groups: dict[object, list[Line]] = {}
    for line in (Line(*each) for each in values):
        key = (line.environment_id, line.kind, line.acknowledged_at if line.is_quiet else None)
        groups.setdefault(key, []).append(line)
    found = [Group(lines) for lines in groups.values()]
    return Current([one for one in found if not one.is_quiet], [one for one in found if one.is_quiet])


def replaced_by(environments: Collection[int]) -> dict[int, int]:
    """Count the open problems of volumes that are not shown, because their environment itself has one."""
    rows = Problem.objects.current().filter(environment__in=environments, volume__isnull=False).order_by()
    return dict(rows.values_list("environment").annotate(Count("pk"))) if environments else {}


def ended(team: Team, filters: ProblemFilters, now: datetime) -> ProblemQuerySet:
    """Return those that ended, the last first: today, unless the filters ask for all of them or for a time."""
    rows = filtered(Problem.objects.of_team(team).ended(), team, filters)
    if filters.show != ENDED and not filters.has_time:
        rows = rows.filter(ended_at__gte=datetime.combine(now.date(), time.min, UTC))
    return rows.order_by("-ended_at", "environment", "-kind", "end", "pk")


def in_groups(rows: ProblemQuerySet) -> list[Group]:
    """Read problems that ended; neighbours that ended together, of one environment, are a group."""
    groups: list[list[Line]] = []
    key: object = None
    for line in (Line(*each) for each in rows.values_list(*_COLUMNS)):
        own = (line.environment_id, line.kind, line.end, line.ended_at, line.volume_pk is None)
        if own != key:
            groups.append([])
        groups[-1].append(line)
        key = own
    return [Group(lines) for lines in groups]


def last_end(team: Team) -> datetime | None:
    return Problem.objects.of_team(team).ended().order_by("-ended_at").values_list("ended_at", flat=True).first()


def filtered(rows: ProblemQuerySet, team: Team, filters: ProblemFilters) -> ProblemQuerySet:
    """Keep those that match all but what is shown of them: open or ended."""
    if filters.environments:
        rows = rows.filter(environment__in=filters.environments)
    if filters.kinds:
        rows = rows.filter(kind__in=[KINDS[kind] for kind in filters.kinds])
    if filters.until:
        rows = rows.filter(began_at__lt=filters.until)
    for since in filter(None, (filters.since, filters.since_time)):
        rows = rows.filter(Q(ended_at__isnull=True) | Q(ended_at__gte=since))
    for word in filters.searched:
        rows = rows.filter(_holds(word))
    return rows


def _holds(word: str) -> Q:
    """A searched word: part of a name, the note or the ticket, or the start of a volume's id."""
    of_volume = Q(volume__name__holds=word) | Q(volume__instance_name__holds=word) | Q(volume__volume_id__begins=word)
    of_place = Q(volume__isnull=True, environment__name__holds=word)
    return of_volume | of_place | Q(note__holds=word) | Q(ticket__holds=word)


class MenuCounts(NamedTuple):
    """How many problems each choice would find, alone in its menu and with all other filters in force."""

    environments: Counter[int]
    kinds: Counter[int]


def menu_counts(team: Team, filters: ProblemFilters, now: datetime) -> MenuCounts:
    wide = replace(filters, environments=(), kinds=())
    parts = [ended(team, wide, now)]
    if filters.show != ENDED:
        parts.append(filtered(Problem.objects.of_team(team).current().not_replaced(), team, wide))
    places, kinds = {one.pk for one in filters.environments}, {KINDS[kind] for kind in filters.kinds}
    groups = (
        (number, (Part([place], not places or place in places), Part([kind], not kinds or kind in kinds)))
        for rows in parts
        for place, kind, number in rows.order_by().values_list("environment", "kind").annotate(Count("pk"))
    )
    return MenuCounts(*count(groups, len(MenuCounts._fields)))


# --- ticks


def _groups_of(rows: ProblemQuerySet) -> Subquery:
    """Count the groups that rows of one team are in."""
    in_one_number = F("environment_id") * Value(10) + F("kind")
    counted = rows.order_by().values("team").annotate(groups=Count(in_one_number, distinct=True))
    return Subquery(counted.values("groups"))


def _counted(team: int, member: int, now: datetime) -> QuerySet[Team]:
    rows = Problem.objects.filter(
        team=OuterRef("pk"), environment__removed_at__isnull=True, environment__half_written_since__isnull=True
    )
    unseen = rows.not_acknowledged(now).not_replaced().unseen_by(member)
    return Team.objects.filter(pk=team).annotate(unseen=Coalesce(_groups_of(unseen), 0)).only("pk")


_UNSEEN = Prepared(_counted)


def unseen_groups(member: Membership, now: datetime) -> int:
    """Count the open groups that a member has not ticked off, in one query: it is asked for at every page."""
    found = _UNSEEN.first(team=member.team_id, member=member.pk, now=now)
    return int(vars(found)["unseen"]) if found else 0


def ticks_of(member: Membership) -> list[tuple[int, int, datetime]]:
    """Read which open problems a member has ticked off, at which kind and when."""
    rows = ProblemTick.objects.filter(member=member, problem__ended_at__isnull=True).order_by("problem")
    return list(rows.values_list("problem", "kind", "at"))


def ticked_volumes(member: Membership) -> set[int]:
    """Read which volumes have an open problem that a member has ticked off, as bad as it is."""
    rows = ProblemTick.objects.filter(member=member, problem__ended_at__isnull=True, kind__gte=F("problem__kind"))
    return {each.problem.volume_id for each in rows.select_related("problem") if each.problem.volume_id}
