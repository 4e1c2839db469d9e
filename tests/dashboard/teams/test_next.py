"""With any value of `next`, the answer stays on the site."""

from collections.abc import Callable, Mapping

import pytest
from django.core.cache import caches
from django.http import HttpResponse
from django.utils.http import urlencode

from dashboard.teams.access.capabilities import capabilities
from tests.authorization.conftest import House, house
from tests.authorization.plan import NOBODY, VIEWS
from tests.conftest import PASSWORD
from tests.dashboard.teams.next_values import NEXT_VALUES, is_off_site
from tests.loops import in_turn
from tests.proof import SHORT_AND_FULL
from tests.views.snapshots.reading import tree

__all__ = ["house"]
Tell = Callable[..., None]
Reader = tuple[str, str, str]
CHOSEN = "/chosen/by-next/"
NEW_PASSWORD = "seven-lamps-on-the-shore"
CHANGED = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
# What makes a form succeed, so that it leads on.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "account_login": {"login": "alice@example.com", "password": PASSWORD},
    "account_reauthenticate": {"password": PASSWORD},
    "account_change_password": CHANGED,
}
KNOWN = {
    ("account_login", "GET", "alice"),
    ("account_login", "POST", NOBODY),
    ("account_logout", "POST", "alice"),
    ("account_logout", "POST", NOBODY),
    ("account_reauthenticate", "POST", "alice"),
    ("account_change_password", "POST", "alice"),
    ("snapshots:refresh", "POST", "alice"),
}
BOTH_READINGS = {("account_logout", "POST", NOBODY), ("snapshots:refresh", "POST", "alice")}


def ask(house: House, reader: Reader, value: str) -> list[HttpResponse]:
    """Say `next` in the address, then in the form."""
    view, method, person = reader
    url, fields = house.address(view, "acme"), dict(FIELDS.get(view, {}))
    caches["default"].clear()
    answers = [house.ask(person, method, f"{url}?{urlencode({'next': value})}", fields)]
    if method == "POST":
        answers.append(house.ask(person, method, url, fields | {"next": value}))
    return answers


def readers(house: House) -> list[Reader]:
    """Who goes by `next`: found by asking every view with one that is right."""
    methods = [(view, method) for view in VIEWS for method in ("GET", "POST") if method in capabilities()[view]]
    every = [(*one, person) for one in methods for person in (NOBODY, "alice")]
    return [one for one in every if any(leads_to(answer) == CHOSEN for answer in ask(house, one, CHOSEN))]


def leads_to(answer: HttpResponse) -> str:
    return str(answer.headers.get("HX-Redirect") or answer.headers.get("Location") or "")


@SHORT_AND_FULL
def test_no_next_leads_off_the_site(house: House, figures: Tell, full: bool) -> None:
    """Every value where it is read by our own code and by the library's, and at each place some; or all at each.

    `make proof` asks all views whether they read it; `test_known_places` knows where our own code does.
    """
    found = readers(house) if full else sorted(KNOWN)
    assert KNOWN.issubset(found)
    tries = [
        (reader, value)
        for place, reader in enumerate(found)
        for number, value in enumerate(NEXT_VALUES)
        if full or reader in BOTH_READINGS or number % len(found) == place
    ]
    off_site = [
        (reader, value, leads_to(answer))
        for reader, value in tries
        for answer in ask(house, reader, value)
        if answer.status_code >= 500 or is_off_site(leads_to(answer))
    ]
    figures("next", values=len(NEXT_VALUES), readers=len(found), off_site=len(off_site))
    assert off_site == []


@pytest.mark.proof
@pytest.mark.parametrize("name", ["Referer", "HX-Current-URL"])
def test_no_page_that_a_browser_names_leads_off_the_site(house: House, figures: Tell, name: str) -> None:
    """The page that held a form is where the sign-in leads back to: a header names it.

    Each value alone, and after our own address.
    """
    headers = {"HX-Request": "true"} if name == "HX-Current-URL" else {}
    for value in NEXT_VALUES:
        sent = "".join(sign for sign in value if " " <= sign < "\x7f")
        for url in (sent, f"http://testserver{sent}"):
            answer = house.ask(NOBODY, "POST", "/t/acme/snapshots/refresh/", None, **headers, **{name: url})
            back = house.ask(NOBODY, "GET", leads_to(answer))
            assert not is_off_site(tree(back).one("input", name="next").attributes["value"]), url
    figures("next", headers_tried=2 * len(NEXT_VALUES))


@in_turn("location", ["/ok", "?a", "http://testserver/a", "ok"])
def test_where_a_browser_stays(location: str) -> None:
    assert not is_off_site(location)


@in_turn(
    "location",
    ["//a", "/\\a", "/\t/a", "http:a", "x:a", "https://testserver.evil/", "http://testserver@evil/", " //a"],
)
def test_where_a_browser_leaves(location: str) -> None:
    assert is_off_site(location)
