"""Nobody locks somebody else out: a browser that signed in before has a separate allowance."""

import json
from base64 import urlsafe_b64decode

import pytest
from django.test import Client
from pytest_django import Settings

from dashboard.teams.models import User
from tests.conftest import PASSWORD
from tests.dashboard.teams.factors import ASK, FACTOR, add_app, code, is_in

LOGIN, AGAIN, COOKIE = "/accounts/login/", "/accounts/reauthenticate/", "known-browser"
NEW_PASSWORD = "seven-lamps-on-the-shore"


def try_password(client: Client, user: User, password: str = PASSWORD, address: str = "127.0.0.1") -> int:
    return client.post(LOGIN, {"login": user.email, "password": password}, REMOTE_ADDR=address).status_code


def attack(user: User, tries: int = 6) -> list[int]:
    """Try wrong passwords, each from another browser and address."""
    return [try_password(Client(), user, "wrong", f"198.51.100.{number}") for number in range(tries)]


def known(user: User) -> Client:
    """A browser that has signed in to the account, and out again."""
    client = Client()
    assert try_password(client, user) == 302
    client.post("/accounts/logout/")
    return client


@pytest.mark.both_databases
def test_an_attack_from_everywhere_does_not_lock_a_known_browser_out(alice: User) -> None:
    client = known(alice)
    assert attack(alice) == [200] * 5 + [429]
    assert try_password(Client(), alice) == 429
    assert try_password(client, alice) == 302


def test_a_known_browser_is_limited_itself(alice: User) -> None:
    client = known(alice)
    tries = [try_password(client, alice, "wrong", f"192.0.2.{number}") for number in range(6)]
    assert tries == [200] * 5 + [429]
    assert try_password(client, alice) == 429
    assert try_password(Client(), alice) == 302


def test_it_is_known_for_the_account_that_it_opened_alone(alice: User, bob: User) -> None:
    client = known(bob)
    attack(alice)
    assert try_password(client, alice) == 429
    both = known(bob)
    assert try_password(both, alice) == 429


def test_one_browser_may_be_known_for_several_accounts(alice: User, bob: User) -> None:
    client = known(bob)
    assert try_password(client, alice) == 302
    client.post("/accounts/logout/")
    for user in (alice, bob):
        attack(user)
        assert try_password(client, user) == 302
        client.post("/accounts/logout/")


def test_a_new_password_ends_it(alice: User) -> None:
    client, here = known(alice), Client()
    try_password(here, alice)
    here.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )
    attack(alice)
    assert try_password(client, alice, NEW_PASSWORD) == 429
    here.post("/accounts/logout/")
    assert try_password(here, alice, NEW_PASSWORD) == 302


@pytest.mark.few(2)
@pytest.mark.parametrize("forged", ["{}x", "x{}", "", "a:b:c", "W10:1:x"])
def test_a_forged_cookie_is_none(alice: User, forged: str) -> None:
    client = known(alice)
    client.cookies[COOKIE] = forged.format(client.cookies[COOKIE].value)
    attack(alice)
    assert try_password(client, alice) == 429


def test_the_cookie_names_nobody_and_scripts_cannot_read_it(alice: User, settings: Settings) -> None:
    settings.SESSION_COOKIE_SECURE, settings.KNOWN_BROWSER_COOKIE_NAME = True, "__Host-known-browser"
    client = Client()
    client.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    cookie = client.cookies["__Host-known-browser"]
    assert (cookie["httponly"], cookie["secure"], cookie["path"], cookie["domain"]) == (True, True, "/", "")
    body = cookie.value.partition(":")[0]
    browser, marks = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert len(browser) == 22
    assert [len(mark) for mark in marks] == [32]


def test_no_try_that_fails_sets_or_changes_it(alice: User) -> None:
    client = Client()
    for email in (alice.email, "nobody@example.com"):
        client.post(LOGIN, {"login": email, "password": "wrong"})
    assert COOKIE not in client.cookies


@pytest.mark.both_databases
def test_known_and_unknown_accounts_are_limited_alike(alice: User) -> None:
    nobody = User(email="nobody@example.com")
    assert attack(alice) == attack(nobody) == [200] * 5 + [429]
    spelled = User(email="NOBODY@Example.com")
    assert try_password(Client(), spelled, "wrong", "203.0.113.5") == 429


def test_wrong_codes_elsewhere_do_not_hold_a_known_browser_up(alice_client: Client, alice: User) -> None:
    secret = add_app(alice_client)
    client, thief = Client(), Client()
    try_password(client, alice)
    assert client.post(ASK, {"code": code(secret)}).status_code == 302
    client.post("/accounts/logout/")
    try_password(thief, alice)
    assert [thief.post(ASK, {"code": "000000"}).status_code for _ in range(6)] == [200] * 5 + [429]
    try_password(client, alice)
    assert client.post(ASK, {"code": code(secret, 1)}).status_code == 302
    assert is_in(client)
    assert not is_in(thief)


def test_nothing_elsewhere_holds_up_who_confirms_in_a_session(alice_client: Client, alice: User) -> None:
    secret = add_app(alice_client)
    other = known_with_app(alice, secret)
    attack(alice)
    for _ in range(6):
        other.post(AGAIN, {"password": "wrong"})
        other.post(f"{FACTOR}again/", {"code": "000000"})
    assert other.post(AGAIN, {"password": PASSWORD}).status_code == 429
    assert alice_client.post(AGAIN, {"password": PASSWORD}).status_code == 302
    assert alice_client.post(f"{FACTOR}again/", {"code": code(secret, -1)}).status_code == 302


def known_with_app(user: User, secret: str) -> Client:
    client = Client()
    try_password(client, user)
    client.post(ASK, {"code": code(secret, 1)})
    return client


def test_a_right_password_in_between_does_not_refill_the_guesses(alice: User) -> None:
    client = known(alice)
    for _ in range(3):
        attack(alice, 2)
        try_password(client, alice)
        client.post("/accounts/logout/")
    assert try_password(Client(), alice, "wrong", "203.0.113.5") == 429
