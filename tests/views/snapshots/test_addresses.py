"""Every view is an address: chips with their remove links, "Clear all", one form of each address, what Back finds."""

from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.test import Client

from snapshots.models import Volume
from tests.loops import in_turn
from tests.views.snapshots.conftest import HTMX, LIST, OTHER_PATH, OTHER_VOLUME, PATH, VOLUME, Fill, record
from tests.views.snapshots.reading import by_id, chips, choices, empty, links, numbers, problems, tree

pytestmark = pytest.mark.django_db
HERE = "http://testserver"
UNKNOWN = "c779ca42-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def filled(fill: Fill) -> None:
    fill([record(1), record(2, state="Error"), record(3, volume_id=OTHER_VOLUME, volume="DATA-1")])
    fill([record(4, volume_id="", volume="")], path=OTHER_PATH)


@in_turn(
    ("query", "chip"),
    [
        (f"volume_id={VOLUME}", "Volume: ROOT-35545 · prod · compute-on"),
        ("volume_id=none", "No volume"),
        (f"volume_id={UNKNOWN}", "Volume c779ca42… (no snapshot known)"),
        ("state=BackedUp", "State: Completed"),
        ("state=Error", "State: Error"),
        ("interval_type=DAILY", "Type: Daily"),
        (f"environment={OTHER_PATH}", "Environment: prod · compute-qc"),
        ("age=1d", "Age: Last 24 hours"),
        ("age=7d", "Age: Last 7 days"),
        ("age=30d", "Age: Last 30 days"),
        ("age=older", "Age: Older than 30 days"),
        ("age=unknown", "Age: Time not known"),
        ("from=2026-11-20", "From: 20 Nov"),
        ("to=2026-11-20", "To: 20 Nov"),
        ("q=web+01", "Search: web 01"),
        ("listed=no", "Listed: No longer listed"),
    ],
)
def test_a_filter_has_a_chip_that_removes_it(alice_client: Client, query: str, chip: str) -> None:
    page = alice_client.get(f"{LIST}?{query}")
    assert chips(page) == {chip: LIST}
    assert links(page)["Clear all"] == LIST


def test_a_chip_removes_its_own_value_alone_and_keeps_the_order(alice_client: Client) -> None:
    kept = f"volume_id={VOLUME}&state=Error&sort=name&page_size=25"
    page = alice_client.get(f"{LIST}?{kept}&state=BackedUp")
    assert chips(page)["State: Completed"] == f"{LIST}?{kept}"
    assert chips(page)["Volume: ROOT-35545 · prod · compute-on"] == (
        f"{LIST}?state=Error&state=BackedUp&sort=name&page_size=25"
    )


def test_following_every_remove_link_ends_at_the_whole_list(alice_client: Client) -> None:
    address = f"{LIST}?volume_id={VOLUME}&state=Error&interval_type=DAILY&age=30d&q=web&environment={PATH}"
    for _ in range(6):
        address = next(iter(chips(alice_client.get(address)).values()))
    assert address == LIST
    assert chips(alice_client.get(address)) == {}


def test_no_filter_no_chips(alice_client: Client) -> None:
    assert "Clear all" not in links(alice_client.get(LIST))


def test_an_unknown_volume_is_a_checked_choice_too(alice_client: Client) -> None:
    page = alice_client.get(f"{LIST}?volume_id={UNKNOWN}")
    box = by_id(page, f"volume-{UNKNOWN}")
    assert "checked" in box.attributes
    assert empty(page).startswith("no_match Nothing matches Without the filters there are 4 snapshots.")


def test_a_volume_without_a_name_goes_by_the_head_of_its_id(alice_client: Client) -> None:
    Volume.objects.filter(volume_id=VOLUME).update(name="")
    assert list(chips(alice_client.get(f"{LIST}?volume_id={VOLUME}"))) == ["Volume: c779ca42… · prod · compute-on"]


@in_turn(
    ("asked", "shown"),
    [
        ("?q=&state=&volume_id=&from=&to=&age=&listed=", ""),
        ("?sort=-taken&page_size=50&page=1&listed=yes", ""),
        (f"?state=Error&volume_id={VOLUME.upper()}", f"?volume_id={VOLUME}&state=Error"),
        ("?state=Error&state=Error&x=1", "?state=Error"),
        ("?page=nonsense&sort=-name", "?sort=-name"),
        ("?page=2", "?page=2"),
        ("?q=%20web%20", "?q=web"),
        ("?from=20261101", "?from=2026-11-01"),
        ("?volume_q=root", ""),
    ],
)
def test_a_step_pushes_the_one_address_of_its_view(alice_client: Client, asked: str, shown: str) -> None:
    page = alice_client.get(LIST + asked, headers=HTMX | {"HX-Current-URL": f"{HERE}{LIST}?age=older"})
    assert page["HX-Push-Url"] == LIST + shown
    assert "HX-Replace-Url" not in page


