"""The page's filters, numbers, order, exports and addresses; and that no wrong page comes from the cache."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.teams.models import ApiKey, AuditEvent, EventKind, Team, User
from snapshots.models import Environment, SavedView, Snapshot
from snapshots.policy.targets import set_of_team
from snapshots.templatetags import rows as kept_rows
from tests.lists.reading import KINDS, all_rows, as_csv, as_excel, as_json, body
from tests.loops import in_turn
from tests.views.leftovers.conftest import (
    PAGE,
    ask,
    cards,
    change,
    disk,
    facts,
    ids,
    left_out,
    numbers,
    only_usable,
    shown,
    stored,
    told,
)
from tests.views.snapshots.conftest import HTMX, LIST, NOW, OTHER_PATH, PATH, Fill, fail
from tests.views.snapshots.reading import by_id, chips, count, problems, tree

__all__ = ["told"]
pytestmark = pytest.mark.django_db
TOKEN = re.compile(r'(name="csrfmiddlewaretoken" value=)"[\w-]{22,64}"')
QUERIES = (
    *("", "?page_size=25", "?reason=old", "?reason=surplus&page_size=25", "?reason=deleted&reason=outside", "?aged=30"),
    *("?aged=180&aged=365&sort=age", "?environment=compute-qc/prod", "?q=mail", "?q=a&sort=age&page_size=25"),
    *("?days=60&keep=1&page_size=25", "?days=300", "?reason=nonsense&aged=5&days=1&keep=0&sort=name", "?q=no+such"),
)


@pytest.fixture
def both(told: Environment, fill: Fill) -> None:
    """A second environment, with a volume of the same id, and one that is as old."""
    fill([*disk("archive", 334), *disk("archive", 1), *disk("other", 400)], path=OTHER_PATH)


@pytest.mark.proof
@pytest.mark.both_databases(proof=True)
@pytest.mark.usefixtures("both")
def test_every_number_is_that_of_its_link(alice_client: Client) -> None:
    queries = ("", "?reason=old&aged=180", "?q=a", "?environment=compute-on/prod", "?days=60&keep=3")
    for query in queries:
        for url, number in numbers(ask(alice_client, query)):
            page = alice_client.get(f"{url}{'&' if '?' in url else '?'}page_size=100")
            is_back = "reason=" not in url  # of the one in force, which leads back
            assert is_back or len(ids(page)) == number, (query, url)


@pytest.mark.usefixtures("both")
def test_the_number_in_force_leads_back(alice_client: Client) -> None:
    page = ask(alice_client, "?reason=old&aged=180&days=200&q=a")
    (current,) = [cell for cell in tree(page).all("a", css="m-link") if "aria-current" in cell.attributes]
    assert current.attributes["href"] == f"{PAGE}?q=a&days=200"
    (card,) = [
        one
        for one in tree(ask(alice_client, "?reason=old")).all("a", css="reason-card")
        if one.attributes.get("aria-current")
    ]
    assert card.attributes["href"] == PAGE


@pytest.mark.usefixtures("both")
@in_turn(
    ("query", "expected"),
    [
        ("?q=archive", {"archive": 2}),
        ("?q=ARCH&environment=compute-qc/prod", {"archive": 1}),
        ("?environment=compute-qc/prod", {"archive": 1, "other": 1}),
        ("?reason=deleted&reason=outside", {"legacy-share": 2, "data": 1}),
        ("?aged=365", {"other": 1}),
        ("?aged=30&reason=surplus", {"mail-spool": 1}),
        ("?reason=deleted&aged=30", {}),
    ],
)
def test_filters(alice_client: Client, query: str, expected: dict[str, int]) -> None:
    found: dict[str, int] = {}
    for group in tree(ask(alice_client, query)).all("tbody", css="volume-rows"):
        name = group.one(css="group-name").all("bdi")[0].text
        found[name] = found.get(name, 0) + len(group.all("tr", css="lrow"))
    assert found == expected


@pytest.mark.usefixtures("both")
def test_menus_count_with_everything_else_in_force(alice_client: Client) -> None:
    menus = by_id(ask(alice_client, "?reason=old&q=a"), "filters")
    assert [
        one.text for one in by_id(ask(alice_client, "?reason=old&q=a"), "choices-environment").all(css="choice-count")
    ] == ["3", "1"]
    assert [one.text for one in menus.one(id="choices-reason").all(css="choice-count")] == ["2", "4", "6", "2"]
    assert [one.text for one in menus.one(id="choices-aged").all(css="choice-count")] == ["0", "0", "4", "0"]


def test_chips_name_each_filter(alice_client: Client, told: Environment) -> None:
    snapshot = stored(334).snapshot_id
    page = ask(alice_client, f"?reason=old&aged=180&environment=compute-on/prod&q=a&snapshot={snapshot}&days=200")
    assert chips(page) == {
        "Why: Old": f"{PAGE}?aged=180&environment=compute-on%2Fprod&snapshot={snapshot}&q=a&days=200",
        "Age: 180–365 d": f"{PAGE}?reason=old&environment=compute-on%2Fprod&snapshot={snapshot}&q=a&days=200",
        "Environment: prod · compute-on": f"{PAGE}?reason=old&aged=180&snapshot={snapshot}&q=a&days=200",
        "1 selected snapshot": f"{PAGE}?reason=old&aged=180&environment=compute-on%2Fprod&q=a&days=200",
        "Search: a": f"{PAGE}?reason=old&aged=180&environment=compute-on%2Fprod&snapshot={snapshot}&days=200",
    }
    assert tree(page).one("a", css="clear").attributes["href"] == f"{PAGE}?days=200"


@pytest.mark.proof
@in_turn(
    "query", ["?reason=rich", "?aged=7", "?days=29", "?days=99999", "?keep=0", "?keep=x", "?sort=name", "?snapshot=1"]
)
def test_what_is_not_valid_is_named_and_left_out(alice_client: Client, told: Environment, query: str) -> None:
    page = ask(alice_client, query)
    assert (len(problems(page)), len(ids(page))) == (1, 10)


def test_a_number_that_no_menu_has_is_in_the_menu(alice_client: Client, told: Environment) -> None:
    menu = by_id(ask(alice_client, "?days=123"), "set-old")
    assert [one.text for one in menu.all("a")] == [f"older than {days} days" for days in (90, 123, 180, 365, 730)]
    assert menu.one("a", **{"aria-current": "true"}).text == "older than 123 days"


def test_a_fragment_has_the_list_and_what_depends_on_it(alice_client: Client, told: Environment) -> None:
    page = ask(alice_client, "?reason=old", **HTMX)
    assert page["HX-Push-Url"] == f"{PAGE}?reason=old"
    assert len(ids(page)) == 3
    for part in ("summary", "count", "about", "freshness", "banners", "filters-hidden", "choices-reason", "export"):
        assert by_id(page, part).attributes["data-hx-swap-oob"] == "innerHTML"
    assert count(page) == "3 snapshots of 2 volumes; one may be here for more than one reason"


def test_empty_and_no_match(alice_client: Client, fill: Fill) -> None:
    fill(disk("db", 1, 2))
    assert b"empty-none" in ask(alice_client).content
    assert b"empty-no_match" in ask(alice_client, "?q=db").content


def test_selected_ids_are_a_filter_whose_texts_can_be_copied(alice_client: Client, told: Environment) -> None:
    chosen = [stored(days).snapshot_id for days in (334, 275)]
    page = ask(alice_client, f"?snapshot={chosen[0]}&snapshot={chosen[1]}")
    assert ids(page) == chosen
    assert by_id(page, "copied-ids").exact_text().split() == chosen
    assert by_id(page, "copied-names").exact_text().split("\n") == [stored(334).name, stored(275).name]
    young = Snapshot.objects.get(volume="mail-spool", taken_before=NOW - timedelta(days=1))
    assert ids(ask(alice_client, f"?snapshot={young.snapshot_id}")) == []


@pytest.mark.proof
@pytest.mark.both_databases
@pytest.mark.usefixtures("both")
def test_an_export_has_the_rows_of_all_pages_in_their_order(bob_client: Client) -> None:
    read = {"csv": as_csv, "xlsx": as_excel, "json": as_json_rows}
    for number, query in enumerate(QUERIES):
        expected = all_rows(bob_client, f"{PAGE}{query}", ids)
        kind = KINDS[number % 3]
        rows = read[kind](bob_client, PAGE, query)
        assert [row["id"] for row in rows if row["id"]] == expected, (kind, query)
    assert AuditEvent.objects.filter(kind=EventKind.EXPORTED, target="leftovers").exists()


def as_json_rows(client: Client, page: str, query: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = as_json(client, page, query)["data"]
    return found


@pytest.mark.usefixtures("both")
def test_an_export_has_the_reasons_and_what_remains(bob_client: Client) -> None:
    row, *_others, last = as_json(bob_client, PAGE, "?environment=compute-on/prod&sort=-age")["data"]
    assert list(row)[-6:] == ["reasons", "usableOfVolume", "onlyUsable", "serviceCode", "environmentName", "dataAsOf"]
    assert (row["reasons"], row["usableOfVolume"], row["onlyUsable"]) == (["old"], 1, True)
    assert (last["reasons"], last["usableOfVolume"], last["onlyUsable"]) == (["outside"], 6, False)
    (text,) = as_csv(bob_client, PAGE, "?reason=deleted&reason=outside&aged=180&q=legacy&page_size=25&sort=age")[:1]
    assert (text["reasons"], text["filter"]) == (
        "deleted old",
        "reason=deleted&reason=outside&aged=180&q=legacy&sort=age",
    )


@pytest.mark.usefixtures("both")
def test_an_export_has_a_name_and_the_selected_rows_alone(bob_client: Client) -> None:
    answer = bob_client.get(f"{PAGE}export.csv?reason=old&aged=365")
    assert "acme-leftovers-old-age-365d-2026" in answer["Content-Disposition"]
    body(answer)
    chosen = stored(275).snapshot_id
    assert [row["id"] for row in as_csv(bob_client, PAGE, f"?snapshot={chosen}")] == [chosen]


def test_the_other_pages_lead_here(alice_client: Client, told: Environment) -> None:
    links = {link.attributes.get("href") for link in tree(alice_client.get(LIST)).one("main").all("a")}
    assert PAGE in links
    SavedView.objects.create(team=told.team, name="Old ones", page="leftovers", query="reason=old")
    assert f"{PAGE}?reason=old" in [link.attributes.get("href") for link in by_id_of_menu(ask(alice_client))]


def by_id_of_menu(page: Any) -> list[Any]:
    return tree(page).one("details", css="saved-views").all("a")


def test_a_refresh_that_brings_an_environment_back_shows_it(
    alice_client: Client, told: Environment, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed_again(*_rest: object, **_others: object) -> list[object]:
        Environment.objects.update(listed_at=timezone.now(), believed_at=timezone.now())
        return []

    monkeypatch.setattr("snapshots.sync.refresh.refresh", listed_again)
    assert "HX-Refresh" not in alice_client.post(f"{PAGE}refresh/", {"auto": "1"}, headers=HTMX)
    clock.shift(timedelta(hours=2))
    assert left_out(ask(alice_client)) != []
    assert alice_client.post(f"{PAGE}refresh/", {"auto": "1"}, headers=HTMX)["HX-Refresh"] == "true"
    assert left_out(ask(alice_client)) == []


def steps(
    told: Environment, fill: Fill, clock: time_machine.Traveller, team: Team, alice: User
) -> Sequence[tuple[str, Callable[[], object]]]:
    records = [*disk("archive", 334), *disk("mail-spool", *range(60, 95))]
    return [
        ("a minute", lambda: clock.shift(60)),
        ("an environment", lambda: fill(records, path=OTHER_PATH)),
        ("a volume is deleted", lambda: change("data", deleted_at=NOW)),
        ("it is not", lambda: change("data", deleted_at=None)),
        ("its name", lambda: change("data", name="renamed")),
        ("a target", lambda: set_of_team(team, 24, person=alice)),
        ("another minute", lambda: clock.shift(60)),
        ("a row is left out", lambda: fill(records[1:], path=OTHER_PATH)),
        ("a fault", lambda: fail(Environment.objects.get(service_code="compute-qc"))),
        ("a doubt", lambda: Environment.objects.filter(pk=told.pk).update(volumes_suspect_since=NOW)),
        ("no doubt", lambda: Environment.objects.filter(pk=told.pk).update(volumes_suspect_since=None)),
        ("not believed", lambda: Environment.objects.filter(pk=told.pk).update(believed_at=NOW - timedelta(days=1))),
        ("believed", lambda: Environment.objects.filter(pk=told.pk).update(believed_at=NOW)),
        ("too old", lambda: clock.move_to(NOW + timedelta(minutes=60, seconds=1))),
        ("a saved view", lambda: SavedView.objects.create(team=team, name="Ours", page="leftovers", query="q=a")),
        ("a day", lambda: clock.shift(timedelta(days=1))),
    ]


def test_no_wrong_page_comes_from_the_cache(
    alice_client: Client,
    bob_client: Client,
    alice: User,
    team: Team,
    told: Environment,
    fill: Fill,
    clock: time_machine.Traveller,
) -> None:
    asked = [(alice_client, "?reason=old&days=90&keep=2&q=a"), (bob_client, "")]

    def pages() -> list[str]:
        found = [ask(client, query).content.decode() for client, query in asked]
        found += [ask(bob_client, "?reason=surplus", **HTMX).content.decode()]
        return [TOKEN.sub(r"\1", page) for page in found]

    before = pages()
    for what, act in steps(told, fill, clock, team, alice):
        act()
        now = pages()
        caches["fragments"].clear()
        kept_rows._rendered.cache_clear()
        assert now == pages(), what
        assert now != before, what
        before = now


def test_a_kept_page_counts_nothing(alice_client: Client, told: Environment) -> None:
    ask(alice_client)
    with CaptureQueriesContext(connection) as log:
        ask(alice_client)
    assert [
        query["sql"] for query in log if "snapshots_snapshot" in query["sql"] or "snapshots_volume" in query["sql"]
    ] == []


@pytest.mark.both_databases(proof=True)
def test_the_number_of_queries_does_not_grow_with_the_rows(alice_client: Client, fill: Fill) -> None:
    for path, volumes in ((PATH, 2), (OTHER_PATH, 40)):
        fill([record for name in range(volumes) for record in disk(f"volume-{name}", 200, 210)], path=path)

    def queries(path: str) -> tuple[int, int]:
        with CaptureQueriesContext(connection) as log:
            page = ask(alice_client, f"?environment={path}&page_size=100")
        return len(ids(page)), len(log)

    queries(PATH)  # the member's visit is noted
    caches["fragments"].clear()
    few, many = queries(PATH), queries(OTHER_PATH)
    assert (few[0], many[0]) == (4, 80)
    assert many[1] <= few[1]


def test_no_query_reads_more_than_the_teams_own_rows(alice_client: Client, rival: Team, fill: Fill) -> None:
    """It reads rows of this team alone: by an index that begins with the team or an environment, or by their keys."""
    fill([record for name in range(40) for record in disk(f"volume-{name}", *range(20, 60))])
    with CaptureQueriesContext(connection) as log:
        assert len(ids(ask(alice_client, "?keep=7&q=volume&aged=30&reason=surplus&reason=outside"))) == 50
    plans = [plan for query in log if '"snapshots_' in query["sql"] for plan in plans_of(query["sql"])]
    read = [plan for plan in plans if re.match(r"(SCAN|SEARCH) (snapshots_|[UVW]\d)", plan)]
    assert len(read) > 10
    assert [plan for plan in read if plan.startswith("SCAN")] == []
    keys = r"\((team_id|environment_id|member_id|rowid|id|pk|service_code)\b"
    assert [plan for plan in read if not re.search(keys, plan)] == []


def plans_of(sql: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql.replace('%', '%%')}")
        return [row[3] for row in cursor.fetchall()]


def test_two_teams_with_the_same_address_share_nothing(
    alice_client: Client, told: Environment, charlie_client: Client
) -> None:
    ask(alice_client)
    page = charlie_client.get("/t/rival/leftovers/")
    assert (shown(page), facts(page), only_usable(page)) == ({}, {}, [])
    assert b"archive" not in page.content
    assert sum(cards(ask(alice_client)).values()) > 0


def test_the_first_fetch_fills_the_page(alice_client: Client, environment: Environment, fill: Fill) -> None:
    page = ask(alice_client)
    assert b"empty-first_fetch" in page.content
    assert (by_id(page, "summary").text, left_out(page), count(page)) == ("", [], "")
    fill(disk("archive", 334))
    filled = ask(alice_client, **HTMX)
    assert cards(filled)["Old"] == 1
    assert len(ids(filled)) == 1


def test_without_a_key_there_is_nothing_to_list(alice_client: Client, told: Environment) -> None:
    ApiKey.objects.all().delete()
    page = ask(alice_client)
    assert b"empty-no_key" in page.content
    assert ids(page) == []
    assert as_csv(alice_client, PAGE)[0]["id"] == ""
