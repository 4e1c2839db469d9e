"""Numbers: exact where the sync has counted, a floor where it would cost, and always of the environments chosen."""

import pytest
from django.core.cache import caches
from django.test import Client

from snapshots.lists import snapshot_list
from snapshots.models import Snapshot
from snapshots.views.snapshots import list_page
from tests.loops import in_turn
from tests.views.snapshots.conftest import HTMX, LIST, OTHER_PATH, OTHER_VOLUME, PATH, VOLUME, Fill, record
from tests.views.snapshots.reading import (
    alone,
    banners,
    by_id,
    checked,
    choices,
    count,
    each_choice,
    links,
    menus,
    numbers,
    tree,
)

pytestmark = pytest.mark.django_db
STATES = ("BackedUp", "BackedUp", "Error")
TYPES = ("DAILY", "MANUAL", "WEEKLY", "DAILY", "HOURLY")
COUNTED = (
    *("", "state=Error", "q=nothing", "q=DATA-1", f"volume_id={OTHER_VOLUME}", "listed=no", "age=30d&state=Error"),
    *(f"environment={OTHER_PATH}", f"environment={PATH}&state=BackedUp&state=Error&interval_type=DAILY&age=7d"),
    *("from=2026-11-10&to=2026-11-20&interval_type=DAILY", "age=unknown", "volume_q=root&listed=no&state=Error"),
)


@pytest.fixture
def filled(fill: Fill) -> None:
    """30 in one environment, 12 in another; 6 of the first are gone."""
    first = [
        record(n, state=STATES[n % 3], interval_type=TYPES[n % 5], **({"volume_id": ""} if n % 7 == 0 else {}))
        for n in range(30)
    ]
    second = [record(100 + n, state="Creating", volume_id=OTHER_VOLUME, volume="DATA-1") for n in range(12)]
    fill(second, path=OTHER_PATH)
    for listed in (first, first[6:], first[6:]):
        fill(listed)


def real(**conditions: object) -> int:
    return Snapshot.objects.filter(**{"listed": True, **conditions}).count()


@pytest.mark.both_databases
@pytest.mark.usefixtures("filled")
@in_turn(
    ("query", "conditions"),
    [
        ("state=Error", {"state": "Error"}),
        ("state=Error&state=Creating", {"state__in": ["Error", "Creating"]}),
        ("interval_type=DAILY", {"interval_type": "DAILY"}),
        (f"volume_id={VOLUME}", {"volume_id": VOLUME}),
        ("volume_id=none", {"volume_id": ""}),
        (f"volume_id=none&volume_id={OTHER_VOLUME}", {"volume_id__in": ["", OTHER_VOLUME]}),
        (f"environment={OTHER_PATH}", {"environment__service_code": "compute-qc"}),
        (f"environment={PATH}&state=Error", {"environment__service_code": "compute-on", "state": "Error"}),
        (f"environment={PATH}&volume_id=none", {"environment__service_code": "compute-on", "volume_id": ""}),
        ("state=Error&interval_type=DAILY", {"state": "Error", "interval_type": "DAILY"}),
        (f"volume_id={VOLUME}&state=BackedUp", {"volume_id": VOLUME, "state": "BackedUp"}),
        ("q=web&state=Error", {"name__contains": "web", "state": "Error"}),
    ],
)
def test_the_count_is_the_real_one(alice_client: Client, query: str, conditions: dict[str, object]) -> None:
    expected = real(**conditions)
    assert expected
    page = alice_client.get(f"{LIST}?{query}&page_size=100")
    assert count(page) == f"{expected} of 36 snapshots"
    assert len(numbers(page)) == expected
    assert f"1–{expected} of {expected}" in by_id(page, "results").text


@pytest.mark.both_databases
@pytest.mark.usefixtures("filled")
def test_what_is_gone_is_counted_by_itself(alice_client: Client) -> None:
    assert count(alice_client.get(LIST)) == "36 snapshots"
    page = alice_client.get(f"{LIST}?listed=no")
    assert (sorted(numbers(page)), count(page)) == (list(range(6)), "6 snapshots that are no longer listed")
    some = alice_client.get(f"{LIST}?listed=no&state=Error")
    assert (sorted(numbers(some)), count(some)) == ([2, 5], "2 snapshots that are no longer listed")
    assert banners(page) == []


@pytest.mark.proof
@pytest.mark.both_databases(proof=True)
@pytest.mark.usefixtures("filled")
@in_turn("query", COUNTED)
def test_each_choice_finds_as_many_as_it_says(alice_client: Client, query: str) -> None:
    counted = menus(alice_client.get(f"{LIST}?{query}"))
    assert list(counted) == ["state", "interval_type", "age", "environment", "listed"]
    for menu, value, number in each_choice(counted):
        cleared = ("from", "to") if menu == "age" else ()
        found = alice_client.get(f"{LIST}?{alone(query, menu, value, *cleared)}&page_size=100", headers=HTMX)
        assert len(numbers(found)) == int(number), (menu, value)


