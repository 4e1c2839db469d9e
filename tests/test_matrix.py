"""Every view × every method × everybody, made from the URL table and the capability table: nothing is left out."""

import re
from collections.abc import Iterator
from urllib.parse import unquote
from uuid import UUID

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from dashboard.teams.access import CAPABILITIES, PUBLIC, SIGNED_IN
from dashboard.teams.invitations import invite
from dashboard.teams.models import Role, Team, User
from snapshots.models import Snapshot
from tests.pages.conftest import Fill, fill, key, record

__all__ = ["fill", "key"]
pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
SAFE = ("GET", "HEAD")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ROLES = {"alice": Role.ADMIN, "bob": Role.VIEWER}
PEOPLE = ("alice", "bob", "charlie", "anonymous")
ARGUMENTS = {
    "team": "acme",
    "service_code": "compute-on",
    "environment_name": "prod",
    "snapshot_id": UUID(int=1),
    "uidb36": "1",
    "key": "no-such-key",
    "token": "no-such-token",
    "member": "0",
    "invitation": "0",
}
# What a view may answer that runs: a page, a redirect, "asked too early"; a closed or ended page says so with 404.
RUNS = frozenset({200, 202, 302})
CLOSED = frozenset({"account_signup"})
TOKEN = re.compile(rb'(name="csrfmiddlewaretoken" value=")[^"]+')
NONCE = re.compile(rb'nonce(="|-)[^"\']+')


def patterns(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield f"{namespace}{entry.name}", entry
        else:
            yield from patterns(entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace)


VIEWS = dict(patterns(get_resolver()))
PROTECTED = sorted(name for name in VIEWS if PUBLIC not in CAPABILITIES[name].values())
TEAM_VIEWS = sorted(name for name, entry in VIEWS.items() if "team" in entry.pattern.converters)


def address(view: str, **other: str) -> str:
    names = list(VIEWS[view].pattern.regex.groupindex)
    return reverse(view, kwargs={name: (ARGUMENTS | other)[name] for name in names})


def level(view: str, method: str) -> object:
    return CAPABILITIES[view].get("GET" if method == "HEAD" else method)


def expected(view: str, method: str, person: str) -> frozenset[int]:
    """The statuses that the capability table allows."""
    least = level(view, method)
    is_public = PUBLIC in CAPABILITIES[view].values()
    if view in CLOSED and least is not None:
        return frozenset({404})
    if person == "anonymous" and not is_public:
        return frozenset({302})
    if person == "charlie" and view in TEAM_VIEWS:
        return frozenset({404})
    if least is None:
        return frozenset({405})
    if isinstance(least, Role) and not ROLES[person].at_least(least):
        return frozenset({403})
    assert isinstance(least, Role) or least in (PUBLIC, SIGNED_IN)
    return RUNS


@pytest.fixture(autouse=True)
def provider_is_not_asked(settings: object) -> None:
    settings.CLOUDCA_API_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]


@pytest.fixture
def people(
    alice_client: Client,
    bob_client: Client,
    charlie_client: Client,
    anon_client: Client,
    fill: Fill,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Client]:
    fill([record(1, name="FOREIGN-snapshot"), record(2)])
    alice, bob = User.objects.get(email="alice@example.com"), User.objects.get(email="bob@example.com")
    asked, _token = invite(alice.teams.get(), "FOREIGN-dora@example.com", Role.MEMBER, actor=alice)
    monkeypatch.setitem(ARGUMENTS, "member", str(bob.memberships.get().pk))
    monkeypatch.setitem(ARGUMENTS, "invitation", str(asked.pk))
    return dict(zip(PEOPLE, (alice_client, bob_client, charlie_client, anon_client), strict=True))


def ask(client: Client, method: str, url: str, **headers: str) -> HttpResponse:
    return client.generic(method, url, headers=headers)  # type: ignore[return-value]


