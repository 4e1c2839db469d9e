"""Filters by time: UTC days, ages, and rows of which only a range, or nothing, is known."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from snapshots.cloudca.records import SnapshotRecord
from tests.loops import in_turn
from tests.views.snapshots.conftest import LIST, NOW, Fill, record, taken
from tests.views.snapshots.reading import cells, numbers

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def at(day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


def plain(number: int) -> SnapshotRecord:
    return record(number, name=f"by hand {number}")


@pytest.fixture
def edges(fill: Fill) -> None:
    fill([taken(4, at(19, 23, 59, 59)), taken(3, at(20)), taken(2, at(20, 23, 59, 59)), taken(1, at(21))])


@pytest.fixture
def watched(fill: Fill, clock: time_machine.Traveller) -> None:
    """1 appeared between 20 Nov 22:00 and 22 Nov 02:00; 9 existed at the first sync, on 20 Nov."""
    clock.move_to(at(20, 22))
    fill([plain(9)])
    clock.move_to(at(22, 2))
    fill([plain(1), plain(9)])
    clock.move_to(NOW)


@pytest.mark.usefixtures("edges")
@in_turn(
    ("query", "expected"),
    [
        ("from=2026-11-20", [1, 2, 3]),
        ("to=2026-11-20", [2, 3, 4]),
        ("from=2026-11-20&to=2026-11-20", [2, 3]),
        ("from=2026-11-21&to=2026-11-21", [1]),
        ("from=2026-11-22", []),
        ("to=2026-11-18", []),
    ],
)
def test_days_are_utc_and_both_ends_are_meant(alice_client: Client, query: str, expected: list[int]) -> None:
    assert numbers(alice_client.get(f"{LIST}?{query}")) == expected


@pytest.mark.usefixtures("watched")
@in_turn(
    ("query", "expected"),
    [
        ("from=2026-11-20&to=2026-11-20", [1]),
        ("from=2026-11-21&to=2026-11-21", [1]),
        ("from=2026-11-22", [1]),
        ("from=2026-11-23", []),
        ("to=2026-11-19", []),
        ("to=2026-11-20", [1, 9]),
        ("to=2026-11-23", [1, 9]),
    ],
)
def test_a_range_shows_on_each_of_its_days(alice_client: Client, query: str, expected: list[int]) -> None:
    assert numbers(alice_client.get(f"{LIST}?{query}")) == expected


@pytest.mark.usefixtures("watched")
def test_ranges_are_told_as_ranges(alice_client: Client) -> None:
    assert cells(alice_client.get(LIST), "taken") == [
        "20 Nov 22:00 – 22 Nov 02:002–3 d ago · between two syncs",
        "before 20 Novtime not known",
    ]


@pytest.mark.parametrize(
    ("age", "span"), [("1d", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY)], ids=lambda value: str(value)
)
def test_an_age_reaches_back_to_the_second(alice_client: Client, fill: Fill, age: str, span: timedelta) -> None:
    fill([taken(1, NOW - SECOND), taken(2, NOW - span), taken(3, NOW - span - SECOND)])
    assert numbers(alice_client.get(f"{LIST}?age={age}")) == [1, 2]


def test_older_begins_where_thirty_days_end(alice_client: Client, fill: Fill) -> None:
    fill([taken(1, NOW - 30 * DAY), taken(2, NOW - 30 * DAY - SECOND), taken(3, NOW - 4000 * DAY)])
    assert numbers(alice_client.get(f"{LIST}?age=older")) == [2, 3]


@pytest.mark.parametrize(
    ("since_first_look", "age", "expected"),
    [
        (31, "older", [3, 9]),
        (29, "older", [3]),
        (31, "unknown", [9]),
        (29, "unknown", [9]),
        (31, "30d", [1]),
        (0, "1d", []),
    ],
)
def test_ages_of_what_was_there_at_the_first_look(
    alice_client: Client,
    fill: Fill,
    clock: time_machine.Traveller,
    since_first_look: int,
    age: str,
    expected: list[int],
) -> None:
    clock.move_to(NOW - since_first_look * DAY)
    fill([plain(9), taken(3, NOW - 60 * DAY)])
    clock.move_to(NOW)
    fill([plain(9), taken(3, NOW - 60 * DAY), *([taken(1, NOW - 2 * DAY)] if since_first_look else [])])
    assert numbers(alice_client.get(f"{LIST}?age={age}")) == expected


def test_a_day_passes_while_the_data_stays(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    fill([taken(1, NOW - DAY + timedelta(minutes=5))])
    assert numbers(alice_client.get(f"{LIST}?age=1d")) == [1]
    clock.shift(timedelta(minutes=6))
    assert numbers(alice_client.get(f"{LIST}?age=1d")) == []
