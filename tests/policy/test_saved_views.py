"""Filtered pages under a name: saved for the team, found in a menu, a start page if an admin says so."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from dashboard.teams.models import Team
from snapshots.models import Environment, SavedView
from tests.conftest import Answer
from tests.policy.steps import HOME, said
from tests.views.snapshots.conftest import LIST
from tests.views.snapshots.reading import tree

pytestmark = pytest.mark.django_db
VIEWS = f"{HOME}views/"


def save(client: Client, name: str = "Failed ones", query: str = "state=Error&q=db", page: str = "snapshots") -> str:
    return client.post(f"{VIEWS}save/", {"name": name, "query": query, "page": page})["Location"]


def menu(page: Answer) -> dict[str, str]:
    links = tree(page).one("details", css="saved-views").all("a")
    return {link.text: link.attributes["href"] for link in links}


def test_it_is_listed_for_the_whole_team_with_its_address(
    dora_client: Client, bob_client: Client, mixture: Environment
) -> None:
    assert save(dora_client) == f"{LIST}?state=Error&q=db"
    assert menu(bob_client.get(LIST))["Failed ones"] == f"{LIST}?state=Error&q=db"
    assert bob_client.get(f"{LIST}?state=Error&q=db").status_code == 200
    assert tree(bob_client.get(VIEWS)).one("main").one("ul").one("a").text == "Failed ones"


def test_a_viewer_is_offered_no_form(dora_client: Client, bob_client: Client, mixture: Environment) -> None:
    for client, number in ((dora_client, 1), (bob_client, 0)):
        assert len(tree(client.get(LIST)).all("form", css="save-view")) == number


def test_the_menu_marks_the_view_that_is_shown(dora_client: Client, mixture: Environment) -> None:
    save(dora_client)
    for query, marked in (
        ("state=Error&q=db", ["Failed ones"]),
        ("state=Error&q=db&page=1", ["Failed ones"]),
        ("", []),
    ):
        links = tree(dora_client.get(f"{LIST}?{query}")).one("details", css="saved-views").all("a")
        assert [link.text for link in links if "aria-current" in link.attributes] == marked


def test_the_form_carries_the_address_it_is_shown_at(dora_client: Client, mixture: Environment) -> None:
    form = tree(dora_client.get(f"{LIST}?state=Error&q=%3C%26")).one("form", css="save-view")
    assert form.one("input", name="query").attributes["value"] == "state=Error&q=%3C%26"
    assert form.one("input", name="page").attributes["value"] == "snapshots"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("?page=7&q=a", "?q=a"),
        ("q=&state=", ""),
        ("//evil.example/", ""),
        ("q=a%0d%0aSet-Cookie:x", "?q=a%0D%0ASet-Cookie%3Ax"),
        ("q=a\r\nLocation: //evil", "?q=a%0D%0ALocation%3A+%2F%2Fevil"),
        ("q=#x", "?q=%23x"),
    ],
)
def test_an_address_is_this_page_and_nothing_else(dora_client: Client, team: Team, query: str, kept: str) -> None:
    assert save(dora_client, query=query) == f"{LIST}{kept}"
    assert SavedView.objects.get().query == kept.removeprefix("?")
    assert dora_client.get(f"{LIST}{kept}").status_code == 200


@pytest.mark.parametrize("query", ["q=\0", "x=" + "y" * 2001, "&".join(f"a{n}=1" for n in range(1500))])
def test_a_query_that_does_not_fit_is_not_kept(dora_client: Client, team: Team, query: str) -> None:
    save(dora_client, query=query)
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("page", ["", "nope", "//evil.example", "team_home"])
def test_only_pages_with_filters_are_kept(dora_client: Client, team: Team, page: str) -> None:
    assert save(dora_client, page=page) == VIEWS
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "\u202e"])
def test_a_view_has_a_name(dora_client: Client, team: Team, name: str) -> None:
    save(dora_client, name=name)
    assert not SavedView.objects.exists()


def test_a_name_is_given_once_a_team(dora_client: Client, charlie_client: Client, team: Team) -> None:
    save(dora_client)
    page = dora_client.post(f"{VIEWS}save/", {"name": "Failed ones", "query": "", "page": "snapshots"}, follow=True)
    assert said(page)[-1] == "There is a view “Failed ones” already. Choose another name."
    charlie_client.post("/t/rival/views/save/", {"name": "Failed ones", "query": "", "page": "snapshots"})
    assert SavedView.objects.count() == 2
    assert SavedView.objects.get(team=team).query == "state=Error&q=db"


def test_what_no_longer_fits_is_said(dora_client: Client, mixture: Environment) -> None:
    url = save(dora_client, query="environment=compute-on/gone&state=Vanished&sort=colour")
    page = dora_client.get(url)
    assert page.status_code == 200
    assert sum("is not a valid" in each.text for each in tree(page).all(css="banner")) == 3


def test_a_member_deletes_but_not_the_start_page(
    dora_client: Client, alice_client: Client, bob_client: Client, team: Team
) -> None:
    save(dora_client)
    view = {"view": str(SavedView.objects.get().pk)}
    assert bob_client.post(f"{VIEWS}delete/", view).status_code == 403
    alice_client.post(f"{VIEWS}start/", view)
    dora_client.post(f"{VIEWS}delete/", view)
    assert SavedView.objects.exists()
    alice_client.post(f"{VIEWS}start/")
    dora_client.post(f"{VIEWS}delete/", view)
    assert not SavedView.objects.exists()
    assert said(dora_client.post(f"{VIEWS}delete/", view, follow=True))[-1] == "This view no longer exists."


def test_the_team_starts_where_an_admin_says(
    dora_client: Client, alice_client: Client, bob_client: Client, mixture: Environment
) -> None:
    url = save(dora_client)
    view = {"view": str(SavedView.objects.get().pk)}
    assert dora_client.post(f"{VIEWS}start/", view).status_code == 403
    assert bob_client.get(HOME).status_code == 200
    alice_client.post(f"{VIEWS}start/", view)
    assert bob_client.get(HOME)["Location"] == url
    plain = bob_client.get(f"{HOME}volumes/")
    assert plain.status_code == bob_client.get(f"{HOME}?q=disk").status_code == 200
    assert tree(plain).one("h1").text == "Volumes"
    alice_client.post(f"{VIEWS}delete/", view)
    assert bob_client.get(HOME).status_code == 200


def test_the_plain_volumes_lead_to_themselves(bob_client: Client, dora_client: Client, mixture: Environment) -> None:
    """With another start page "clear all" must not end there."""
    tiles = tree(bob_client.get(f"{HOME}volumes/?q=disk")).one("main").all("a")
    own = {link.attributes["href"].partition("?")[0] for link in tiles if "data-hx-get" in link.attributes}
    assert own == {f"{HOME}volumes/"}


def test_one_start_page_a_team(alice_client: Client, dora_client: Client, team: Team) -> None:
    for name in ("one", "two"):
        save(dora_client, name=name)
        alice_client.post(f"{VIEWS}start/", {"view": str(SavedView.objects.get(name=name).pk)})
    assert [view.name for view in SavedView.objects.filter(is_start=True)] == ["two"]
    with pytest.raises(IntegrityError), transaction.atomic():
        SavedView.objects.update(is_start=True)


def test_another_team_reaches_none_of_it(dora_client: Client, charlie_client: Client, team: Team) -> None:
    save(dora_client)
    view = {"view": str(SavedView.objects.get().pk)}
    for act in ("delete", "start"):
        assert charlie_client.post(f"{VIEWS}{act}/", view).status_code == 404
        charlie_client.post(f"/t/rival/views/{act}/", view)
    assert SavedView.objects.get().is_start is False
    assert "Failed" not in charlie_client.get("/t/rival/views/").content.decode()


def test_a_page_that_is_no_more_is_left_out(dora_client: Client, bob_client: Client, team: Team) -> None:
    SavedView.objects.create(team=team, name="old", page="instances", query="q=1", made_by="x", is_start=True)
    assert bob_client.get(HOME).status_code == 200
    assert tree(bob_client.get(VIEWS)).one("main").all("ul", css="places") == []


def test_there_is_an_end_to_them(dora_client: Client, team: Team) -> None:
    SavedView.objects.bulk_create(
        SavedView(team=team, name=str(number), page="snapshots", made_by="x") for number in range(100)
    )
    save(dora_client)
    assert SavedView.objects.count() == 100