@pytest.mark.parametrize("view", sorted(VIEWS))
@pytest.mark.parametrize("person", PEOPLE)
def test_exactly_the_table(people: dict[str, Client], view: str, person: str) -> None:
    for method in METHODS:
        if view == "account_logout" and method == "POST":
            continue  # it ends the session that the other methods are asked with; see below
        if (view, method, person) == ("teams:leave", "POST", "bob"):
            continue  # it ends the membership: tried with the team's people
        answer = ask(people[person], method, address(view))
        assert answer.status_code in expected(view, method, person), (method, answer.status_code)
        if answer.status_code == 302 and view in PROTECTED:
            assert answer["Location"].startswith("/accounts/login/") == (person == "anonymous")


def test_every_view_is_in_the_matrix() -> None:
    assert VIEWS.keys() == CAPABILITIES.keys()
    assert len(TEAM_VIEWS) >= 6
    assert {name for name in VIEWS if name.startswith("snapshots:")} - set(TEAM_VIEWS) == {
        "snapshots:home",
        "snapshots:teams",
    }


@pytest.mark.parametrize("person", PEOPLE)
def test_signing_out_is_for_everyone(people: dict[str, Client], person: str) -> None:
    assert people[person].post(address("account_logout")).status_code == 302
    assert people[person].get(address("snapshots:list")).status_code == 302


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("view", TEAM_VIEWS)
def test_a_stranger_gets_the_bytes_of_a_team_that_is_not_there(
    people: dict[str, Client], view: str, method: str
) -> None:
    for headers in ({}, HTMX):
        foreign = ask(people["charlie"], method, address(view), **headers)
        unknown = ask(people["charlie"], method, address(view, team="nope"), **headers)
        assert foreign.status_code == unknown.status_code == 404
        assert masked(foreign.content, b"acme") == masked(unknown.content, b"nope")
        assert header_text(foreign, "acme") == header_text(unknown, "nope")
        assert not re.search(b"FOREIGN|Acme Platform", foreign.content)


def masked(content: bytes, slug: bytes) -> bytes:
    return NONCE.sub(b"nonce", TOKEN.sub(rb"\1", content)).replace(slug, b"")


def header_text(response: HttpResponse, slug: str) -> dict[str, str]:
    changing = {"Content-Length", "X-Request-ID"}
    headers = {name: value.replace(slug, "") for name, value in response.headers.items() if name not in changing}
    return {name: NONCE.sub(b"nonce", value.encode()).decode() for name, value in headers.items()}


@pytest.mark.parametrize("view", TEAM_VIEWS)
def test_a_stranger_with_the_right_ids_in_the_own_team_finds_nothing(
    people: dict[str, Client], rival: Team, view: str
) -> None:
    for method in ("GET", "POST"):
        answer = ask(people["charlie"], method, address(view, team="rival"))
        assert b"FOREIGN" not in answer.content
        if len(VIEWS[view].pattern.converters) > 1:
            assert answer.status_code == (404 if level(view, method) else 405)
    assert Snapshot.objects.filter(team=rival).count() == 0


@pytest.mark.parametrize("view", PROTECTED)
def test_anonymous_is_led_to_sign_in_and_back(anon_client: Client, team: Team, view: str) -> None:
    url = address(view)
    plain = ask(anon_client, "GET", f"{url}?q=a%26b")
    assert plain["Location"] == f"/accounts/login/?next={url}%3Fq%3Da%2526b"
    by_htmx = ask(anon_client, "GET", url, **HTMX, **{"HX-Current-URL": f"http://testserver{url}"})
    assert by_htmx.status_code == 401
    assert unquote(by_htmx["HX-Redirect"]) == f"/accounts/login/?next={url}"
    assert by_htmx.content == b""


@pytest.mark.parametrize("view", TEAM_VIEWS)
def test_a_refused_request_changes_nothing(people: dict[str, Client], view: str) -> None:
    before = list(Snapshot.objects.values())
    for person in ("charlie", "anonymous"):
        for method in METHODS:
            ask(people[person], method, address(view))
    assert list(Snapshot.objects.values()) == before


@pytest.mark.parametrize("view", sorted(name for name in VIEWS if "POST" in CAPABILITIES[name]))
def test_no_form_is_taken_without_its_token(people: dict[str, Client], view: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = people["alice"].cookies
    assert strict.post(address(view)).status_code == 403
