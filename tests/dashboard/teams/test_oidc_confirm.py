"""Confirming at the provider who is signed in, and a second factor that the account has here."""

import time
from urllib.parse import urlencode

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client
from django.urls import reverse

from dashboard.teams.models import User
from tests.dashboard.teams.oidc_provider import Person, Provider
from tests.dashboard.teams.oidc_walk import asked_with, begin, come_back, events, provider, signed_in_as, told, walk
from tests.views.snapshots.reading import tree

__all__ = ["provider"]
PEOPLE = "/t/acme/settings/people/"
FORM = {"email": "dora@example.com", "role": "viewer"}
HOUR = 3600
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture
def linked_client(alice: User, provider: Provider) -> Client:
    """Alice, without a password here, signed in by the provider, which authenticated her an hour ago."""
    alice.set_unusable_password()
    alice.save()
    provider.person.signed_in_at = int(time.time()) - HOUR
    client = Client()
    walk(client, provider)
    assert signed_in_as(client) == str(alice.pk)
    return client


def is_done(client: Client) -> bool:
    return b'id="link"' in client.post(PEOPLE, FORM).content


def test_who_has_no_password_is_asked_at_the_provider(linked_client: Client, provider: Provider) -> None:
    asked = linked_client.post(PEOPLE, FORM, headers={"Referer": f"http://testserver{PEOPLE}"}, follow=True)
    assert asked.redirect_chain[-1][0] == f"/accounts/oidc/confirm/?{urlencode({'next': PEOPLE})}"
    form = tree(asked).one("form", action="/accounts/login/oidc/")
    url = begin(linked_client, form.one("input", name="next").attributes["value"])
    assert (asked_with(url)["prompt"], asked_with(url)["max_age"]) == ("login", "0")
    assert come_back(linked_client, provider.approve(url))["Location"] == PEOPLE
    assert is_done(linked_client)


def test_provider_that_let_pass_without_asking_confirms_nothing(linked_client: Client, provider: Provider) -> None:
    for signed_in_at in (int(time.time()) - HOUR, 0, "now", True):
        provider.person.claims = {"auth_time": signed_in_at}
        assert told(walk(linked_client, provider, PEOPLE)) == (403, "not_asked")
    assert not is_done(linked_client)


def test_sign_in_that_was_asked_for_just_now_is_recent(alice: User, provider: Provider) -> None:
    provider.person.signed_in_at = int(time.time()) + HOUR
    client = Client()
    walk(client, provider)
    assert is_done(client)
    (step,) = client.session[AUTHENTICATION_METHODS_SESSION_KEY]
    assert step["at"] <= time.time()


@pytest.mark.parametrize("other", [Person(sub="nobody"), Person(sub="bobs", email="bob@example.com")])
def test_somebody_else_confirms_nothing(linked_client: Client, bob: User, provider: Provider, other: Person) -> None:
    walk(Client(), provider)
    provider.person = Person(sub="bobs", email=bob.email)
    walk(Client(), provider)
    provider.person = other
    assert told(walk(linked_client, provider, PEOPLE)) == (403, "other_person")
    assert not is_done(linked_client)


def test_answer_for_one_who_signed_out_since_is_lost(linked_client: Client, provider: Provider) -> None:
    back = provider.approve(begin(linked_client))
    linked_client.post("/accounts/logout/")
    assert told(come_back(linked_client, back)) == (400, "lost")
    assert signed_in_as(linked_client) is None


def test_second_factor_of_the_account_is_asked_here(alice: User, provider: Provider) -> None:
    TOTP.activate(alice, SECRET)
    client, ask = Client(), reverse("mfa_authenticate")
    assert walk(client, provider, PEOPLE)["Location"].partition("?")[0] == ask
    assert signed_in_as(client) is None
    assert client.get(PEOPLE)["Location"].startswith("/accounts/login/")
    code = format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))
    assert client.post(ask, {"code": code})["Location"] == PEOPLE
    assert signed_in_as(client) == str(alice.pk)
    assert events()[-1] == ("sign_in", "", "through Acme Login")


def test_password_is_still_asked_first_of_who_has_one(alice: User, provider: Provider) -> None:
    provider.person.signed_in_at = int(time.time()) - HOUR
    client = Client()
    walk(client, provider)
    asked = client.post(PEOPLE, FORM, follow=True)
    assert asked.redirect_chain[-1][0].startswith("/accounts/reauthenticate/")
    assert tree(asked).one("a", href="/accounts/oidc/confirm/?next=%2F").text == "Continue with Acme Login"


def test_link_alone_makes_no_admin(bob: User, provider: Provider) -> None:
    provider.person = Person(sub="bobs", email=bob.email, signed_in_at=int(time.time()))
    client = Client()
    walk(client, provider)
    assert client.post(PEOPLE, FORM).status_code == 403
