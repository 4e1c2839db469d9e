"""Thousands at once and a hundred thousand in all: one batch writes them, and an index finds each page."""

from collections.abc import Mapping

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from dashboard.teams.models import Team
from snapshots.lists import change_filters
from snapshots.lists.change_list import ChangePage, filtered, find_page
from snapshots.models import Change, Environment
from snapshots.sync import leases
from snapshots.sync.store_snapshots import store_listing
from tests.views.changes.conftest import Lists
from tests.views.snapshots.conftest import NOW, OTHER_PATH, VOLUME, Fill, claimed, listing, taken

pytestmark = pytest.mark.django_db
MANY = 3000
RECORDS = [taken(number, NOW, volume_id=VOLUME) for number in range(1, MANY * 2 + 1)]


@pytest.mark.proof
def test_thousands_that_go_at_once_are_one_batch(lists: Lists) -> None:
    environment = lists(RECORDS, RECORDS[MANY:])
    with CaptureQueriesContext(connection) as log:
        lists(RECORDS[MANY:])
    inserts = [query["sql"] for query in log if 'INSERT INTO "snapshots_change"' in query["sql"]]
    assert len(inserts) == 1
    assert Change.objects.filter(environment=environment, kind="deleted", folded=True).count() == MANY
    assert Change.objects.as_lines().get(kind="deleted").number == MANY


def test_the_first_list_and_an_equal_one_write_no_change_of_a_row(fill: Fill) -> None:
    environment = fill(RECORDS)
    held = claimed(environment)
    with CaptureQueriesContext(connection) as log:
        store_listing(held, listing(RECORDS), received_at=NOW)
    assert not [query for query in log if "INSERT" in query["sql"]]
    assert [change.kind for change in Change.objects.all()] == ["began"]


# The index that each kind of view is read by, and whether it is read in the order of the page.
INDEXES: Mapping[str, tuple[str, bool]] = {
    "": ("change_newest_first", True),
    "rotated=yes": ("change_newest_first", True),
    "kind=vanished": ("change_by_kind", False),
    "kind=failed": ("change_by_kind", True),
    "from=2026-11-01&to=2026-11-02": ("change_newest_first", True),
    "before=20261124T120000000000-77": ("change_newest_first", True),
    f"environment={OTHER_PATH}": ("change_of_environment", True),
    f"volume_id={VOLUME}": ("change_of_volume", False),
    "line=1": ("change_by_kind", True),
}


def view(query: str, team: Team) -> tuple[list[Environment], change_filters.ChangeFilters, Change | None]:
    environments = list(team.environments.order_by("pk"))
    filters = change_filters.parse(QueryDict(query), environments)
    assert filters.problems == ()
    line = Change(team=team, environment=environments[0], kind="deleted", at=NOW, number=99) if filters.line else None
    return environments, filters, line


@pytest.mark.both_databases
@pytest.mark.defaults
@pytest.mark.parametrize("query", INDEXES)
def test_each_view_is_read_by_an_index(fill: Fill, team: Team, query: str) -> None:
    fill([])
    fill([], path=OTHER_PATH)
    plan = filtered(team, *view(query, team)).newest_first().explain()
    index, in_order = INDEXES[query]
    assert f"INDEX {index} " in plan
    assert ("TEMP B-TREE" not in plan) is in_order


def page(query: str, team: Team) -> ChangePage:
    environments, filters, line = view(query, team)
    return find_page(team, environments, filters, line)


@pytest.mark.parametrize("query", ["", "kind=failed", "q=web", f"volume_id={VOLUME}"])
def test_a_page_far_back_costs_the_queries_of_the_first(
    lists: Lists, team: Team, query: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    begun = taken(9999, NOW)
    for last in range(20, 121, 20):
        lists([begun, *(taken(n, NOW, state="Error") for n in range(1, last))])
    first = page(query, team)
    with django_assert_max_num_queries(7):
        second = page(f"{query}&before={first.older}", team)
    assert (len(first.lines), len(second.lines)) == (50, 50)
    assert not {line.pk for line in first.lines} & {line.pk for line in second.lines}


@pytest.mark.both_databases
def test_a_count_ends_at_a_thousand(lists: Lists, team: Team) -> None:
    environment = lists(RECORDS[:1])
    rows = [Change(team=team, environment=environment, at=NOW, kind="failed") for _ in range(1001)]
    Change.objects.bulk_create(rows[:1000])
    assert (page("kind=failed", team).total, page("kind=failed", team).exact) == (1000, True)
    rows[1000].save()
    assert (page("kind=failed", team).total, page("kind=failed", team).exact) == (1000, False)


@pytest.mark.both_databases
def test_a_refusal_costs_one_row_however_long_it_lasts(lists: Lists) -> None:
    environment = lists(RECORDS[:1])
    for _ in range(5):
        leases.record_fault(claimed(environment), kind="refused", sentence="No.", status=403, retry_after=None)
    assert Change.objects.filter(kind="refused").count() == 1
