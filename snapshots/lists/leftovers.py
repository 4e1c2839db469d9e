"""Snapshots that may not be needed: which, why, how many of each reason and age, and what would remain of a volume.

Four reasons, which are never mixed; a snapshot may have several. A reason needs proof. If only a range of time is
known, its younger end counts. An environment without a trusted list is left out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import (
    BooleanField,
    Case,
    Count,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
    Window,
)
from django.db.models.expressions import OrderBy, RowRange
from django.db.models.fields import CharField
from django.db.models.functions import NthValue

from dashboard.teams.models import Team
from snapshots.lists.leftover_filters import BANDS, DELETED, LEAST_DAYS, OLD, OUTSIDE, REASONS, SURPLUS, LeftoverFilters
from snapshots.lists.snapshot_list import holds
from snapshots.models import Environment, Snapshot, Volume
from snapshots.models.snapshot import SnapshotQuerySet
from snapshots.rules.rhythms import MANUAL, RHYTHM
from snapshots.rules.states import USABLE_STATE

# For so long a list says what the provider has. Later its environment is left out.
LIST_LASTS = timedelta(hours=1)
# The types of snapshots that no schedule takes. Of an unknown type nobody can say that.
UNSCHEDULED_TYPES = ("MANUAL", "TEMPLATE", "GROUP")
PLACE = ("environment_id", "volume_id")
Place = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the reasons depend on. `environments`: those that are not left out, chosen or not."""

    team: Team
    environments: Sequence[Environment]
    filters: LeftoverFilters
    now: datetime

    def before(self, days: int) -> datetime:
        return self.now - timedelta(days=days)


class Remaining(NamedTuple):
    """What a volume has in all: snapshots, usable ones, and when the newest usable one was taken at the earliest."""

    listed: int = 0
    usable: int = 0
    newest_after: datetime | None = None


class Line(NamedTuple):
    """A row of the list as plain values, with its reasons by their names."""

    pk: int
    environment_id: int
    volume_id: str
    volume: str
    snapshot_id: str
    name: str
    state: str
    taken_after: datetime | None
    taken_before: datetime
    taken_source: str
    usable_at: datetime | None
    deleted: bool
    old: bool
    surplus: bool
    outside: bool

    @property
    def place(self) -> Place:
        return self.environment_id, self.volume_id

    @property
    def is_usable(self) -> bool:
        return self.state == USABLE_STATE

    @property
    def reasons(self) -> tuple[str, ...]:
        return reasons_of(self)

    def is_last_of(self, remaining: Remaining) -> bool:
        """Whether it is the only usable one of its volume. Of what belongs to no volume nobody can say that."""
        return self.is_usable and bool(self.volume_id) and remaining.usable == 1


class Tally(NamedTuple):
    """Leftovers of a volume with the same reasons in one band of age. `usable`: how many of them can be restored."""

    environment_id: int
    volume_id: str
    deleted: bool
    old: bool
    surplus: bool
    outside: bool
    band: str
    number: int
    usable: int

    @property
    def place(self) -> Place:
        return self.environment_id, self.volume_id


class Found(NamedTuple):
    """Rows of one page."""

    lines: list[Line]
    total: int
    number: int
    has_next: bool


def is_trusted(environment: Environment, now: datetime) -> bool:
    """Whether the newest list is complete, believed and not old: only then its rows can be leftovers."""
    age = environment.data_age(now)
    if age is None or age > LIST_LASTS or environment.is_partial or environment.capped_rows:
        return False
    return environment.believed_at == environment.listed_at and environment.volumes_suspect_since is None


def reasons_of(one: Line | Tally) -> tuple[str, ...]:
    return tuple(reason for reason in REASONS if getattr(one, reason))


def tallies(rules: Rules) -> list[Tally]:
    """Count all leftovers that the search finds, in one query, under any choice of reasons, ages and environments."""
    rows = _searched(_marked(_aged(rules), rules), rules)
    counted = rows.order_by().values_list(*Tally._fields[:-2])
    found = counted.annotate(number=Count("pk"), usable=Count("pk", filter=Q(state=USABLE_STATE)))
    return [tally for tally in (Tally(*values) for values in found) if reasons_of(tally)]


def matches(tally: Tally, filters: LeftoverFilters, *, but: str = "") -> bool:
    """Whether the filters find it; `but`: the field of a menu that is not asked."""
    places = {one.pk for one in filters.environments}
    return (
        (but == "reasons" or not filters.reasons or not {*filters.reasons}.isdisjoint(reasons_of(tally)))
        and (but == "bands" or not filters.bands or tally.band in filters.bands)
        and (but == "environments" or not places or tally.environment_id in places)
    )


