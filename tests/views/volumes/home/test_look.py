"""How each member sees the page: columns, density, rows a page, and what is new since the last visit."""

import json
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.teams.models import Membership, User
from snapshots.alerts.problems import settle
from snapshots.models import Environment, Policy, ProblemTick
from tests.loops import in_turn
from tests.views.snapshots.conftest import Fill
from tests.views.snapshots.reading import Response, by_id, tree
from tests.views.volumes.home.steps import HOME, PLAIN, disk, home, names, rows

pytestmark = pytest.mark.django_db
LOOK, SEEN = f"{PLAIN}look/", f"{PLAIN}seen/"
EVERY = ["newest", "promise", "strip", "usable"]


def choose(client: Client, **values: object) -> Response:
    return client.post(LOOK, {"column": EVERY, "density": "", "page_size": "50", "back": PLAIN} | values, follow=True)


def columns(page: Response) -> list[str]:
    return [head.attributes["class"].removeprefix("v-") for head in tree(page).all("thead")[0].all("th")]


def test_columns_and_density_are_the_members_own(alice_client: Client, bob_client: Client, told: Environment) -> None:
    usual = tree(home(bob_client)).one(id="results").text
    for query in ("", "?group=instance"):
        choose(alice_client, column=["strip"], density="compact")
        page = home(alice_client, query)
        assert columns(page) == ["box", "status", "name", "strip"]
        assert {len(row.all("td")) + len(row.all("th")) for row in rows(page)} == {4}
        assert tree(page).all("table", css="volumes")[0].attributes["class"].endswith(" compact")
        assert columns(home(bob_client, query)) == ["status", "name", *EVERY]
    assert tree(home(bob_client)).one(id="results").text == usual
    choose(alice_client)
    assert columns(home(alice_client)) == ["box", "status", "name", *EVERY]


def test_the_menu_shows_what_is_chosen(alice_client: Client, told: Environment) -> None:
    page = choose(alice_client, column=["usable"], density="compact", page_size="100")
    form = tree(page).one("details", css="look").one("form")
    checked = [
        (box.attributes["name"], box.attributes["value"]) for box in form.all("input") if "checked" in box.attributes
    ]
    assert checked == [("column", "usable"), ("density", "compact"), ("page_size", "100")]


def test_the_page_size_is_kept_and_in_no_address(
    alice_client: Client, bob_client: Client, week: Policy, fill: Fill
) -> None:
    fill([one for number in range(30) for one in disk(f"disk-{number}", 1)])
    page = choose(alice_client, page_size="25")
    assert len(rows(page)) == 25
    assert len(rows(home(alice_client, "?page=2"))) == 5
    assert len(rows(home(bob_client))) == len(rows(home(alice_client, "?page_size=100"))) == 30
    links = [link.attributes["href"] for link in tree(page).one("main").all("a")]
    assert not [link for link in links if "page_size" in link]


@in_turn("values", [{"page_size": "7"}, {"page_size": "x" * 99}, {"density": "x"}, {"column": ["x", "\0"]}])
def test_nonsense_chooses_nothing_else(alice_client: Client, told: Environment, values: dict[str, object]) -> None:
    assert choose(alice_client, **values).status_code == 200
    kept = Membership.objects.get(user__email="alice@example.com").choices["volumes"]
    assert (kept["compact"], kept["page_size"], set(kept["hidden"]) <= set(EVERY)) == (False, 50, True)


def test_nobody_chooses_for_another_team(charlie_client: Client, told: Environment) -> None:
    for address in (LOOK, SEEN):
        assert charlie_client.post(address, {"density": "compact"}).status_code == 404
    assert not Membership.objects.exclude(choices={}).exists()


# --- new since the last visit


def marked(page: Response) -> list[str]:
    return [row.one("a", css="first").text for row in rows(page) if row.all(css="unseen")]


