"""Every view of the volumes is an address: what it filters by, how it sorts and pages, what of it is not valid."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from snapshots.models import Environment, Policy, Volume
from snapshots.verdicts.sql import FOR_EVER
from tests.conftest import Answer
from tests.loops import in_turn
from tests.proof import SHORT_AND_FULL
from tests.views.snapshots.conftest import HTMX, OTHER_PATH, Fill
from tests.views.snapshots.reading import (
    alone,
    by_id,
    checked,
    chips,
    choices,
    count,
    each_choice,
    links,
    menus,
    problems,
    tree,
)
from tests.views.volumes.home.steps import HOME, PLAIN, change, disk, home, names, rows, stories, tiles, volume_id

pytestmark = pytest.mark.django_db
OUT_OF_BAND = b'<div id="filters-hidden" data-hx-swap-oob'
RESULTS = b'<div id="results" tabindex="-1" data-hx-target="#results" data-hx-push-url="true">'
FOUND = {
    "status=late": ["late", "mixed"],
    "status=late&status=failing": ["late", "mixed", "failing"],
    "status=unknown": ["undated"],
    "status=excluded": [],
    "schedule=HOURLY": ["mixed"],
    "schedule=none": ["undated"],
    "schedule=none&schedule=HOURLY": ["mixed", "undated"],
    "schedule=DAILY&status=fresh": ["fresh"],
    "age=none": ["none"],
    "age=1d": ["mixed", "fresh"],
    "age=7d": ["late", "stuck", "failing", "running"],
    "age=older": ["undated"],
    "age=30d": [],
    "q=mix": ["mixed"],
    "q=DB-02": ["stuck", "failing"],
    "q=web-0 fresh": ["fresh"],
    "q=-01": [],
    "environment=compute-on/prod&q=late": ["late"],
}


@pytest.mark.both_databases
@in_turn(("query", "found"), FOUND.items())
def test_each_filter_finds(alice_client: Client, told: Environment, query: str, found: list[str]) -> None:
    page = home(alice_client, f"?{query}")
    assert names(page) == found
    assert count(page) == f"{len(found)} of 8 volumes"


@pytest.fixture
def few(told: Environment, fill: Fill) -> Environment:
    """Volumes in two environments; one was deleted, one is excluded."""
    elsewhere = fill([*stories(), *disk("elsewhere", 1)], path=OTHER_PATH)
    change("none", deleted_at=timezone.now())
    change("stuck", excluded_until=FOR_EVER)
    return elsewhere


def test_an_id_is_found_by_its_beginning(alice_client: Client, told: Environment) -> None:
    assert names(home(alice_client, f"?q={volume_id('late')[:9]}")) == ["late"]


@pytest.mark.both_databases
def test_an_instance_of_the_endpoint_is_searched_anywhere(alice_client: Client, told: Environment) -> None:
    Volume.objects.filter(name="late").update(instance_name="frontend-7")
    assert names(home(alice_client, "?q=end-7")) == ["late"]
    assert names(home(alice_client, "?q=web-01")) == []


@pytest.mark.both_databases
def test_an_age_is_in_one_band(alice_client: Client, week: Policy, fill: Fill) -> None:
    hours = {"a": 23.9, "b": 24, "c": 7 * 24, "d": 30 * 24 - 0.1, "e": 30 * 24}
    fill([snapshot for name, age in hours.items() for snapshot in disk(name, age)])
    found = {band: sorted(names(home(alice_client, f"?age={band}"))) for band in ("1d", "7d", "30d", "older", "none")}
    assert found == {"1d": ["a"], "7d": ["b"], "30d": ["c", "d"], "older": ["e"], "none": []}


def test_an_age_is_counted_by_the_oldest_that_it_may_be(
    alice_client: Client, week: Policy, fill: Fill, told: Environment
) -> None:
    Volume.objects.filter(name="late").update(
        newest_after=timezone.now() - timedelta(days=8), newest_before=timezone.now() - timedelta(hours=1)
    )
    assert names(home(alice_client, "?age=30d")) == ["late"]


def test_environments_are_chosen(alice_client: Client, told: Environment, fill: Fill) -> None:
    fill(disk("elsewhere", 1), path=OTHER_PATH)
    page = home(alice_client, f"?environment={OTHER_PATH}")
    assert (names(page), tiles(page)["Fresh"]) == (["elsewhere"], 1)
    assert checked(page, "environment") == [OTHER_PATH]
    assert chips(page) == {"Environment: prod · compute-qc": PLAIN}


def test_chips_name_each_filter_and_leave_it(alice_client: Client, told: Environment) -> None:
    page = home(alice_client, "?status=late&schedule=none&age=1d&q=x&sort=name")
    assert chips(page) == {
        "Schedule: No schedule": f"{PLAIN}?status=late&age=1d&q=x&sort=name",
        "Status: Late": f"{PLAIN}?schedule=none&age=1d&q=x&sort=name",
        "Age: Newest usable under 24 hours": f"{PLAIN}?schedule=none&status=late&q=x&sort=name",
        "Search: x": f"{PLAIN}?schedule=none&status=late&age=1d&sort=name",
    }
    assert links(page)["Clear all"] == PLAIN


def test_the_statuses_have_their_numbers(alice_client: Client, told: Environment) -> None:
    found = choices(home(alice_client, "?schedule=DAILY&status=fresh"), "status")
    assert {name: number for name, number in found.items() if number != "0"} == {
        **{"none": "1", "late": "2", "stuck": "1", "failing": "1", "running": "1", "fresh": "1"}
    }
    assert len(found) == 10


@pytest.mark.both_databases(proof=True)
@SHORT_AND_FULL
@in_turn(
    ("turn", "query"),
    enumerate(
        [
            "",
            "schedule=DAILY&status=fresh",
            "schedule=none&schedule=HOURLY",
            "q=db",
            "status=late&age=7d",
            f"environment={OTHER_PATH}",
            f"environment={OTHER_PATH}&q=e&schedule=DAILY&status=deleted&status=none",
        ]
    ),
)
def test_each_choice_finds_as_many_as_it_says(
    alice_client: Client, few: Environment, turn: int, query: str, full: bool
) -> None:
    counted = menus(home(alice_client, f"?{query}"))
    assert list(counted) == ["environment", "schedule", "status", "group"]
    assert counted.pop("group") == {"": "", "instance": ""}
    every = each_choice(counted)
    for menu, value, number in every if full else every[turn % 5 :: 5]:
        found = home(alice_client, f"?{alone(query, menu, value)}&page_size=100", **HTMX)
        assert len(names(found)) == int(number), (menu, value)


SORTS = {
    "sort=name": ["failing", "fresh", "late", "mixed", "none", "running", "stuck", "undated"],
    "sort=newest": ["none", "late", "stuck", "failing", "running", "fresh", "mixed", "undated"],
    "sort=usable": ["none", "stuck", "failing", "running", "undated", "late", "fresh", "mixed"],
    "sort=status": ["none", "late", "mixed", "stuck", "failing", "undated", "running", "fresh"],
}


@pytest.mark.both_databases
@in_turn(("query", "order"), SORTS.items())
def test_each_order_and_its_opposite(alice_client: Client, told: Environment, query: str, order: list[str]) -> None:
    assert names(home(alice_client, f"?{query}")) == order
    assert names(home(alice_client, f"?{query.replace('=', '=-')}")) == order[::-1]


def test_the_heads_sort_and_turn_round(alice_client: Client, told: Environment) -> None:
    head = tree(home(alice_client, "?sort=name&status=late")).one("th", css="v-name", scope="col")
    assert head.attributes["aria-sort"] == "ascending"
    assert head.one("a").attributes["href"] == f"{PLAIN}?status=late&sort=-name"


@pytest.mark.both_databases
def test_pages_cover_every_row_once(alice_client: Client, week: Policy, fill: Fill) -> None:
    fill([snapshot for number in range(60) for snapshot in disk(f"disk-{number:02}", number % 50 + 1)])
    first, second = home(alice_client, "?page_size=50"), home(alice_client, "?page=2")
    assert len(names(first)) == 50
    assert sorted(names(first) + names(second)) == [f"disk-{number:02}" for number in range(60)]
    assert names(home(alice_client, "?page=99")) == names(second)
    assert links(first)["Next →"] == f"{PLAIN}?page=2"
    assert "51–60 of 60" in tree(second).one("nav", css="pager").text


INVALID = {
    "status=worse": "“worse” is not a valid “status”; it was ignored.",
    "schedule=YEARLY": "“YEARLY” is not a valid “schedule”; it was ignored.",
    "environment=a/b": "“a/b” is not a valid “environment”; it was ignored.",
    "age=2d": "“2d” is not a valid “age”; it was ignored.",
    "group=zone": "“zone” is not a valid “group”; it was ignored.",
    "sort=then": "“then” is not a valid “sort”; it was ignored.",
    "page=0": "“0” is not a valid “page”; it was ignored.",
    "page_size=7": "“7” is not a valid “page_size”; it was ignored.",
    "since=noon": "“noon” is not a valid “since”; it was ignored.",
    "status=%E2%80%AE%00": "“��” is not a valid “status”; it was ignored.",
}


@in_turn(("query", "problem"), INVALID.items())
def test_what_is_not_valid_is_named_and_left_out(
    alice_client: Client, told: Environment, query: str, problem: str
) -> None:
    page = home(alice_client, f"?{query}")
    assert (page.status_code, problems(page), len(rows(page))) == (200, [problem], 8)


@pytest.mark.both_databases
def test_search_text_is_never_a_pattern(alice_client: Client, told: Environment) -> None:
    for text in ("%", "_", "'", "\\", "\x00", "a" * 300, "\ud83d\ude00", "a b c d e f g h"):
        assert (
            home(alice_client, "?" + "q=" + text.encode("utf-16", "surrogatepass").decode("utf-16")).status_code == 200
        )
    assert names(home(alice_client, "?q=%25")) == []


QUERIES = ["", "?status=late", "?group=instance", "?q=zzz", "?status=x", "?sort=name&page=2&page_size=25"]


@in_turn("query", QUERIES)
def test_the_fragment_is_the_pages_own_results(alice_client: Client, told: Environment, query: str) -> None:
    page, fragment = home(alice_client, query), home(alice_client, query, **HTMX)
    body = fragment.content.partition(OUT_OF_BAND)[0].strip()
    assert len(body) > 100
    assert page.content.partition(RESULTS)[2].lstrip().startswith(body)


def test_the_fragment_brings_the_rest_in_line(alice_client: Client, told: Environment) -> None:
    page, fragment = home(alice_client, "?status=late&age=7d"), home(alice_client, "?status=late&age=7d", **HTMX)
    beside = [
        each for each in tree(fragment).children if not isinstance(each, str) and "data-hx-swap-oob" in each.attributes
    ]
    told_ids = {each.attributes["id"] for each in beside}
    assert {"summary", "count", "news", "freshness", "banners", "filters-count", "choices-status"} <= told_ids
    for each in beside:
        assert each.text == by_id(page, each.attributes["id"]).text


def test_choosing_is_a_step_back_and_typing_is_none(alice_client: Client, told: Environment) -> None:
    def ask(**headers: str) -> Answer:
        return home(alice_client, "?status=late&status=", **HTMX, **headers)

    assert ask(**{"HX-Current-URL": f"http://testserver{HOME}"})["HX-Push-Url"] == f"{PLAIN}?status=late"
    assert ask(**{"HX-Trigger-Name": "q"})["HX-Replace-Url"] == f"{PLAIN}?status=late"
    same = {"HX-Current-URL": f"http://testserver{PLAIN}?status=late"}
    assert ask(**same)["HX-Replace-Url"] == f"{PLAIN}?status=late"


def test_going_back_gets_the_whole_page(alice_client: Client, told: Environment) -> None:
    back = home(alice_client, **HTMX, **{"HX-History-Restore-Request": "true"})
    assert back.content.startswith(b"<!doctype html>")
    assert {"HX-Request", "HX-History-Restore-Request"} <= {name.strip() for name in back["Vary"].split(",")}
