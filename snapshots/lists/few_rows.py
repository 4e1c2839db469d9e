"""The rows of a filter that leaves few: its own index finds them, and they are sorted.

Of many rows the index of the list's order meets a page soon enough. SQLite keeps no statistics and cannot tell the two
apart: without this it walks all rows for one of them, or sorts all of them for one page.
"""

from collections.abc import Collection, Iterable

from django.db.models import BigIntegerField, Q, QuerySet

from dashboard.teams.models import Team
from snapshots.models import Snapshot
from snapshots.models.environment import not_hidden
from snapshots.models.snapshot import Unindexed

MOST_SORTED = 10_000


def few(rows: QuerySet[Snapshot], conditions: Iterable[Q]) -> list[int] | None:
    """Return the primary keys of the rows that meet one of the conditions, the first that few meet; else None.

    An index must serve each condition.
    """
    for condition in conditions:
        found = list(rows.filter(condition).order_by().values_list("pk", flat=True)[: MOST_SORTED + 1])
        if len(found) <= MOST_SORTED:
            return found
    return None


def of_keys(team: Team, keys: Collection[int]) -> QuerySet[Snapshot]:
    """Return the team's rows of these primary keys, looked up by nothing else."""
    owner = Unindexed("team_id", output_field=BigIntegerField())
    rows: QuerySet[Snapshot] = Snapshot.objects.filter(not_hidden(team), pk__in=keys).alias(owner=owner)
    return rows.filter(Q(owner=team.pk))
