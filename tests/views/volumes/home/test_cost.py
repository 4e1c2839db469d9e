"""The volumes page costs the same few queries with any mirror; cached values are never another team's."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import islice

import pytest
import time_machine
from django.core.cache import caches
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard.teams.models import Team
from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Policy, Volume
from snapshots.verdicts.sql import FOR_EVER
from tests.conftest import cached_in_process
from tests.views.snapshots.conftest import OTHER_PATH, Fill
from tests.views.snapshots.reading import Response, tree
from tests.views.volumes.home.steps import FAILED, badges, change, disk, home, names, stories, tiles

pytestmark = pytest.mark.django_db
MOST_HOT, MOST_COLD = 8, 18
QUERIES = [
    "",
    "?status=late",
    "?q=web",
    "?group=instance",
    "?sort=name&page=9",
    f"?environment={OTHER_PATH}",
    "?age=1d",
]


@pytest.fixture
def few(told: Environment, fill: Fill) -> None:
    fill(stories(), path=OTHER_PATH)


@pytest.fixture(params=[500, pytest.param(5000, marks=pytest.mark.proof)])
def many(few: None, request: pytest.FixtureRequest) -> None:
    patterns = list(Volume.objects.all())
    Volume.objects.bulk_create(islice(_copies(patterns), request.param), batch_size=500)


def _copies(patterns: Sequence[Volume]) -> Iterator[Volume]:
    for number in range(10_000):
        pattern = patterns[number % len(patterns)]
        values = {field.attname: getattr(pattern, field.attname) for field in Volume._meta.fields if field.name != "id"}
        yield Volume(**values | {"volume_id": f"{number:036}", "name": f"copy-{number}"})


def shown(page: Response) -> list[str]:
    return [tree(page).one(id=part).text for part in ("summary", "results")]


def ask(client: Client, most: DjangoAssertNumQueries) -> None:
    home(client)
    for query in QUERIES:
        caches["fragments"].clear()
        with most(MOST_COLD):
            cold = home(client, query)
        with most(MOST_HOT):
            hot = home(client, query)
        assert names(cold) == names(hot)


def test_few_volumes(alice_client: Client, few: None, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    ask(alice_client, django_assert_max_num_queries)


def test_many_volumes(alice_client: Client, many: None, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    ask(alice_client, django_assert_max_num_queries)


def test_the_hot_page_reads_no_volume(
    alice_client: Client, few: None, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    home(alice_client)
    with django_assert_max_num_queries(MOST_HOT) as asked:
        home(alice_client)
    assert not [query["sql"] for query in asked.captured_queries if "snapshots_volume" in query["sql"]]


@pytest.mark.defaults
def test_everything_cached_is_kept_under_its_team(alice_client: Client, few: None, team: Team) -> None:
    for query in QUERIES:
        home(alice_client, query)
    kept = list(cached_in_process())
    assert len(kept) >= len(QUERIES)
    assert [key for key in kept if f":{team.pk}:" not in key] == []


def test_another_team_never_sees_a_cached_page(
    alice_client: Client, charlie_client: Client, told: Environment, rival: Team, in_rival: Sequence[SnapshotRecord]
) -> None:
    Volume.objects.filter(team=rival).update(name="of-rival")
    for _ in range(2):
        assert "late" in names(home(alice_client))
        assert set(names(charlie_client.get("/t/rival/volumes/"))) == {"of-rival"}


def test_a_change_shows_at_once(alice_client: Client, week: Policy, fill: Fill) -> None:
    records = stories()
    fill(records)
    assert tiles(home(alice_client))["Fresh"] == 2
    fill([*records, *disk("brand-new", 0.1)])
    assert tiles(home(alice_client))["Fresh"] == 3


@pytest.mark.parametrize(
    "said",
    [
        lambda: Policy.objects.update(target_hours=9),
        lambda: Environment.objects.update(target_hours=9),
        lambda: Environment.objects.update(excluded_until=FOR_EVER),
        lambda: change("late", excluded_until=FOR_EVER),
    ],
)
def test_what_the_team_says_shows_at_once(alice_client: Client, told: Environment, said: Callable[[], object]) -> None:
    before = shown(home(alice_client))
    said()
    assert shown(home(alice_client)) != before


def test_a_new_list_shows_at_once_though_it_changed_nothing(
    alice_client: Client, week: Policy, fill: Fill, clock: time_machine.Traveller
) -> None:
    """Within one minute: a run that was due is missing for sure in the newer list alone."""
    records = disk("edge", 29.99)
    fill(records)
    clock.shift(59)
    assert badges(home(alice_client))["edge"] == "? Stale data from 12:00"
    fill(records)
    clock.shift(0.5)
    assert badges(home(alice_client))["edge"] == "! Daily late by 6 h"


def test_a_verdict_changes_with_the_minute(
    alice_client: Client, week: Policy, fill: Fill, clock: time_machine.Traveller
) -> None:
    fill(disk("edge", 29.99))
    assert badges(home(alice_client))["edge"] == "✓ Fresh"
    clock.shift(timedelta(minutes=1))
    assert badges(home(alice_client))["edge"] == "? Stale data from 12:00"


def test_an_outage_costs_one_query_more(
    alice_client: Client, week: Policy, fill: Fill, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    fill([one for number in range(20) for one in [*disk(f"d{number}", 50), *disk(f"d{number}", 2, state=FAILED)]])
    home(alice_client)
    Environment.objects.update(generation=99)
    with django_assert_max_num_queries(MOST_COLD + 1):
        assert home(alice_client).status_code == 200