@pytest.mark.proof
@pytest.mark.both_databases(proof=True)
@pytest.mark.usefixtures("filled")
@in_turn("query", ["", "state=Error", f"volume_id={VOLUME}&q=web", "listed=no", f"environment={OTHER_PATH}&age=7d"])
def test_each_volume_finds_as_many_as_it_says(alice_client: Client, query: str) -> None:
    panel = tree(alice_client.get(f"{LIST}volumes/?{query}"))
    found = {label.one("input").attributes["value"]: label.one(css="choice-count").text for label in panel.all("label")}
    assert len(found) >= (1 if "environment" in query else 3)
    for value, number in found.items():
        page = alice_client.get(f"{LIST}?{alone(query, 'volume_id', value)}&page_size=100", headers=HTMX)
        assert len(numbers(page)) == int(number), value


@pytest.mark.usefixtures("filled")
def test_the_choices_are_those_of_the_team_whatever_is_chosen(alice_client: Client) -> None:
    for query in ("", f"environment={OTHER_PATH}", "q=nothing"):
        assert list(choices(alice_client.get(f"{LIST}?{query}"), "state")) == ["BackedUp", "Error", "Creating"]


@pytest.mark.usefixtures("filled")
def test_a_large_team_counts_when_a_menu_is_opened(alice_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = menus(alice_client.get(f"{LIST}?state=Error"))
    monkeypatch.setattr(list_page, "MOST_AT_ONCE", 10)
    caches["fragments"].clear()
    page = alice_client.get(f"{LIST}?state=Error")
    assert {number for numbers_of in menus(page).values() for number in numbers_of.values()} == {""}
    (url,) = {each.attributes["data-hx-get"] for each in tree(page).all("a", css="menu-note")}
    assert menus(alice_client.get(url, headers=HTMX)) == menus(alice_client.get(url)) == whole
    assert menus(alice_client.get(f"{LIST}?state=Error&volume_id={VOLUME}"))["listed"] != {"": "", "no": ""}


@pytest.mark.usefixtures("filled")
def test_chosen_values_are_checked(alice_client: Client) -> None:
    page = alice_client.get(f"{LIST}?state=Error&age=7d&environment={PATH}&listed=no")
    assert checked(page, "state") == ["Error"]
    assert checked(page, "age") == ["7d"]
    assert checked(page, "environment") == [PATH]
    assert checked(page, "listed") == ["no"]
    assert by_id(page, "filters-count").text == "Filters (4)"


@pytest.mark.both_databases
@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("number", "rows", "text", "says"),
    [(1, 25, "25+ of 36 snapshots", "1–25 of 25+"), (2, 3, "28 of 36 snapshots", "26–28 of 28")],
)
def test_a_costly_count_is_a_floor(
    alice_client: Client, monkeypatch: pytest.MonkeyPatch, number: int, rows: int, text: str, says: str
) -> None:
    monkeypatch.setattr(snapshot_list, "EXACT_TO", 10)
    page = alice_client.get(f"{LIST}?q=web&state=BackedUp&state=Creating&page_size=25&page={number}")
    assert (len(numbers(page)), count(page)) == (rows, text)
    assert says in by_id(page, "results").text


@pytest.mark.usefixtures("filled")
def test_a_floor_has_no_last_page_to_jump_to(alice_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_list, "EXACT_TO", 10)
    found = links(alice_client.get(f"{LIST}?q=web&page_size=25"))
    assert "Next →" in found
    assert "Last" not in found


@pytest.mark.usefixtures("filled")
def test_an_exact_count_of_several_filters_has_a_last_page(alice_client: Client) -> None:
    found = links(alice_client.get(f"{LIST}?q=web&page_size=25"))
    assert found["Last"] == f"{LIST}?q=web&page_size=25&page=2"


@pytest.mark.both_databases
def test_beyond_a_thousand_it_says_so(alice_client: Client, fill: Fill) -> None:
    fill([record(number, name=f"web {number}") for number in range(1201)])
    page = alice_client.get(f"{LIST}?q=web")
    assert count(page) == "1,000+ of 1,201 snapshots"
    assert "1–50 of 1,000+" in by_id(page, "results").text
    last = alice_client.get(f"{LIST}?q=web&page=99")
    assert "1,201–1,201 of 1,201" in by_id(last, "results").text
    assert count(alice_client.get(LIST)) == "1,201 snapshots"


def test_one_is_not_many(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    assert count(alice_client.get(LIST)) == "1 snapshot"
    assert count(alice_client.get(f"{LIST}?state=Error")) == "0 of 1 snapshot"


def test_the_count_is_announced_politely(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    assert tree(alice_client.get(LIST)).one(id="count").attributes["role"] == "status"
