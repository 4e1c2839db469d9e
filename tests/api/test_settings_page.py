"""Members make access tokens, see them once, and end them."""

import re
from collections.abc import Callable

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import Settings

from dashboard.teams.access import issue_tokens
from dashboard.teams.models import AccessToken, AuditEvent, EventKind, Membership, User
from snapshots.models import Environment
from tests.api.conftest import JUDGED, LIST, Script, made
from tests.conftest import Answer, sign_in_client
from tests.views.snapshots.reading import tree

PAGE = "/t/acme/settings/tokens/"
Form = dict[str, object]


@pytest.fixture
def mia_client(mia: Membership, prod: Environment, client_for: Callable[[User], Client]) -> Client:
    return client_for(mia.user)


def form(client: Client, **changes: object) -> Form:
    """What the page's form holds as it comes, and what a person says in it."""
    form_id = tree(client.get(PAGE)).one("input", type="hidden", name="form_id").attributes["value"]
    return {"form_id": form_id, "name": "nightly check", "days": "90", **changes}


def shown(page: Answer) -> list[str]:
    return [field.attributes["value"] for field in tree(page).all("input", id="token")]


def post(client: Client, values: Form) -> Answer:
    return client.post(PAGE, values, follow=True)


def test_it_is_made_and_shown_once(mia_client: Client, mia: Membership) -> None:
    page = post(mia_client, form(mia_client, environments=["compute-on/prod"]))
    (text,) = shown(page)
    assert page["Cache-Control"] == "private, no-store"
    assert Script(text).get(LIST).status_code == 200
    token = AccessToken.objects.get()
    assert (token.maker, token.name, token.environments) == (mia, "nightly check", ["compute-on/prod"])
    assert (token.expires_at - token.made_at).days == 90
    again = mia_client.get(PAGE)
    assert text[:-4] not in again.content.decode()
    assert f"…{text[-4:]}" in again.content.decode()


def test_it_is_in_the_audit_and_in_no_session(mia_client: Client, mia: Membership) -> None:
    page = post(mia_client, form(mia_client))
    (text,) = shown(page)
    (event,) = AuditEvent.objects.filter(kind=EventKind.TOKEN_MADE)
    assert (event.actor, event.target, event.detail) == (mia.user, "nightly check", "90 days, all environments")
    kept = str([session.get_decoded() for session in Session.objects.all()]) + str(AuditEvent.objects.values())
    assert text not in kept + "".join(map(str, get_messages(page.wsgi_request))) + str(page.cookies)


def test_a_form_sent_twice_makes_one_and_says_so(mia_client: Client) -> None:
    values = form(mia_client)
    assert len(shown(post(mia_client, values))) == 1
    again = post(mia_client, values)
    assert shown(again) == []
    assert "The form was sent twice" in again.content.decode()
    assert AccessToken.objects.count() == 1


@pytest.mark.few(3)
@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 61},
        {"name": "a\x00b"},
        {"days": "7"},
        {"days": "36500"},
        {"environments": ["compute-qc/shop"]},
        {"form_id": "short"},
    ],
)
def test_what_is_not_valid_makes_none(mia_client: Client, foreign: Environment, wrong: Form) -> None:
    assert post(mia_client, form(mia_client, **wrong)).status_code == 200
    assert AccessToken.objects.count() == 0


@pytest.mark.proof
def test_fifty_are_enough(mia_client: Client, mia: Membership) -> None:
    for _number in range(issue_tokens.MOST_ALIVE):
        made(mia)
    page = post(mia_client, form(mia_client))
    assert "The team has 50 active access tokens. Revoke one first." in page.content.decode()
    issue_tokens.revoke(AccessToken.objects.order_by("pk")[0], actor=mia.user)
    assert len(shown(post(mia_client, form(mia_client)))) == 1


def test_members_see_and_end_their_own_and_admins_all(
    mia_client: Client, alice_client: Client, alice: User, mia: Membership
) -> None:
    admins, own = made(alice.memberships.get())[0], made(mia)[0]
    assert admins.name not in mia_client.get(PAGE).content.decode()
    assert mia_client.post(f"{PAGE}{admins.pk}/revoke/").status_code == 404
    assert own.name in alice_client.get(PAGE).content.decode()
    assert alice_client.post(f"{PAGE}{own.pk}/revoke/").status_code == 302
    own.refresh_from_db()
    assert own.revoked_at is not None
    (event,) = AuditEvent.objects.filter(kind=EventKind.TOKEN_REVOKED)
    assert (event.actor, event.target, event.detail) == (alice, own.name, "made by mia@example.com")


def test_viewers_and_strangers_make_none(
    prod: Environment, mia: Membership, bob_client: Client, charlie_client: Client
) -> None:
    token = made(mia)[0]
    for client, status in ((bob_client, 403), (charlie_client, 404)):
        assert client.get(PAGE).status_code == status
        assert client.post(PAGE, {"name": "x"}).status_code == status
        assert client.post(f"{PAGE}{token.pk}/revoke/").status_code == status
    assert AccessToken.objects.filter(revoked_at=None).count() == 1


def test_who_was_silent_for_long_is_asked_again(mia_client: Client, clock: time_machine.Traveller) -> None:
    values = form(mia_client)
    clock.shift(11 * 60)
    answer = mia_client.post(PAGE, values)
    assert (answer.status_code, answer["Location"][:26]) == (302, "/accounts/reauthenticate/?")
    assert AccessToken.objects.count() == 0


def test_the_ended_ones_say_why(mia_client: Client, mia: Membership, clock: time_machine.Traveller) -> None:
    issue_tokens.revoke(made(mia)[0], actor=mia.user)
    made(mia, days=30)
    clock.shift(31 * 24 * 3600)
    text = sign_in_client(mia.user).get(PAGE).content.decode()
    assert "revoked 2026-11-24 12:00 UTC" in text
    assert "expired 2026-12-24 12:00 UTC" in text


def test_hostile_names_are_text(mia_client: Client) -> None:
    name = "<script>alert(1)</script>{{7*7}}"
    page = post(mia_client, form(mia_client, name=name)).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page


def test_the_examples_and_links_work(mia_client: Client, settings: Settings) -> None:
    settings.SITE_URL = site = "https://snapshots.example"
    (text,) = shown(post(mia_client, form(mia_client)))
    page = tree(mia_client.get(PAGE))
    urls = re.findall(rf'"{site}(/.*?)"', page.one("pre", id="example").exact_text())
    assert urls == ["/api/v1/environments", f"{JUDGED}?status=none&status=late&status=stuck&status=failing"]
    assert [Script(text).get(url).status_code for url in urls] == [200, 200]
    led = [link.attributes["href"] for link in page.all("a") if link.attributes["href"].startswith("/api/")]
    assert [Script().get(url).status_code for url in led] == [200, 200]
