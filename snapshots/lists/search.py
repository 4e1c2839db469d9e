"""One search over what a team has: volumes, their instances, snapshots. The closest of each, and how many match.

A text matches as in the lists, so that each group leads to its list. A complete id finds its one object, even one that
no list shows any more.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from heapq import nlargest, nsmallest
from itertools import chain, takewhile
from operator import eq
from typing import Generic, NamedTuple, TypeVar

from django.db.models import Case, Q, QuerySet, Value, When
from django.db.models.functions import Length

from dashboard.teams.models import Team
from snapshots.lists import params
from snapshots.lists.snapshot_filters import SnapshotFilters
from snapshots.lists.snapshot_list import EXACT_TO, Line, filtered
from snapshots.lists.volume_filters import VolumeFilters
from snapshots.lists.volume_list import in_order, instance_of, narrowed
from snapshots.models import Environment, Snapshot, Volume, fold
from snapshots.rules.verdict import Verdict
from snapshots.verdicts.sql import DataAges, volumes_of_team, with_verdicts

T = TypeVar("T")
# How near a name is to the text: the whole of it, its beginning, anything else.
EXACT, BEGINS, CONTAINS = 0, 1, 2
# What a suggestion needs: the length of the text, and how similar the name is.
LEAST_TEXT, LEAST_RATIO = 3, 0.75
# Where it is looked for: how many volumes are read, how many names on either side of the text in the order of names,
# and how many of all these, the most similar by a cheap measure, are compared.
MOST_READ, MOST_BESIDE, MOST_COMPARED = 4_000, 500, 40


@dataclass(frozen=True, slots=True)
class Matches(Generic[T]):
    """The closest matches of one kind. `total` is a floor when `is_exact` is False."""

    closest: list[T]
    total: int
    is_exact: bool = True


@dataclass(slots=True)
class InstanceMatch:
    """A server with some volumes; `rank`: the worst verdict among them."""

    environment_id: int
    name: str
    is_guess: bool
    rank: int
    volumes: int = 0


class _Row(NamedTuple):
    pk: int
    environment_id: int
    volume_id: str
    instance_id: str
    name: str
    instance_name: str
    newest_usable__name: str | None
    verdict: int
    verdict_by_data: int

    @property
    def rank(self) -> int:
        """Problems come first, by the data's verdict: old data does not move a row."""
        return -1 if self.verdict >= Verdict.EXCLUDED else self.verdict_by_data


def complete_id(text: str) -> str:
    """The id that a text is, in the provider's form; "" for any other text."""
    found = params.volume_id(text)
    return "" if found is None or found == params.NO_VOLUME else found


def find_volumes(
    environments: Sequence[Environment], text: str, ages: DataAges, *, most: int
) -> tuple[Matches[Volume], Matches[InstanceMatch]]:
    """Volumes, with their status, and instances."""
    if searched := complete_id(text):
        named = Q(volume_id=searched) | Q(instance_id__iexact=searched)
        volumes = with_verdicts(volumes_of_team(environments).filter(named), ages)
    else:
        volumes = narrowed(environments, VolumeFilters(q=text), ages)
    rows = [_Row(*values) for values in volumes.order_by().values_list(*_Row._fields)]
    instances = _instances(rows, text)
    closest = nsmallest(most, instances, key=lambda one: (_closeness(text, one.name), -one.rank, one.name))
    if searched:
        rows = [row for row in rows if row.volume_id == searched]
    best = nsmallest(
        most, rows, key=lambda row: (_closeness(text, row.name, row.volume_id), -row.rank, row.name, row.pk)
    )
    return Matches(in_order([row.pk for row in best], ages), len(rows)), Matches(closest, len(instances))


