"""A page costs the same few queries with any mirror, cold and hot."""

from collections.abc import Iterator
from itertools import islice

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from snapshots.models import Environment, Snapshot
from snapshots.sync.counting import recount
from tests.views.snapshots.conftest import (
    HTMX,
    LIST,
    OTHER_PATH,
    OTHER_VOLUME,
    VOLUME,
    Fill,
    detail,
    record,
    snapshot_id,
)
from tests.views.snapshots.reading import numbers

pytestmark = pytest.mark.django_db
MOST_COLD, MOST_HOT = 15, 8
QUERIES = [
    "",
    "page=99&page_size=100&sort=name",
    f"volume_id={VOLUME}",
    f"volume_id={VOLUME}&volume_id={OTHER_VOLUME}&volume_id=none",
    "q=web+01",
    f"q=web&volume_id={VOLUME}&state=BackedUp&interval_type=DAILY&age=older&from=2020-01-01&environment={OTHER_PATH}",
    "volume_q=root",
    f"volume_q=root&volume_id={VOLUME}",
    "listed=no",
]


@pytest.fixture
def ten(fill: Fill) -> None:
    fill([record(number) for number in range(5)])
    fill([record(number, volume_id=OTHER_VOLUME) for number in range(5, 10)], path=OTHER_PATH)


@pytest.fixture(params=[500, pytest.param(5000, marks=pytest.mark.proof)])
def many(ten: None, request: pytest.FixtureRequest) -> None:
    for environment in Environment.objects.all():
        pattern = Snapshot.objects.filter(environment=environment)[0]
        Snapshot.objects.bulk_create(islice(_copies(pattern), request.param), batch_size=500)
        recount(environment, (), timezone.now())
        environment.save()


def _copies(pattern: Snapshot) -> Iterator[Snapshot]:
    values = {field.attname: getattr(pattern, field.attname) for field in Snapshot._meta.fields if field.name != "id"}
    for number in range(5000):
        own = {"snapshot_id": snapshot_id(10**6 + number), "name": f"web-01_{number}"}
        yield Snapshot(**values | own)


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_at_ten_rows(
    alice_client: Client, ten: None, django_assert_max_num_queries: DjangoAssertNumQueries, headers: dict[str, str]
) -> None:
    _ask_cold_and_hot(alice_client, django_assert_max_num_queries, QUERIES, headers)


@pytest.mark.proof
@pytest.mark.both_databases(proof=True)
def test_at_many_rows(alice_client: Client, many: None, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    _ask_cold_and_hot(alice_client, django_assert_max_num_queries, QUERIES, {})
    assert Snapshot.objects.count() >= 1_010


def _ask_cold_and_hot(
    client: Client, most: DjangoAssertNumQueries, queries: list[str], headers: dict[str, str]
) -> None:
    client.get(LIST)
    for query in queries:
        caches["fragments"].clear()
        with most(MOST_COLD):
            cold = client.get(f"{LIST}?{query}", headers=headers)
        with most(MOST_HOT):
            hot = client.get(f"{LIST}?{query}", headers=headers)
        assert numbers(cold) == numbers(hot)


def test_the_hot_page_asks_for_no_row(
    alice_client: Client, ten: None, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    alice_client.get(LIST)
    with django_assert_max_num_queries(7) as asked:
        alice_client.get(LIST)
    assert not [query["sql"] for query in asked.captured_queries if "snapshots_snapshot" in query["sql"]]


def test_a_snapshot_costs_the_same_among_many(
    alice_client: Client, many: None, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    alice_client.get(LIST)
    with django_assert_max_num_queries(16):
        assert alice_client.get(detail(3)).status_code == 200
