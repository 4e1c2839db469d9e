"""How SQLite reads the rows of each list, for every choice of every filter and every order: never all of a table.

It sorts in one case: at most `MOST_SORTED` rows that a filter's own index has found, which it looks up by primary key.
Volumes are not in this: their order is that of verdicts, which follow the clock.
"""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.teams.models import Team
from snapshots.lists import few_rows, snapshot_filters, snapshot_list
from snapshots.models import Environment, Volume
from tests.proof import SHORT_AND_FULL
from tests.views.snapshots.conftest import (
    OTHER_PATH,
    OTHER_VOLUME,
    PATH,
    VOLUME,
    Fill,
    clock,
    fill,
    key,
    record,
)

__all__ = ["clock", "fill", "key"]

pytestmark = pytest.mark.django_db
ROWS = 1500
FILTERS = [
    *("", "listed=no", "state=Error", "state=Error&state=BackedUp", "interval_type=DAILY"),
    *("interval_type=DAILY&interval_type=MANUAL", "state=Error&interval_type=DAILY"),
    *(f"environment={PATH}", f"environment={PATH}&environment={OTHER_PATH}", f"environment={PATH}&state=Error"),
    *(f"volume_id={VOLUME}", f"volume_id={VOLUME}&volume_id={OTHER_VOLUME}", "volume_id=none"),
    *(f"volume_id={VOLUME}&state=Error", f"volume_id={VOLUME}&environment={PATH}", f"volume_id={VOLUME}&q=web"),
    *(f"age={age}" for age in (*snapshot_filters.AGES, snapshot_filters.OLDER, snapshot_filters.UNDATED_AGE)),
    *("age=older&state=Error", f"age=older&environment={PATH}", "age=7d&listed=no"),
    *("from=2026-11-01", "to=2026-11-01", "from=2026-10-01&to=2026-11-01", "to=2026-11-01&interval_type=DAILY"),
    *("q=web", "q=zzz", "q=w", "q=c7", "q=web+root", "q=web&age=older", f"q=web&environment={PATH}"),
]
SORTS = [f"{sign}{name}" for name in snapshot_filters.SORTS for sign in ("", "-")]


@pytest.fixture
def filled(fill: Fill) -> None:
    fill([record(number, name=f"own {number}" if number % 5 else f"web_{number}") for number in range(1, ROWS)])
    fill([record(number, state="Error", volume_id=OTHER_VOLUME) for number in range(1, ROWS)], path=OTHER_PATH)


def read(team: Team, query: str) -> Iterator[tuple[str, str]]:
    """Find a page; give each statement that reads snapshots, with its plan."""
    environments = list(Environment.objects.of_team(team))
    filters = snapshot_filters.parse(QueryDict(query), environments)
    assert filters.problems == ()
    volumes = list(Volume.objects.of_team(team).filter(volume_id__in=filters.volume_ids))
    with CaptureQueriesContext(connection) as log:
        snapshot_list.find_page(team, environments, filters, timezone.now(), volumes)
    with connection.cursor() as cursor:
        for query in (entry["sql"] for entry in log.captured_queries if '"snapshots_snapshot"' in entry["sql"]):
            cursor.execute(f"EXPLAIN QUERY PLAN {query.replace('%', '%%')}")
            yield query, "\n".join(row[3] for row in cursor.fetchall())


@SHORT_AND_FULL
@pytest.mark.parametrize("most", [few_rows.MOST_SORTED, 10], ids=["few", "many"])
def test_an_index_leads_to_each_page(
    team: Team, filled: None, monkeypatch: pytest.MonkeyPatch, most: int, full: bool
) -> None:
    """Each filter in every order, or in one for few rows and in another for many."""
    monkeypatch.setattr(few_rows, "MOST_SORTED", most)
    number, shift = 0, 5 * (most == 10)
    for place, chosen in enumerate(FILTERS):
        for sort in SORTS if full else SORTS[(place + shift) % len(SORTS) :][:1]:
            for query, plan in read(team, f"{chosen}&sort={sort}"):
                number += 1
                assert "SCAN snapshots_" not in plan, (chosen, sort, query, plan)
                is_by_key = "SEARCH snapshots_snapshot USING INTEGER PRIMARY KEY (rowid=?)" in plan
                assert "TEMP B-TREE" not in plan or is_by_key, (chosen, sort, query, plan)
    assert number >= len(FILTERS) * (len(SORTS) if full else 1)