def find_page(rules: Rules, total: int) -> Found:
    """The page that the filters ask for; one past the end is the last one."""
    size = rules.filters.page_size
    number = min(rules.filters.page, max(1, -(-total // size)))
    start = (number - 1) * size
    pks = list(ordered(rules).values_list("pk", flat=True)[start : start + size])
    lines = read_lines(rules, pks)
    return Found([lines[pk] for pk in pks if pk in lines], total, number, has_next=number * size < total)


def read_lines(rules: Rules, pks: Sequence[int]) -> dict[int, Line]:
    """Read leftovers by primary key, with their reasons."""
    # The reasons need the other snapshots of the same volumes alone.
    volumes = {*Snapshot.objects.filter(pk__in=pks).values_list("volume_id", flat=True)}
    rows = _marked(Snapshot.objects.filter(pk__in=pks), rules, volumes).values_list(*Line._fields)
    return {line.pk: line for line in (Line(*values) for values in rows)}


def ordered(rules: Rules) -> "QuerySet[Snapshot]":
    """Every row that the filters find, volume after volume: that with the oldest or with the youngest one first."""
    filters = rules.filters
    rows = _searched(_aged(rules), rules).filter(_any_reason(rules))
    if filters.bands:
        rows = rows.annotate(band=_band(rules)).filter(band__in=filters.bands)
    if filters.environments:
        rows = rows.filter(environment__in=filters.environments)
    if filters.sort == "age":
        first = OrderBy(Window(Max("taken_before"), partition_by=PLACE), descending=True)
        return rows.order_by(first, *PLACE, "-taken_before", "-pk")
    return rows.order_by(Window(Min("taken_before"), partition_by=PLACE), *PLACE, "taken_before", "pk")


def remaining(rules: Rules, places: Iterable[Place]) -> dict[Place, Remaining]:
    """What volumes have in all, under any filter."""
    wanted = {*places}
    of_volumes = _listed(rules).filter(volume_id__in={volume_id for _, volume_id in wanted})
    counts = {
        "number": Count("pk"),
        "usable": Count("pk", filter=Q(state=USABLE_STATE)),
        "newest": Max("taken_after", filter=Q(state=USABLE_STATE)),
    }
    rows = of_volumes.order_by().values_list(*PLACE).annotate(**counts)
    found = {(place, volume_id): Remaining(*counts) for place, volume_id, *counts in rows}
    return {place: found.get(place, Remaining()) for place in wanted}


def usable_of(tallied: Iterable[Tally]) -> Mapping[Place, int]:
    """How many usable ones these tallies have, by volume."""
    found: Counter[Place] = Counter()
    for tally in tallied:
        found[tally.place] += tally.usable
    return found


def _listed(rules: Rules) -> SnapshotQuerySet:
    """What the provider lists: without those that its newest list lacks."""
    rows = Snapshot.objects.of_team(rules.team).listed().filter(environment__in=rules.environments)
    return rows.filter(missing_since__isnull=True)


def _aged(rules: Rules) -> SnapshotQuerySet:
    """Those that are old enough to be asked about."""
    edge = rules.before(LEAST_DAYS)
    # By the key an index leads to them. Where no time is known, it is older than the end of what is known.
    return _listed(rules).filter(taken_key__lte=edge, taken_before__lte=edge)


def _searched(rows: "QuerySet[Snapshot]", rules: Rules) -> "QuerySet[Snapshot]":
    for word in rules.filters.searched:
        rows = rows.filter(holds(rules.team, word))
    return rows.filter(snapshot_id__in=rules.filters.ids) if rules.filters.ids else rows


def _marked(rows: "QuerySet[Snapshot]", rules: Rules, volumes: Iterable[str] | None = None) -> "QuerySet[Snapshot]":
    reasons = {
        name: ExpressionWrapper(condition, BooleanField()) for name, condition in _conditions(rules, volumes).items()
    }
    return rows.annotate(**reasons, band=_band(rules))


def _any_reason(rules: Rules) -> Q:
    found = Q()
    conditions = _conditions(rules)
    for reason in rules.filters.reasons or REASONS:
        found |= conditions[reason]
    return found


def _conditions(rules: Rules, volumes: Iterable[str] | None = None) -> dict[str, Q]:
    """When a snapshot has a reason. `volumes`: of which the rows are, if that is known."""
    of_row = Volume.objects.filter(environment=OuterRef("environment"), volume_id=OuterRef("volume_id"))
    has_own = Q(Exists(of_row.filter(schedules__gt="")))
    # With a rhythm, manual ones are the runs of it.
    is_of_rhythm = Q(interval_type=MANUAL) & Q(Exists(of_row.filter(schedules__contains=RHYTHM[0])))
    return {
        DELETED: Q(Exists(of_row.filter(deleted_at__isnull=False))),
        OLD: Q(taken_before__lt=rules.before(rules.filters.days)),
        SURPLUS: Q(pk__in=_surplus(rules, volumes)),
        OUTSIDE: Q(interval_type__in=UNSCHEDULED_TYPES) & has_own & ~is_of_rhythm,
    }


def _surplus(rules: Rules, volumes: Iterable[str] | None) -> "QuerySet[Snapshot, int]":
    """Those of a volume that has enough usable ones that are newer for certain."""
    rows = _listed(rules).exclude(volume_id="")
    # Few volumes have so many: the rows of the others need not be sorted.
    enough = Volume.objects.of_team(rules.team).filter(usable_count__gte=rules.filters.keep)
    rows = rows.filter(volume_id__in=enough.values("volume_id") if volumes is None else volumes)
    began = Case(When(state=USABLE_STATE, then=F("taken_after")), output_field=DateTimeField(null=True))
    needed_from = Window(
        NthValue(began, rules.filters.keep),
        partition_by=PLACE,
        order_by=OrderBy(began, descending=True, nulls_last=True),
        frame=RowRange(),
    )
    found: QuerySet[Snapshot, int] = (
        rows.alias(needed_from=needed_from).filter(taken_before__lt=F("needed_from")).values_list("pk", flat=True)
    )
    return found


def _band(rules: Rules) -> Case:
    """The oldest band that a row has reached."""
    found = [
        When(taken_before__lte=rules.before(days), then=Value(band))
        for band, days in sorted(BANDS.items(), key=lambda item: -item[1])
    ]
    return Case(*found, default=Value(""), output_field=CharField())