def test_typing_replaces_the_address(alice_client: Client) -> None:
    typing = HTMX | {"HX-Trigger-Name": "q", "HX-Current-URL": f"{HERE}{LIST}"}
    page = alice_client.get(f"{LIST}?q=web&state=", headers=typing)
    assert page["HX-Replace-Url"] == f"{LIST}?q=web"
    assert "HX-Push-Url" not in page


def test_showing_the_same_view_anew_adds_no_step(alice_client: Client) -> None:
    here = f"{LIST}?state=Error"
    page = alice_client.get(f"{here}&q=", headers=HTMX | {"HX-Current-URL": HERE + here})
    assert page["HX-Replace-Url"] == here
    assert "HX-Push-Url" not in page


def test_a_plain_page_tells_the_browser_no_address(alice_client: Client) -> None:
    page = alice_client.get(f"{LIST}?state=")
    assert {"HX-Push-Url", "HX-Replace-Url"}.isdisjoint(page.headers)


@in_turn(
    ("typed", "kept"),
    [
        ("a\r\nSet-Cookie: x=1", "a  Set-Cookie: x=1"),
        ("nul\0tab\t", "nul tab"),
        ("<b>&\"'", "<b>&\"'"),
        ("é快", "é快"),
        ("%0d%0a", "%0d%0a"),
        ("a b+c#d?e=f&g", "a b+c#d?e=f&g"),
    ],
)
def test_the_address_keeps_any_search_text(alice_client: Client, typed: str, kept: str) -> None:
    address = alice_client.get(LIST, {"q": typed}, headers=HTMX)["HX-Push-Url"]
    assert address.isascii()
    assert parse_qs(urlsplit(address).query) == {"q": [kept]}
    assert by_id(alice_client.get(address), "q").attributes["value"] == kept


def test_the_filter_form_keeps_sort_and_size_but_not_the_page(alice_client: Client) -> None:
    page = alice_client.get(f"{LIST}?sort=name&page_size=25&page=1&state=Error")
    hidden = {each.attributes["name"]: each.attributes["value"] for each in by_id(page, "filters-hidden").all("input")}
    assert hidden == {"sort": "name", "page_size": "25"}


def test_a_row_leads_to_its_snapshot_and_to_its_volume(alice_client: Client) -> None:
    page = alice_client.get(f"{LIST}?q=DATA-1")
    (row,) = tree(page).all("tr", css="row")
    volume, only = row.one(css="col-volume").all("a")
    assert by_id(alice_client.get(volume.attributes["href"]), "verdict")
    assert only.attributes["aria-label"] == f"Filter by {volume.text}"
    assert only.attributes["data-hx-get"] == only.attributes["href"] == f"{LIST}?volume_id={OTHER_VOLUME}&q=DATA-1"
    (row,) = tree(alice_client.get(only.attributes["href"])).all("tr", css="row")
    assert [link.attributes["href"] for link in row.one(css="col-volume").all("a")] == [volume.attributes["href"]]
    assert alice_client.get(row.one(css="col-name").one("a").attributes["href"]).status_code == 200


def test_a_row_without_a_volume_leads_to_all_without(alice_client: Client) -> None:
    page = alice_client.get(f"{LIST}?environment={OTHER_PATH}")
    assert links(page)["No volume"] == f"{LIST}?volume_id=none&environment={quote(OTHER_PATH, safe='')}"
    assert numbers(alice_client.get(links(page)["No volume"])) == [4]


@in_turn("page", ["snapshots", "volumes", "changes"])
def test_the_title_names_page_filters_and_team(alice_client: Client, page: str) -> None:
    url = f"/t/acme/{page}/"
    name = tree(alice_client.get(url)).one("h1").text
    assert tree(alice_client.get(url)).all("title")[0].text == f"{name} · Acme Platform – Snapshots"
    for headers in ({}, HTMX):
        found = tree(alice_client.get(f"{url}?q=mail&environment={PATH}", headers=headers)).all("title")[0].text
        assert found == f"{name} · prod · compute-on, mail · Acme Platform – Snapshots"


def test_the_brand_is_named_apart_from_the_page(alice_client: Client) -> None:
    bar = tree(alice_client.get(LIST)).one("header")
    names = [link.attributes.get("aria-label", link.text) for link in bar.all("a")]
    assert len(names) == len(set(names)) > 3


def test_hostile_text_is_shown_as_text(alice_client: Client) -> None:
    hostile = "<script>alert(1)</script>"
    page = alice_client.get(LIST, {"q": hostile, "state": hostile, "volume_q": hostile})
    assert hostile.encode() not in page.content
    assert list(chips(page)) == [f"Search: {hostile}"]
    assert problems(page) == [f"“{hostile}” is not a valid “state”; it was ignored."]
    assert choices(page, "state")
