"""Every view × every method × everybody × both teams: exactly what the capability table says, nothing left out."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import resolve

from dashboard.teams.access.capabilities import capabilities
from tests.authorization.conftest import House
from tests.authorization.plan import (
    IS_PUBLIC,
    METHODS,
    NOBODY,
    OTHER_VIEWS,
    PASSED,
    ROLES,
    TEAM_VIEWS,
    TEAMS,
    TOKEN_VIEWS,
    VIEWS,
    expected,
)
from tests.authorization.rows import all_rows, changed
from tests.views.snapshots.reading import tree

HTMX = {"HX-Request": "true"}
PROTECTED = sorted(name for name in VIEWS if not IS_PUBLIC[name] and name not in TOKEN_VIEWS)
FORMS = sorted(name for name in VIEWS if "POST" in capabilities().get(name, {}))
TOKEN = re.compile(rb'(name="csrfmiddlewaretoken" value=")[^"]+')
NONCE = re.compile(rb'nonce(="|-)[^"\']+')
Tell = Callable[..., None]
ADDRESSES = [(view, TEAMS[0]) for view in OTHER_VIEWS] + [(view, team) for team in TEAMS for view in TEAM_VIEWS]


def test_every_address_has_its_entry_and_its_arguments(house: House) -> None:
    assert VIEWS.keys() == capabilities().keys()
    for view, team in ADDRESSES:
        assert house.address(view, team)
    assert {name for name in VIEWS if name.startswith("snapshots:")} - set(TEAM_VIEWS) == {
        "snapshots:home",
        "snapshots:teams",
        "snapshots:share",
        "snapshots:feed",
    }


def test_the_guard_decides_by_the_table(house: House, figures: Tell) -> None:
    """Ask the guard alone: no view runs. One method that no view has stands for all of them."""
    wrong, let_in = [], 0
    methods = ("GET", "HEAD", "POST", "DELETE")
    decisions = [(*address, method, person) for address in ADDRESSES for method in methods for person in ROLES]
    for view, team, method, person in decisions:
        status = house.decide(person, method, house.address(view, team))
        allowed = expected(view, method, person, team)
        if status not in ({PASSED} if PASSED in allowed else allowed):
            wrong.append((view, team, method, person, status, sorted(allowed)))
            let_in += status == PASSED
    figures("matrix", decisions=len(decisions), let_in_that_should_not=let_in)
    assert wrong == []


def test_the_least_role_is_let_in_and_the_one_below_is_not(house: House, figures: Tell) -> None:
    """A request for each view by the first person whom the table lets in, and by the last whom it does not."""
    wrong, asked = [], 0
    for view in VIEWS:
        for method in ("GET", "POST"):
            for person in nearest(view, method):
                wrong += differs_from_table(house, view, method, person, "acme")
                asked += 1
    figures("matrix", requests=asked)
    assert wrong == []
    assert asked > 2 * len(VIEWS)


def nearest(view: str, method: str) -> list[str]:
    """Who stand on the two sides of the border; one person where everybody is let in, or nobody."""
    in_order = [NOBODY, "charlie", "bob", "mia", "alice"]
    passed = [person for person in in_order if PASSED in expected(view, method, person, "acme")]
    refused = [person for person in in_order if person not in passed]
    return [*passed[:1], *refused[-1:]]


@pytest.mark.proof
@pytest.mark.parametrize("person", ROLES)
def test_exactly_the_table(house: House, figures: Tell, person: str) -> None:
    wrong, asked = [], 0
    for view, team in ADDRESSES:
        for method in METHODS:
            wrong += differs_from_table(house, view, method, person, team)
            asked += 1
    figures("matrix", requests=asked, let_in_that_should_not=sum(200 not in allowed for *_, allowed in wrong))
    assert wrong == []
    assert asked >= 100


def differs_from_table(house: House, view: str, method: str, person: str, team: str) -> list[tuple[Any, ...]]:
    answer = house.ask(person, method, house.address(view, team))
    allowed = expected(view, method, person, team)
    if answer.status_code in allowed and not is_sent_away(answer, view, person):
        return []
    return [(view, team, method, person, answer.status_code, sorted(allowed))]


def is_sent_away(answer: HttpResponse, view: str, person: str) -> bool:
    """Whether a redirect of a guarded view leads to the sign-in when it should not, or elsewhere when it should."""
    to_sign_in = answer.headers.get("Location", "").startswith("/accounts/login/")
    return answer.status_code == 302 and view in PROTECTED and to_sign_in != (person == NOBODY)


@pytest.mark.parametrize(
    ("person", "methods", "full"),
    [
        ("charlie", ("GET", "POST"), False),
        pytest.param("charlie", METHODS, True, marks=pytest.mark.proof),
        pytest.param("sam", ("GET", "POST"), True, marks=pytest.mark.proof),
    ],
)
def test_foreign_has_the_bytes_of_a_team_that_is_not_there(
    house: House, figures: Tell, person: str, methods: tuple[str, ...], full: bool
) -> None:
    """Each view with each method, one of them asked as htmx does; or all as both."""
    different, asked = [], 0
    for number, view in enumerate(TEAM_VIEWS):
        for place, method in enumerate(methods, number):
            for headers in ({}, HTMX) if full else ({}, HTMX)[place % 2 :][:1]:
                foreign = house.ask(person, method, house.address(view, "acme"), **headers)
                unknown = house.ask(person, method, house.address(view, "acme", team="nope"), **headers)
                asked += 2
                if bare(foreign, "acme") != bare(unknown, "nope") or foreign.status_code != 404:
                    different.append((view, method, headers))
                assert b"FOREIGN" not in foreign.content + str(foreign.headers).encode()
    figures("matrix", requests=asked, foreign_unlike_unknown=len(different))
    assert different == []


def bare(answer: HttpResponse, slug: str) -> tuple[int, bytes, dict[str, str]]:
    """An answer without what differs between any two: the form's token, the request's number, the address asked for."""
    content = NONCE.sub(b"nonce", TOKEN.sub(rb"\1", answer.content)).replace(slug.encode(), b"")
    changing = {"Content-Length", "X-Request-ID"}
    headers = {name: value.replace(slug, "") for name, value in answer.headers.items() if name not in changing}
    return answer.status_code, content, {name: NONCE.sub(b"n", one.encode()).decode() for name, one in headers.items()}


@pytest.mark.parametrize("methods", [("POST",), pytest.param(METHODS, marks=pytest.mark.proof)])
def test_refused_requests_change_nothing(house: House, figures: Tell, methods: tuple[str, ...]) -> None:
    before, asked = all_rows(), 0
    for person in (NOBODY, "charlie", "bob"):
        for view in TEAM_VIEWS:
            for method in methods:
                if PASSED in expected(view, method, person, "acme"):
                    continue
                house.do(person, method, house.address(view, "acme"))
                asked += 1
    figures("matrix", requests=asked)
    assert changed(before, all_rows()) == []


def test_an_address_of_a_form_alone_leads_to_its_page(house: House) -> None:
    """After a form, a duplicated tab or a restored session asks for its address without one."""
    forms_alone = [view for view in FORMS if "GET" not in capabilities()[view]]
    assert len(forms_alone) > 15
    for view in forms_alone:
        person = NOBODY if IS_PUBLIC[view] else "alice"
        url = house.address(view, "acme")
        page = house.ask(person, "GET", url)["Location"]
        assert url.startswith(page)
        assert "GET" in capabilities()[resolve(page).view_name], view
        answer = house.ask(person, "GET", page)
        assert answer.status_code == 302 or tree(answer).one("h1").text, view
        assert house.ask(person, "HEAD", url)["Location"] == page


@pytest.mark.parametrize("htmx", [False, True])
def test_anonymous_is_led_to_sign_in_and_back(house: House, htmx: bool) -> None:
    for view in PROTECTED:
        url = house.address(view, "acme")
        seen = {**HTMX, "HX-Current-URL": f"http://testserver{url}"} if htmx else {}
        answer = house.ask(NOBODY, "GET", f"{url}?q=a%26b", None, **seen)
        if htmx:
            assert (answer.status_code, answer.content) == (401, b"")
            assert answer["HX-Redirect"] == f"/accounts/login/?next={quote(url, safe='')}%3Fq%3Da%2526b"
        else:
            assert answer["Location"] == f"/accounts/login/?next={url}%3Fq%3Da%2526b"


@pytest.mark.parametrize("headers", [{}, {"Origin": "null"}, {"Origin": "https://evil.example"}])
def test_no_form_is_taken_without_its_token(house: House, figures: Tell, headers: dict[str, str]) -> None:
    house.client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    before = all_rows()
    taken = [
        (view, person)
        for number, view in enumerate(FORMS, headers.get("Origin") == "null")
        for person in (("alice", NOBODY) if not headers else ("alice", NOBODY)[number % 2 :][:1])
        if house.do(person, "POST", house.address(view, "acme"), None, **headers).status_code != 403
    ]
    figures("matrix", requests=len(FORMS) * (1 if headers else 2), forms_taken_without_token=len(taken))
    assert taken == []
    assert changed(before, all_rows()) == []