def visit_again(client: Client, user: User, clock: time_machine.Traveller, **later: float) -> Response:
    """Come back after some time, signed in again where the session has ended."""
    clock.shift(timedelta(**later))
    client.force_login(user)
    return home(client)


@pytest.mark.both_databases
def test_what_began_since_the_last_visit_is_marked(
    alice: User,
    alice_client: Client,
    bob: User,
    bob_client: Client,
    week: Policy,
    fill: Fill,
    clock: time_machine.Traveller,
) -> None:
    old = disk("old", 240, kind="MANUAL")
    soon = disk("soon", 167, kind="MANUAL")
    fill([*old, *soon])
    assert marked(home(alice_client)) == marked(home(bob_client)) == []
    clock.shift(timedelta(hours=9))
    fill([*old, *soon])
    page = visit_again(alice_client, alice, clock)
    assert names(page) == ["old", "soon"]
    assert marked(page) == ["soon"]
    line = tree(page).one(css="unseen-line")
    assert line.one("strong").text.startswith("1 ")
    shown = alice_client.get(line.one("a").attributes["href"])
    assert names(shown) == ["soon"]
    assert names(bob_client.get(line.one("a").attributes["href"])) == ["soon"]


def test_a_reload_keeps_the_marks_and_seen_takes_them(
    alice: User,
    alice_client: Client,
    bob: User,
    bob_client: Client,
    week: Policy,
    fill: Fill,
    clock: time_machine.Traveller,
) -> None:
    soon = disk("soon", 167, kind="MANUAL")
    fill(soon)
    home(alice_client)
    home(bob_client)
    clock.shift(timedelta(hours=9))
    fill(soon)
    for _reload in range(4):
        fill(soon)
        assert marked(visit_again(bob_client, bob, clock, minutes=20)) == ["soon"]
        assert marked(visit_again(alice_client, alice, clock)) == ["soon"]
    settle(Environment.objects.get())
    until = tree(home(alice_client)).one(css="unseen-line").one("input", name="until").attributes["value"]
    for before, ticks in ((timedelta(seconds=1), 0), (timedelta(0), 1)):
        moment = datetime.fromisoformat(until) - before
        page = alice_client.post(SEEN, {"back": PLAIN, "until": moment.isoformat()}, follow=True)
        assert ProblemTick.objects.filter(member__user=alice).count() == ticks
    assert marked(page) == []
    assert not tree(page).all(css="unseen-line")
    assert marked(home(bob_client)) == ["soon"]
    fill(soon)
    assert marked(visit_again(bob_client, bob, clock, minutes=36)) == []


def test_a_visit_is_written_once_in_five_minutes(
    alice_client: Client, told: Environment, clock: time_machine.Traveller
) -> None:
    home(alice_client)
    for seconds, writes in ((1, 0), (200, 0), (200, 1), (1, 0)):
        clock.shift(seconds)
        with CaptureQueriesContext(connection) as asked:
            home(alice_client)
        written = [one["sql"] for one in asked if one["sql"].startswith("UPDATE") and "membership" in one["sql"]]
        assert len(written) == writes, written


def test_all_that_match_are_the_new_ones_alone(
    alice: User, alice_client: Client, week: Policy, fill: Fill, clock: time_machine.Traveller
) -> None:
    old, soon = disk("old", 240, kind="MANUAL"), disk("soon", 167, kind="MANUAL")
    fill([*old, *soon])
    home(alice_client)
    clock.shift(timedelta(hours=9))
    fill([*old, *soon])
    page = visit_again(alice_client, alice, clock)
    query = tree(page).one(css="unseen-line").one("a").attributes["href"].partition("?")[2]
    chosen = alice_client.get(f"{HOME}volumes/exclude/?which=match&{query}")
    assert by_id(chosen, "chosen").text == "1 volume"
    exported = json.loads(alice_client.get(f"{PLAIN}export.json?{query}").getvalue())
    assert [row["name"] for row in exported["data"]] == ["soon"]
