"""The changes page: newest first, day by day, filtered, opened, turned over; and how it says what it cannot show."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from django.core.cache import caches
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from snapshots.cloudca.records import SnapshotRecord
from snapshots.lists import change_list
from snapshots.models import Change, Environment, Volume
from tests.loops import in_turn
from tests.views.changes.conftest import CHANGES, MINUTE, Lists
from tests.views.snapshots.conftest import (
    HTMX,
    NOW,
    OTHER_PATH,
    OTHER_VOLUME,
    PATH,
    VOLUME,
    Fill,
    detail,
    record,
    refuse,
    snapshot_id,
    taken,
)
from tests.views.snapshots.reading import (
    Element,
    Response,
    alone,
    by_id,
    cells,
    chips,
    each_choice,
    links,
    menus,
    problems,
    tree,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
COUNTED = (
    *("", "kind=failed&kind=vanished", "q=web", "q=two", "rotated=yes", f"volume_id={VOLUME}&kind=renamed"),
    *(f"environment={OTHER_PATH}", "from=2026-11-24&kind=deleted", "to=2026-11-23&volume_q=root"),
)


def lines(page: Response) -> list[Element]:
    return tree(page).all("li", css="change")


def titles(page: Response) -> list[str]:
    return [line.all("a")[0].text for line in lines(page)]


def badges(page: Response) -> list[str]:
    return [line.one("span", css="badge").text for line in lines(page)]


def ask(client: Client, **query: object) -> Response:
    return client.get(f"{CHANGES}?{urlencode(query, doseq=True)}")


@pytest.fixture
def told(fill: Fill, clock: time_machine.Traveller) -> Environment:
    """Yesterday 1 completed and 2 failed; today 1 was renamed, 3 vanished, and elsewhere 4 was deleted."""
    clock.move_to(NOW - DAY)
    begun = [taken(9, NOW - 9 * DAY, name="nine")]
    one, two = taken(1, NOW - DAY, name="one"), taken(2, NOW - DAY, name="two", state="Error", volume_id=OTHER_VOLUME)
    three = taken(3, NOW - DAY, name="three", state="Creating")
    fill(begun)
    fill([taken(4, NOW - 9 * DAY, name="four", interval_type="MANUAL"), *begun], path=OTHER_PATH)
    clock.shift(MINUTE)
    environment = fill([one, two, three, *begun])
    clock.move_to(NOW)
    for _ in range(2):
        fill([taken(1, NOW - DAY, name="uno"), two, *begun])
        fill(begun, path=OTHER_PATH)
        clock.shift(MINUTE)
    return environment


@pytest.mark.both_databases
@pytest.mark.usefixtures("told")
def test_newest_first_under_a_head_for_each_day(alice_client: Client) -> None:
    page = alice_client.get(CHANGES)
    heads = [head.text for head in tree(page).all("h2", css="day-head")]
    assert heads == ["Today, Tuesday 24 Nov UTC", "Yesterday, Monday 23 Nov UTC"]
    today, yesterday = tree(page).all("ol", css="changes")
    assert [line.one("time").text for line in today.all("li")] == ["12:01", "12:01", "12:00"]
    assert badges(page)[:3] == ["– Deleted", "✕ Vanished", "→ Renamed"]
    assert [line.one("time").text for line in yesterday.all("li")] == ["12:01", "12:01", "12:00", "12:00"]
    assert badges(page)[3:] == ["✓ Completed", "✕ Failed", "• Monitoring started", "• Monitoring started"]


@pytest.mark.usefixtures("told")
def test_a_line_leads_to_the_snapshot_and_its_volume(alice_client: Client) -> None:
    renamed = lines(alice_client.get(CHANGES))[2]
    assert renamed.text == "12:00 → Renamed uno was one · Daily ROOT-35545 prod · compute-on"
    assert [link.attributes["href"] for link in renamed.all("a")] == [
        detail(1),
        f"/t/acme/volumes/{PATH}/{VOLUME}/",
        f"{CHANGES}?volume_id={VOLUME}",
    ]
    moment = renamed.one("time").attributes
    assert (moment["datetime"], moment["title"]) == (NOW.isoformat(), "24 Nov 2026 12:00:00 UTC")


def test_a_renamed_volume_has_todays_name_in_every_line(alice_client: Client, lists: Lists) -> None:
    lists(*([taken(1, NOW, name="one", volume=name)] for name in ("first", "second", "third")))
    renamed = lines(ask(alice_client, kind="volume_renamed"))
    assert [[link.text for link in line.all("a", css="first")] for line in renamed] == [["third", "third"]] * 2
    assert [line.one(css="change-what").one(css="second").text for line in renamed] == ["was second", "was first"]
    Volume.objects.update(name="fourth")
    assert [link.text for line in lines(ask(alice_client)) for link in line.all("a", css="first")].count("third") == 0
    assert cells(alice_client.get("/t/acme/snapshots/"), "volume") == ["fourth"]


@pytest.mark.proof
@pytest.mark.both_databases(proof=True)
@pytest.mark.usefixtures("told")
@in_turn("query", COUNTED)
def test_each_choice_finds_as_many_as_it_says(alice_client: Client, query: str) -> None:
    assert_choices_find(alice_client, query)


@pytest.mark.usefixtures("told")
def test_often_asked_times_and_problems_are_one_click(alice_client: Client, clock: time_machine.Traveller) -> None:
    clock.move_to(NOW + timedelta(hours=1))
    page = ask(alice_client)
    menu = by_id(page, "choices-age").all("a", css="menu-item")
    found = [titles(alice_client.get(link.attributes["href"])) for link in menu]
    before = ["uno", "two", "prod · compute-qc", "prod · compute-on"]
    assert found == [["four", "three", "uno"], before, ["four", "three", "uno", *before]]
    assert "since=2026-11-23T13%3A00%3A00Z" in menu[0].attributes["href"]
    (problems_only,) = by_id(page, "choices-kind").all("a", css="menu-item")
    assert titles(alice_client.get(problems_only.attributes["href"])) == ["four", "three", "two"]


@pytest.mark.usefixtures("told")
def test_what_came_since_the_last_visit_is_one_click(alice_client: Client, clock: time_machine.Traveller) -> None:
    def offered() -> list[str]:
        return [link.attributes["href"] for link in by_id(ask(alice_client), "choices-age").all("a", css="menu-item")]

    clock.move_to(NOW + timedelta(seconds=30))
    assert len(offered()) == 3, "on the first visit there is no last one"
    clock.move_to(NOW + timedelta(hours=1))
    since_visit, *others = offered()
    assert len(others) == 3
    assert titles(alice_client.get(since_visit)) == ["four", "three"]


@pytest.mark.usefixtures("told")
def test_a_moment_is_a_filter_that_can_be_taken_away(alice_client: Client) -> None:
    page = ask(alice_client, since="2026-11-24T12:00:30Z")
    assert titles(page) == ["four", "three"]
    assert list(chips(page)) == ["Since: 24 Nov 12:00 UTC"]
    assert len(titles(alice_client.get(chips(page)["Since: 24 Nov 12:00 UTC"]))) == 7
    assert_choices_find(alice_client, "since=2026-11-24T12%3A00%3A30Z&kind=deleted")


@pytest.mark.usefixtures("told")
def test_each_volume_finds_as_many_as_it_says(alice_client: Client) -> None:
    panel = tree(alice_client.get(f"{CHANGES}volumes/?kind=completed&kind=failed"))
    found = {label.one("input").attributes["value"]: label.one(css="choice-count").text for label in panel.all("label")}
    assert found == {VOLUME: "1", OTHER_VOLUME: "1"}
    assert titles(ask(alice_client, kind=["completed", "failed"], volume_id=OTHER_VOLUME)) == ["two"]


@pytest.mark.usefixtures("told")
def test_a_large_team_counts_when_a_menu_is_opened(alice_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = menus(ask(alice_client, kind="failed"))
    monkeypatch.setattr(change_list, "MOST_AT_ONCE", 1)
    caches["fragments"].clear()
    page = ask(alice_client, kind="failed")
    assert set(menus(page)["kind"].values()) == {""}
    (url,) = {each.attributes["data-hx-get"] for each in tree(page).all("a", css="menu-note")}
    assert menus(alice_client.get(url, headers=HTMX)) == menus(alice_client.get(url)) == whole


def assert_choices_find(client: Client, query: str) -> None:
    """Each choice of each menu finds as many lines as it says."""
    counted = menus(client.get(f"{CHANGES}?{query}"))
    assert list(counted) == ["kind", "age", "environment"]
    for menu, value, number in each_choice(counted):
        found = client.get(f"{CHANGES}?{alone(query, menu, value)}", headers=HTMX)
        assert len(lines(found)) == int(number), (menu, value)


@pytest.mark.both_databases
@pytest.mark.usefixtures("told")
@in_turn(
    ("query", "expected"),
    [
        ({"kind": "failed"}, ["two"]),
        ({"kind": ["failed", "vanished"]}, ["three", "two"]),
        ({"kind": "rotated"}, []),
        ({"environment": OTHER_PATH}, ["four", "prod · compute-qc"]),
        ({"volume_id": OTHER_VOLUME}, ["two"]),
        ({"volume_id": "none"}, []),
        ({"q": "two"}, ["two"]),
        ({"q": "ONE"}, ["uno"]),
        ({"q": "ROOT tw"}, ["two"]),
        ({"q": snapshot_id(3)}, ["three"]),
        ({"from": "2026-11-24"}, ["four", "three", "uno"]),
        ({"to": "2026-11-23"}, ["one", "two", "prod · compute-qc", "prod · compute-on"]),
        ({"from": "2026-11-24", "to": "2026-11-24", "kind": "deleted"}, ["four"]),
        ({"from": "2026-11-25"}, []),
    ],
)
def test_filters(alice_client: Client, query: dict[str, object], expected: list[str]) -> None:
    names = {"uno": "uno", "one": "uno"}
    assert titles(ask(alice_client, **query)) == [names.get(name, name) for name in expected]


@pytest.mark.usefixtures("told")
@in_turn(
    ("name", "value"),
    [
        *[("kind", value) for value in ("Failed", "x", "\x00")],
        *[("environment", value) for value in ("prod", "compute-on/none")],
        *[(name, value) for name in ("from", "to") for value in ("2026-13-01", "0001-01-01", "x")],
        *[("line", value) for value in ("x", "0", "-1", "9" * 30)],
        *[(name, value) for name in ("before", "after") for value in ("1", "20261324T120000000000-1", "x" * 99)],
        *[("volume_id", "1"), ("volume_id", "*"), ("rotated", "maybe")],
    ],
)
def test_nonsense_is_named_and_ignored(alice_client: Client, name: str, value: str) -> None:
    page = ask(alice_client, **{name: value})
    assert page.status_code == 200
    assert f"is not a valid “{name}”" in problems(page)[0]
    assert len(titles(page)) == 7


@pytest.mark.usefixtures("told")
def test_chips_name_the_filters_and_take_them_away(alice_client: Client) -> None:
    page = ask(alice_client, kind=["failed", "deleted"], environment=PATH, q="t", **{"from": "2026-11-01"})
    assert list(chips(page)) == [
        *("Kind: Failed", "Kind: Deleted", "Environment: prod · compute-on", "From: 1 Nov", "Search: t")
    ]
    without = alice_client.get(chips(page)["Kind: Failed"])
    assert "Kind: Failed" not in chips(without)


@pytest.fixture
def rotating(lists: Lists, clock: time_machine.Traveller) -> None:
    for day in range(3):
        clock.move_to(NOW + day * DAY)
        lists(*[[taken(50 + n, NOW + n * DAY - DAY) for n in range(day - 4, day + 1)]] * 2)


@pytest.mark.usefixtures("rotating")
def test_rotated_ones_are_shown_to_who_asks(alice_client: Client) -> None:
    assert set(badges(alice_client.get(CHANGES))) == {"✓ Completed", "• Monitoring started"}
    assert badges(ask(alice_client, kind="rotated")) == ["– Rotated"] * 2
    everything = ask(alice_client, rotated="yes")
    assert badges(everything).count("– Rotated") == 2
    assert list(chips(everything)) == ["Rotated: shown too"]


def many(lists: Lists, count: int, state: str = "Error") -> Environment:
    """One list with this many new snapshots, each in another volume."""
    new = [taken(n, NOW, name=f"name {n:03}", state=state, volume_id=snapshot_id(n)) for n in range(1, count + 1)]
    return lists([ALWAYS], [*new, ALWAYS])


@pytest.mark.parametrize(("count", "shown"), [(20, 21), (21, 2)])
def test_more_than_twenty_of_a_kind_at_once_are_one_line(
    alice_client: Client, lists: Lists, count: int, shown: int
) -> None:
    many(lists, count)
    assert len(lines(alice_client.get(CHANGES))) == shown
    assert Change.objects.one_by_one().filter(kind="failed").count() == count


def test_the_line_opens_and_shows_each(alice_client: Client, lists: Lists) -> None:
    many(lists, 70)
    line = lines(alice_client.get(CHANGES))[0]
    assert line.text == "12:01 ✕ Failed 70 snapshots at once › prod · compute-on"
    opened = alice_client.get(line.one("a").attributes["href"])
    assert list(chips(opened)) == ["At once: Failed, 24 Nov 12:01 · prod · compute-on"]
    second = alice_client.get(links(opened)["Next →"])
    assert sorted(titles(opened) + titles(second)) == [f"name {number:03}" for number in range(1, 71)]


def test_who_asks_for_a_volume_or_a_word_sees_what_a_line_hides(alice_client: Client, lists: Lists) -> None:
    many(lists, 30)
    assert titles(ask(alice_client, volume_id=snapshot_id(7))) == ["name 007"]
    assert titles(ask(alice_client, q="name 012")) == ["name 012"]


def test_kinds_fold_for_themselves_and_each_list_for_itself(alice_client: Client, lists: Lists) -> None:
    many(lists, 25)
    many(lists, 25, "BackedUp")
    assert [line.all("a")[0].text for line in lines(alice_client.get(CHANGES))][:2] == [
        *("25 snapshots at once ›", "25 snapshots at once ›")
    ]
    assert badges(alice_client.get(CHANGES))[:2] == ["✓ Completed", "✕ Failed"]


def test_a_line_that_is_not_there_is_named(alice_client: Client, lists: Lists) -> None:
    many(lists, 1)
    page = ask(alice_client, line=Change.objects.get(kind="failed").pk)
    assert "is no longer kept; all entries are shown" in problems(page)[0]
    assert len(titles(page)) == 2


def turned(client: Client, name: str, url: str) -> list[list[str]]:
    """The titles of each page from there on, turning by a link of this name."""
    pages = []
    while url:
        page = client.get(url)
        pages.append(titles(page))
        url = links(page).get(name, "")
    return pages


ALWAYS = taken(9999, NOW - 9 * DAY)


@pytest.fixture
def long(lists: Lists) -> None:
    """140 that completed, seven in each list: the first page ends within one."""
    lists([ALWAYS], *([ALWAYS, *map(_new, range(1, last + 1))] for last in range(7, 141, 7)))


def _new(number: int) -> SnapshotRecord:
    return taken(number, NOW, name=f"name {number:03}", volume_id=snapshot_id(number))


@pytest.mark.proof
@pytest.mark.both_databases(proof=True)
@pytest.mark.usefixtures("long")
def test_pages_to_and_fro_show_each_once_in_one_order(alice_client: Client) -> None:
    onward = turned(alice_client, "Next →", CHANGES)
    shown = [title for page in onward for title in page]
    assert (len(set(shown)), shown[-1]) == (141, "prod · compute-on")
    assert [len(page) for page in onward] == [50, 50, 41]


@pytest.mark.proof
@pytest.mark.usefixtures("long")
def test_back_leads_through_the_same_pages(alice_client: Client) -> None:
    onward = turned(alice_client, "Next →", CHANGES)
    last = links(alice_client.get(links(alice_client.get(CHANGES))["Next →"]))["Next →"]
    assert turned(alice_client, "← Previous", last) == onward[::-1]


@pytest.mark.usefixtures("long")
def test_a_page_stays_where_it_is_when_something_happens(alice_client: Client, lists: Lists) -> None:
    second = links(alice_client.get(CHANGES))["Next →"]
    before = titles(alice_client.get(second))
    lists([ALWAYS, *map(_new, range(1, 150))])
    assert titles(alice_client.get(second)) == before


@pytest.mark.usefixtures("long")
def test_the_number_of_lines_and_the_times_are_told(alice_client: Client) -> None:
    page = alice_client.get(CHANGES)
    assert by_id(page, "count").text == "141 entries"
    assert "24 Nov 12:20 back to 24 Nov 12:13 UTC" in tree(page).one("nav", css="pager").text


def test_a_cached_page_shows_what_happens_within_the_minute(
    alice_client: Client, lists: Lists, fill: Fill, environment: Environment
) -> None:
    alice_client.get(CHANGES)
    fill([record(1)])
    assert badges(alice_client.get(CHANGES)) == ["• Monitoring started"]
    fill([record(1), _new(2)])
    assert badges(alice_client.get(CHANGES)) == ["✓ Completed", "• Monitoring started"]
    refuse(environment)
    assert badges(alice_client.get(CHANGES))[0] == "✕ Rejected"
    fill([record(1), _new(2)])
    assert badges(alice_client.get(CHANGES))[0] == "✓ Reachable again"


@pytest.mark.usefixtures("told")
def test_the_table_is_taken_from_the_cache(
    alice_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    alice_client.get(CHANGES)
    caches["fragments"].clear()
    with django_assert_max_num_queries(12):
        cold = alice_client.get(CHANGES)
    with django_assert_max_num_queries(7):
        hot = alice_client.get(CHANGES)
    assert titles(hot) == titles(cold) != []


@pytest.mark.usefixtures("told")
def test_the_fragment_is_the_pages_own_results(alice_client: Client) -> None:
    page, part = alice_client.get(CHANGES), alice_client.get(f"{CHANGES}?kind=failed&q=", headers=HTMX)
    assert not tree(part).all("h1")
    assert (titles(part), part["HX-Push-Url"]) == (["two"], f"{CHANGES}?kind=failed")
    assert "HX-Request" in page["Vary"]


def test_before_anything_was_fetched_it_says_so(alice_client: Client, environment: Environment) -> None:
    assert tree(alice_client.get(CHANGES)).one("div", css="empty").one("h2").text == "First fetch in progress"


def test_nothing_matches_offers_the_way_back(alice_client: Client, told: Environment) -> None:
    page = ask(alice_client, q="no such name")
    empty = tree(page).one("div", css="empty")
    assert [link.text for link in empty.all("a")] == ["Clear all filters", "Show rotated ones too"]


def test_a_removed_environment_takes_its_changes_along(alice_client: Client, told: Environment) -> None:
    Environment.objects.filter(pk=told.pk).update(removed_at=NOW)
    assert by_id(alice_client.get(CHANGES), "count").text == "2 entries"
    assert titles(alice_client.get(CHANGES)) == ["four", "prod · compute-qc"]


def test_what_others_wrote_is_shown_as_text(alice_client: Client, lists: Lists) -> None:
    hostile = "<script>alert(1)</script>\u202e"
    lists([record(1, name=hostile, volume=hostile)], [record(1, name=f"{hostile}2", volume=f"{hostile}2")])
    page = alice_client.get(CHANGES, {"q": hostile})
    assert b"<script>alert" not in page.content
    assert [line.all("bdi")[0].text for line in lines(page)] == [f"{hostile}2"] * 2


def test_bob_reads_charlie_is_told_nothing(
    bob_client: Client, charlie_client: Client, told: Environment, client_for: Callable[..., Client]
) -> None:
    assert len(titles(bob_client.get(CHANGES))) == 7
    absent = charlie_client.get("/t/no-such-team/changes/")
    refused = charlie_client.get(CHANGES)
    assert (refused.status_code, absent.status_code) == (404, 404)
    assert b"uno" not in refused.content


@pytest.mark.usefixtures("told")
def test_a_view_is_saved_for_this_page(alice_client: Client) -> None:
    page = alice_client.get(f"{CHANGES}?kind=failed")
    form = tree(page).one("form", css="save-view")
    assert {field.attributes.get("name"): field.attributes.get("value") for field in form.all("input")} | {
        "csrfmiddlewaretoken": ""
    } == {"csrfmiddlewaretoken": "", "page": "changes", "query": "kind=failed", "name": None}
    saved = alice_client.post("/t/acme/views/save/", {"page": "changes", "query": "kind=failed", "name": "Failures"})
    assert saved["Location"] == f"{CHANGES}?kind=failed"
    assert links(alice_client.get(CHANGES))["Failures"] == f"{CHANGES}?kind=failed"
