"""Empty states say what is the matter and what to do next; home leads to a team."""

import pytest
from django.test import Client

from dashboard.teams.models import ApiKey, Membership, Role, Team, User
from snapshots.models import Environment
from tests.views.snapshots.conftest import LIST, OTHER_PATH, Fill, fail, record
from tests.views.snapshots.reading import by_id, empty, links, tree

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("role", "advice"),
    [
        (Role.ADMIN, "Enter the key"),
        (Role.VIEWER, "Ask alice@example.com (admin)."),
    ],
)
def test_no_key(alice: User, bob_client: Client, role: Role, advice: str) -> None:
    Membership.objects.filter(user__email="bob@example.com").update(role=role)
    page = bob_client.get(LIST)
    assert empty(page).startswith("no_key This team has no API key yet")
    assert empty(page).endswith(advice)
    assert not tree(page).all("form", id="refresh")


@pytest.mark.parametrize(
    ("role", "advice"),
    [
        (Role.ADMIN, "Add environments"),
        (Role.VIEWER, "Ask alice@example.com (admin)."),
    ],
)
def test_no_environment(alice: User, bob_client: Client, key: ApiKey, role: Role, advice: str) -> None:
    Membership.objects.filter(user__email="bob@example.com").update(role=role)
    page = bob_client.get(LIST)
    assert empty(page).startswith("no_environment This team has no environment yet")
    assert empty(page).endswith(advice)
    assert not tree(page).all("form", id="refresh")


def test_first_fetch_under_way(alice_client: Client, environment: Environment, other: Environment) -> None:
    page = alice_client.get(LIST)
    assert empty(page).startswith("first_fetch First fetch in progress 0 of 2 environments fetched.")
    assert by_id(page, "refresh").one("input", name="first").attributes["value"] == "1"


def test_a_first_fetch_of_the_rest_counts_what_is_there(
    alice_client: Client, environment: Environment, fill: Fill
) -> None:
    fill([record(1)], path=OTHER_PATH)
    assert empty(alice_client.get(LIST)) == ""
    page = alice_client.get(f"{LIST}?environment=compute-on/prod")
    assert empty(page).startswith("first_fetch First fetch in progress 1 of 2 environments fetched.")


def test_never_answered_is_no_fetch_under_way(alice_client: Client, environment: Environment) -> None:
    fail(environment)
    assert empty(alice_client.get(LIST)) == (
        "first_fetch Nothing fetched yet The provider has never answered, so there is nothing to show yet. "
        "The reason is above."
    )


def test_no_snapshot(alice_client: Client, fill: Fill) -> None:
    fill([])
    assert empty(alice_client.get(LIST)).startswith("no_snapshot No snapshot yet The provider lists no snapshots")


@pytest.mark.parametrize(("number", "says"), [(1, "there is 1 snapshot."), (3, "there are 3 snapshots.")])
def test_nothing_matches(alice_client: Client, fill: Fill, number: int, says: str) -> None:
    fill([record(each) for each in range(number)])
    page = alice_client.get(f"{LIST}?q=nothing&state=Error")
    assert empty(page) == f"no_match Nothing matches Without the filters {says} Clear all filters"
    assert links(page)["Clear all filters"] == LIST


def test_the_filters_stay_where_nothing_matches(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    assert tree(alice_client.get(f"{LIST}?q=nothing")).one("form", id="filters")


def test_home_leads_to_the_only_team(alice_client: Client, fill: Fill) -> None:
    assert alice_client.get("/")["Location"] == "/t/acme/"
    fill([record(1)])
    assert tree(alice_client.get("/t/acme/")).one("h1").text == "Volumes"


def test_home_asks_which_team_until_one_was_seen(alice_client: Client, alice: User, rival: Team, key: ApiKey) -> None:
    Membership.objects.create(user=alice, team=rival, role=Role.VIEWER)
    assert alice_client.get("/")["Location"] == "/teams/"
    for slug in ("rival", "acme"):
        alice_client.get(f"/t/{slug}/snapshots/")
        assert alice_client.get("/")["Location"] == f"/t/{slug}/"


def test_the_last_team_is_forgotten_with_the_membership(alice_client: Client, alice: User, rival: Team) -> None:
    second = Membership.objects.create(user=alice, team=rival, role=Role.VIEWER)
    alice_client.get("/t/rival/snapshots/")
    second.delete()
    assert alice_client.get("/")["Location"] == "/t/acme/"
    assert alice_client.get("/t/rival/snapshots/").status_code == 404


def test_the_teams_page_says_role_and_leads_there(alice_client: Client, alice: User, rival: Team) -> None:
    Membership.objects.create(user=alice, team=rival, role=Role.VIEWER)
    main = tree(alice_client.get("/teams/")).one("main")
    assert {link.attributes["href"]: link.text for link in main.all("a")} == {
        "/t/acme/": "Acme PlatformAdmin",
        "/t/rival/": "Rival WorksViewer",
    }


@pytest.mark.parametrize("address", ["/", "/teams/"])
def test_no_team_yet(alice_client: Client, alice: User, address: str) -> None:
    alice.memberships.all().delete()
    page = alice_client.get(address)
    assert page.status_code == 200
    assert "alice@example.com" in tree(page).one("main").text
    assert "Ask an admin of your team" in tree(page).one("main").text


def test_the_switcher_lists_own_teams_alone(alice_client: Client, alice: User, rival: Team, key: ApiKey) -> None:
    Team.objects.create(slug="foreign", name="FOREIGN-team")
    Membership.objects.create(user=alice, team=rival, role=Role.VIEWER)
    page = alice_client.get(LIST)
    menu = next(nav for nav in tree(page).all("nav") if nav.attributes.get("aria-label") == "Teams")
    assert [link.text for link in menu.all("a")] == ["Acme Platform", "Rival Works"]
    assert b"FOREIGN" not in page.content
