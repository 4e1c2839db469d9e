"""The rows of a filter that leaves few: its own index finds them, and they are sorted.

Of many rows the index of the list's order meets a page soon enough. SQLite keeps no statistics and cannot tell the two
apart: without this it walks all rows for one of them, or sorts all of them for one page.
"""

import re
from collections.abc import Collection, Iterable, Iterator

from django.db.models import BigIntegerField, Q, QuerySet

from dashboard.teams.models import Team
from snapshots.models import Environment, Snapshot, Volume, words
from snapshots.models.environment import not_hidden
from snapshots.models.snapshot import Unindexed
from snapshots.models.volume import VolumeQuerySet

MOST_SORTED = 10_000
ID_START = re.compile(r"[0-9a-f-]{1,36}")


def few(rows: QuerySet[Snapshot], conditions: Iterable[Q]) -> list[int] | None:
    """Return the primary keys of the rows that meet one of the conditions, the first that few meet; else None.

    An index must serve each condition.
    """
    for condition in conditions:
        found = list(rows.filter(condition).order_by().values_list("pk", flat=True)[: MOST_SORTED + 1])
        if len(found) <= MOST_SORTED:
            return found
    return None


def few_with(team: Team, searched: Iterable[str]) -> list[int] | None:
    """Return the primary keys of the team's rows that may hold one of the words, the first that few hold; else None."""
    for word in searched:
        found = _may_hold(team, word)
        if found is not None:
            return found
    return None


def named(team: Team, word: str) -> VolumeQuerySet:
    """The volumes whose name or instance holds a word now."""
    return Volume.objects.of_team(team).filter(Q(name__holds=word) | Q(instance_name__holds=word))


def _may_hold(team: Team, word: str) -> list[int] | None:
    found = words.rows_with(team.pk, word, MOST_SORTED + 1)
    if found is None or len(found) > MOST_SORTED:
        return None
    first, *others = _by_volume_or_id(team, word)
    keys = {*found, *first.union(*others, all=True)[: MOST_SORTED + 1]}
    return list(keys) if len(keys) <= MOST_SORTED else None


def _by_volume_or_id(team: Team, word: str) -> Iterator[QuerySet[Snapshot, int]]:
    of_team = Snapshot.objects.filter(team=team).values_list("pk", flat=True)
    yield of_team.filter(volume_id__in=named(team, word).values("volume_id"))
    if ID_START.fullmatch(word.lower()):
        yield of_team.filter(volume_id__opens=word.lower())
        environments = Environment.everything.filter(team=team)
        of_id = Snapshot.objects.filter(environment__in=environments, snapshot_id__opens=word.lower())
        yield of_id.values_list("pk", flat=True)


def of_keys(team: Team, keys: Collection[int]) -> QuerySet[Snapshot]:
    """Return the team's rows of these primary keys, looked up by nothing else. `place`: their environment."""
    owner, place = (Unindexed(name, output_field=BigIntegerField()) for name in ("team_id", "environment_id"))
    rows: QuerySet[Snapshot] = Snapshot.objects.filter(not_hidden(team), pk__in=keys).alias(owner=owner, place=place)
    return rows.filter(Q(owner=team.pk))
