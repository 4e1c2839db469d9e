"""Order over all rows before paging, and pages that equal a plain slice of it, also far from either end."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import NamedTuple

import pytest
from django.test import Client

from snapshots.cloudca.records import SnapshotRecord
from tests.loops import in_turn
from tests.views.snapshots.conftest import HTMX, LIST, NOW, OTHER_PATH, OTHER_VOLUME, PATH, VOLUME, Fill, record, taken
from tests.views.snapshots.reading import by_id, cells, links, numbers, problems, tree

pytestmark = pytest.mark.django_db
UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)
STATES = ("BackedUp", "Error", "Creating", "backedup", "")
TYPES = ("DAILY", "HOURLY", "MANUAL", "Zebra")
VOLUMES = {VOLUME: "ROOT-35545", OTHER_VOLUME: "billing", "": ""}


class Row(NamedTuple):
    """What the order of a row depends on; the provider lists the highest number first."""

    number: int
    name: str
    state: str
    type: str
    volume_id: str
    volume: str
    taken: datetime


def made(number: int, dice: random.Random) -> Row:
    at = (NOW - timedelta(minutes=dice.randrange(60 * 24 * 200))).replace(microsecond=0)
    volume_id = dice.choice(list(VOLUMES))
    name = (
        f"web_{VOLUMES[volume_id]}_{at:%Y%m%d%H%M%S}"
        if dice.random() < 0.8
        else dice.choice(("Alpha", "alpha", "Ω", "", "beta"))
    )
    when = at if name.startswith("web_") else UNKNOWN_TIME
    return Row(number, name, dice.choice(STATES), dice.choice(TYPES), volume_id, VOLUMES[volume_id], when)


@pytest.fixture
def world(fill: Fill) -> list[Row]:
    """500 rows in two environments, many of them equal in what they are sorted by."""
    dice = random.Random(2026)
    rows = [made(number, dice) for number in range(1, 501)]
    for path, part in ((PATH, rows[:320]), (OTHER_PATH, rows[320:])):
        fill([stored(row) for row in reversed(part)], path=path)
    return rows


def stored(row: Row) -> SnapshotRecord:
    fields = {"name": row.name, "state": row.state, "volume_id": row.volume_id, "volume": row.volume}
    return record(row.number, interval_type=row.type, **fields)


def by_taken(row: Row) -> tuple[datetime, int]:
    return row.taken, row.number


UPWARD: Mapping[str, Callable[[list[Row]], list[Row]]] = {
    "taken": lambda rows: sorted(rows, key=by_taken),
    "name": lambda rows: sorted(sorted(rows, reverse=True), key=lambda row: row.name),
    "volume": lambda rows: sorted(sorted(rows, key=by_taken, reverse=True), key=lambda row: row.volume),
    "state": lambda rows: sorted(sorted(rows, key=by_taken, reverse=True), key=lambda row: row.state),
    "type": lambda rows: sorted(sorted(rows, key=by_taken, reverse=True), key=lambda row: row.type),
}


def in_order(rows: list[Row], sort: str) -> list[int]:
    upward = [row.number for row in UPWARD[sort.removeprefix("-")](rows)]
    return upward[::-1] if sort.startswith("-") else upward


def walked(client: Client, query: str, size: int) -> list[int]:
    """The rows of every page, by its "Next" link."""
    address, seen = f"{LIST}?{query}&page_size={size}", []
    while address:
        page = client.get(address, headers=HTMX)
        seen += numbers(page)
        address = links(page).get("Next →", "")
    return seen


@pytest.mark.proof
@pytest.mark.both_databases
@in_turn(("sort", "other"), zip([f"{sign}{key}" for key in UPWARD for sign in ("", "-")], cycle((5, 9, 14, 20))))
def test_every_order_is_over_all_rows(alice_client: Client, world: list[Row], sort: str, other: int) -> None:
    """The first page, and another."""
    for number in (1, other):
        page = alice_client.get(f"{LIST}?sort={sort}&page_size=25&page={number}", headers=HTMX)
        assert numbers(page) == in_order(world, sort)[(number - 1) * 25 : number * 25]


@pytest.mark.proof
@in_turn("sort", [f"{sign}{key}" for key in UPWARD for sign in ("", "-")])
def test_every_page_of_every_order(alice_client: Client, world: list[Row], sort: str) -> None:
    assert walked(alice_client, f"sort={sort}", 100) == in_order(world, sort)


@pytest.mark.proof
@in_turn(
    ("query", "holds"),
    [
        ("state=Error", lambda row: row.state == "Error"),
        ("interval_type=MANUAL", lambda row: row.type == "MANUAL"),
        (f"volume_id={VOLUME}&volume_id=none", lambda row: row.volume_id in (VOLUME, "")),
        (f"environment={OTHER_PATH}&sort=volume", lambda row: row.number > 320),
        ("state=Error&interval_type=DAILY&sort=name", lambda row: (row.state, row.type) == ("Error", "DAILY")),
        ("q=alpha&sort=-state", lambda row: row.name.lower() == "alpha"),
        ("q=web&age=30d&sort=-type", lambda row: row.taken >= NOW - timedelta(days=30)),
        (
            f"volume_id={OTHER_VOLUME}&state=Creating",
            lambda row: (row.volume_id, row.state) == (OTHER_VOLUME, "Creating"),
        ),
    ],
)
def test_filtered_pages_equal_a_plain_slice(
    alice_client: Client, world: list[Row], query: str, holds: Callable[[Row], bool]
) -> None:
    expected = in_order([row for row in world if holds(row)], query.partition("sort=")[2] or "-taken")
    assert len(expected) > 10
    assert walked(alice_client, query, 50) == expected


@pytest.mark.proof
@pytest.mark.both_databases
@in_turn(("number", "size"), [(1, 50), (5, 50), (6, 50), (9, 50), (10, 50), (20, 25), (11, 25), (5, 100)])
def test_a_page_is_its_slice_from_either_end(alice_client: Client, world: list[Row], number: int, size: int) -> None:
    page = alice_client.get(f"{LIST}?page={number}&page_size={size}&sort=volume")
    assert numbers(page) == in_order(world, "volume")[(number - 1) * size : number * size]


@in_turn("number", [11, 12, 500, 9_999_999])
def test_past_the_end_is_the_last_page(alice_client: Client, world: list[Row], number: int) -> None:
    page = alice_client.get(LIST, {"page": number})
    assert numbers(page) == in_order(world, "-taken")[450:]
    assert "451–500 of 500" in by_id(page, "results").text


@pytest.mark.both_databases(proof=True)
def test_past_the_end_of_several_filters_is_their_last_page(alice_client: Client, world: list[Row]) -> None:
    matching = [row for row in world if row.state == "Error" and row.type in ("DAILY", "HOURLY")]
    page = alice_client.get(f"{LIST}?state=Error&interval_type=DAILY&interval_type=HOURLY&page_size=25&page=99")
    assert numbers(page) == in_order(matching, "-taken")[len(matching) // 25 * 25 :]


def test_fifty_a_page_unless_told(alice_client: Client, world: list[Row]) -> None:
    sizes = {size: len(numbers(alice_client.get(LIST, {"page_size": size}))) for size in ("", 25, 50, 100)}
    assert sizes == {"": 50, 25: 25, 50: 50, 100: 100}


def test_the_pager_leads_everywhere_and_keeps_the_view(alice_client: Client, world: list[Row]) -> None:
    found = links(alice_client.get(f"{LIST}?sort=name&page=3"))
    view = f"{LIST}?sort=name"
    assert (found["First"], found["← Previous"]) == (view, f"{view}&page=2")
    assert (found["Next →"], found["Last"]) == (f"{view}&page=4", f"{view}&page=10")
    assert (found["25 per page"], found["50 per page"]) == (f"{view}&page_size=25", view)


def test_the_ends_lead_no_further(alice_client: Client, world: list[Row]) -> None:
    first, last = links(alice_client.get(LIST)), links(alice_client.get(f"{LIST}?page=10"))
    assert {"First", "← Previous"}.isdisjoint(first)
    assert {"Next →", "Last"}.isdisjoint(last)
    assert {"Next →", "Last"} <= first.keys()


@pytest.mark.both_databases
def test_undated_rows_come_after_all_dated_ones(alice_client: Client, fill: Fill) -> None:
    fill([record(9, name="by hand"), taken(1, datetime(2011, 1, 1, tzinfo=UTC)), taken(2, NOW - timedelta(days=1))])
    assert numbers(alice_client.get(LIST)) == [2, 1, 9]
    assert numbers(alice_client.get(f"{LIST}?sort=taken")) == [9, 1, 2]


@pytest.mark.both_databases
def test_undated_rows_keep_the_provider_s_order(alice_client: Client, fill: Fill) -> None:
    fill([record(number, name="by hand") for number in (5, 3, 9, 1)])
    assert numbers(alice_client.get(LIST)) == [5, 3, 9, 1]
    assert numbers(alice_client.get(f"{LIST}?sort=taken")) == [1, 9, 3, 5]


@pytest.mark.parametrize(
    ("query", "sorted_by"),
    [("", ("taken", "descending")), ("sort=taken", ("taken", "ascending")), ("sort=-volume", ("volume", "descending"))],
)
def test_one_column_says_how_it_is_sorted(
    alice_client: Client, fill: Fill, query: str, sorted_by: tuple[str, str]
) -> None:
    fill([record(1)])
    heads = [head for head in tree(alice_client.get(f"{LIST}?{query}")).all("th") if "aria-sort" in head.attributes]
    assert [(head.attributes["class"], head.attributes["aria-sort"]) for head in heads] == [
        (f"col-{sorted_by[0]}", sorted_by[1])
    ]


def test_a_head_turns_its_order_round_and_goes_to_the_first_page(alice_client: Client, world: list[Row]) -> None:
    found = links(alice_client.get(f"{LIST}?state=Error&page=2"))
    assert found["Name"] == f"{LIST}?state=Error&sort=name"
    assert found["Taken (UTC)"] == f"{LIST}?state=Error&sort=taken"
    assert links(alice_client.get(found["Name"]))["Name"] == f"{LIST}?state=Error&sort=-name"
    assert links(alice_client.get(found["Taken (UTC)"]))["Taken (UTC)"] == f"{LIST}?state=Error"


def test_states_are_shown_by_mark_and_word(alice_client: Client, fill: Fill) -> None:
    states = ["BackedUp", "Error", "BackingUp", "Destroying", "backedup", ""]
    fill([record(number, state=state) for number, state in enumerate(states)])
    page = alice_client.get(LIST)
    words = ["✓ Completed", "✕ Error", "◐ In progress", "– Destroying", "? backedup", "? No state"]
    assert cells(page, "state") == words
    assert problems(page) == []