def find_snapshots(
    team: Team, environments: Sequence[Environment], text: str, now: datetime, *, most: int
) -> Matches[Line]:
    """Snapshots, the newest first among equally close ones; counted as the list counts them."""
    rows: QuerySet[Snapshot]
    if searched := complete_id(text):
        rows = Snapshot.objects.of_team(team).filter(environment__in=environments, snapshot_id=searched)
    else:
        rows = filtered(team, SnapshotFilters(q=text), now)
    keys = list(
        rows.alias(length=Length("name"))
        .order_by(_snapshot_closeness(text), "-taken_key", "-pk")
        .values_list("pk", flat=True)[: EXACT_TO + 1]
    )
    by_pk = {
        values[0]: Line(*values) for values in Snapshot.objects.filter(pk__in=keys[:most]).values_list(*Line._fields)
    }
    closest = [by_pk[pk] for pk in keys[:most] if pk in by_pk]
    return Matches(closest, min(len(keys), EXACT_TO), is_exact=len(keys) <= EXACT_TO)


def closest_name(team: Team, environments: Sequence[Environment], text: str, ages: DataAges) -> str:
    """The volume's or instance's name that is most similar to a text that finds nothing; "" where none is."""
    if len(text) < LEAST_TEXT or complete_id(text):
        return ""
    searched, names = text.lower(), {name.lower(): name for name in _names(team, environments, text, ages)}
    candidates = nlargest(MOST_COMPARED, names, key=lambda name: _shared(searched, name))
    found = get_close_matches(searched, candidates, n=1, cutoff=LEAST_RATIO)
    return names[found[0]] if found else ""


def _names(team: Team, environments: Sequence[Environment], text: str, ages: DataAges) -> Iterator[str]:
    """Names that a search can find: all of a usual team's, and of a large one's some, with those that begin alike."""
    volumes = narrowed(environments, VolumeFilters(), ages).order_by()
    rows = volumes.values_list("name", "instance_name")[:MOST_READ]
    yield from chain.from_iterable(rows)
    if len(rows) == MOST_READ:
        by_name = volumes.filter(team=team).values_list("name", flat=True)
        yield from by_name.filter(name__gte=text).order_by("name")[:MOST_BESIDE]
        yield from by_name.filter(name__lt=text).order_by("-name")[:MOST_BESIDE]


def _shared(text: str, name: str) -> int:
    """How many characters two texts have in common at their beginning and at their end."""
    return sum(sum(takewhile(bool, map(eq, *ends))) for ends in ((text, name), (reversed(text), reversed(name))))


def _instances(rows: Iterable[_Row], text: str) -> list[InstanceMatch]:
    found: dict[tuple[int, str], InstanceMatch] = {}
    for row in rows:
        instance = instance_of(row.instance_name, row.name, row.newest_usable__name or "")
        if not _is_instance(row, instance.name, text, is_guess=instance.is_guess):
            continue
        key = (row.environment_id, instance.name)
        match = found.setdefault(key, InstanceMatch(row.environment_id, instance.name, instance.is_guess, row.rank))
        match.volumes += 1
        match.rank = max(match.rank, row.rank)
    return list(found.values())


def _is_instance(row: _Row, name: str, text: str, *, is_guess: bool) -> bool:
    if not name:
        return False
    if searched := complete_id(text):
        return row.instance_id.lower() == searched
    words, name = VolumeFilters(q=fold(text)).searched, fold(name)
    # A guessed one is found by its beginning, as in the list: else some of its volumes would be missing.
    return all(name.startswith(word) if is_guess else word in name for word in words)


def _closeness(text: str, *names: str) -> int:
    text = fold(text)
    folded = [fold(name) for name in names]
    if text in folded:
        return EXACT
    return BEGINS if any(name.startswith(text) for name in folded) else CONTAINS


def _snapshot_closeness(text: str) -> Case:
    return Case(
        When(Q(name__begins=text, length=len(text)) | Q(snapshot_id=text.lower()), then=Value(EXACT)),
        When(Q(name__begins=text) | Q(snapshot_id__startswith=text.lower()), then=Value(BEGINS)),
        default=Value(CONTAINS),
    )
