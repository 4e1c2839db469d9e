"""What htmx gets is less of the same page; what the cache keeps is never older, nor another team's."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from tests.conftest import cached_in_process
from tests.loops import in_turn
from tests.views.snapshots.conftest import HTMX, LIST, NOW, OTHER_PATH, VOLUME, Fill, record
from tests.views.snapshots.reading import cells, count, numbers, tree

pytestmark = pytest.mark.django_db
RESULTS = b'<div id="results" tabindex="-1" data-hx-target="#results" data-hx-push-url="true">'
OUT_OF_BAND = b'<div id="filters-hidden" data-hx-swap-oob'
QUERIES = ["", "?state=Error", f"?volume_id={VOLUME}&page=2&page_size=25&sort=name", "?q=zzz", "?state=x", "?listed=no"]


@pytest.fixture
def thirty(fill: Fill) -> None:
    fill([record(number, state="Error" if number % 3 else "BackedUp") for number in range(30)])


@pytest.mark.usefixtures("thirty")
@in_turn("query", QUERIES)
def test_the_fragment_is_the_pages_own_results(alice_client: Client, query: str) -> None:
    page = alice_client.get(LIST + query).content
    fragment = alice_client.get(LIST + query, headers=HTMX).content
    results = page.partition(RESULTS)[2]
    body = fragment.partition(OUT_OF_BAND)[0].strip()
    assert len(body) > 100
    assert results.startswith(body, len(results) - len(results.lstrip()))
    assert results.lstrip()[len(body) :].lstrip().startswith(b"</div>\n  </section>")


@pytest.mark.usefixtures("thirty")
def test_the_fragment_brings_the_rest_of_the_page_in_line(alice_client: Client) -> None:
    query = f"{LIST}?state=Error&page_size=25"
    page, fragment = alice_client.get(query), alice_client.get(query, headers=HTMX)
    beside = [
        each for each in tree(fragment).children if not isinstance(each, str) and "data-hx-swap-oob" in each.attributes
    ]
    assert {"count", "news", "freshness", "banners", "filters-count", "choices-state"} <= {
        each.attributes["id"] for each in beside
    }
    for each in beside:
        assert each.text == tree(page).one(id=each.attributes["id"]).text


@pytest.mark.usefixtures("thirty")
def test_going_back_gets_the_whole_page(alice_client: Client) -> None:
    back = alice_client.get(LIST, headers=HTMX | {"HX-History-Restore-Request": "true"})
    assert back.content.startswith(b"<!doctype html>")
    assert {"HX-Push-Url", "HX-Replace-Url"}.isdisjoint(back.headers)
    assert not alice_client.get(LIST, headers=HTMX).content.lstrip().startswith(b"<!doctype")


@pytest.mark.usefixtures("thirty")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_no_cache_on_the_way_mixes_page_and_fragment(alice_client: Client, headers: dict[str, str]) -> None:
    page = alice_client.get(LIST, headers=headers)
    assert page["Cache-Control"] == "private, no-store"
    vary = {name.strip() for name in page["Vary"].split(",")}
    assert {"Cookie", "HX-Request", "HX-History-Restore-Request"} <= vary


def test_another_team_never_sees_a_cached_table(
    alice_client: Client, charlie_client: Client, fill: Fill, rival: Team
) -> None:
    ApiKey.replace(rival, Secret("a-key-of-rival"))
    fill([record(1, name="FOREIGN-acme")])
    fill([record(1, name="FOREIGN-rival")], of=rival)
    for _ in range(2):
        acme, other = alice_client.get(LIST), charlie_client.get("/t/rival/snapshots/")
        assert cells(acme, "name") == ["FOREIGN-acmeprod · compute-on"]
        assert cells(other, "name") == ["FOREIGN-rivalprod · compute-on"]
        assert b"FOREIGN-rival" not in acme.content
        assert b"FOREIGN-acme" not in other.content


def test_another_team_never_counts_or_finds_what_is_not_its_own(
    charlie_client: Client, fill: Fill, rival: Team
) -> None:
    ApiKey.replace(rival, Secret("a-key-of-rival"))
    fill([record(number, name="FOREIGN") for number in range(5)])
    fill([record(9)], of=rival)
    for query in (
        "",
        f"?volume_id={VOLUME}",
        "?state=BackedUp",
        "?q=FOREIGN",
        "?volume_q=root",
        f"?environment={OTHER_PATH}",
    ):
        page = charlie_client.get(f"/t/rival/snapshots/{query}")
        assert count(page) in ("1 snapshot", "1 of 1 snapshot", "0 of 1 snapshot")
        assert b">FOREIGN" not in page.content


@pytest.mark.defaults
def test_every_cached_table_is_kept_under_its_team(alice_client: Client, fill: Fill, team: Team) -> None:
    fill([record(1)])
    for query in QUERIES:
        alice_client.get(LIST + query)
    kept = list(cached_in_process())
    assert len(kept) >= 5
    assert [key for key in kept if f":{team.pk}:" not in key] == []


def test_two_members_of_one_team_share_the_table_but_not_the_page(
    alice_client: Client, bob_client: Client, fill: Fill
) -> None:
    fill([record(1)])
    first, second = alice_client.get(LIST), bob_client.get(LIST)
    assert numbers(first) == numbers(second) == [1]
    assert b"alice@example.com" not in second.content


def test_a_change_shows_at_once(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    assert numbers(alice_client.get(LIST)) == [1]
    fill([record(1, state="Error"), record(0)])
    page = alice_client.get(LIST)
    assert (numbers(page), cells(page, "state")) == ([0, 1], ["✓ Completed", "✕ Error"])
    assert count(page) == "2 snapshots"


def test_the_age_label_appears_though_nothing_was_synced(
    alice_client: Client, fill: Fill, clock: time_machine.Traveller, settings: Settings
) -> None:
    settings.SYNC_TTL_SECONDS = 10
    fill([record(1)])
    clock.shift(timedelta(seconds=30))
    assert cells(alice_client.get(LIST), "state") == ["✓ Completed"]
    clock.shift(timedelta(seconds=1))
    assert cells(alice_client.get(LIST), "state") == ["✓ Completed as of 12:00"]


def test_the_age_label_is_of_the_old_environment_alone(
    alice_client: Client, fill: Fill, clock: time_machine.Traveller
) -> None:
    fill([record(1)])
    clock.shift(timedelta(hours=1))
    fill([record(2)], path=OTHER_PATH)
    assert cells(alice_client.get(LIST), "state") == ["✓ Completed as of 12:00", "✓ Completed"]


def test_ages_in_the_table_move_with_the_clock(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    fill([record(0)])
    assert "1 min ago" in cells(alice_client.get(LIST), "taken")[0]
    clock.move_to(NOW + timedelta(minutes=1))
    assert "2 min ago" in cells(alice_client.get(LIST), "taken")[0]
