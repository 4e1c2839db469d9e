"""Passkeys: they sign in alone, and nothing that is none does."""

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.core.cache import caches
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.teams.models import User
from tests.dashboard.teams.factors import (
    ADD,
    ASK,
    CODES,
    FACTOR,
    JSON,
    LOGIN,
    PASSKEY,
    add_passkey,
    by_passkey,
    by_password,
    is_in,
    options_of,
)
from tests.dashboard.teams.passkey import PRESENT, Passkey
from tests.proof import SHORT_AND_FULL


def test_passkey_signs_in_alone_and_is_the_second_factor_too(alice_client: Client, alice: User) -> None:
    passkey = Passkey()
    assert add_passkey(alice_client, passkey)["Location"] == CODES
    client, answer = by_passkey(passkey)
    assert (answer.status_code, is_in(client)) == (302, True)
    both = by_password(alice)
    assert not is_in(both)
    both.post(ASK, {"credential": passkey.get(options_of(both.get(ASK)))})
    assert is_in(both)


def test_passkey_proves_again_who_it_is(alice_client: Client) -> None:
    passkey = Passkey()
    add_passkey(alice_client, passkey)
    again = f"{FACTOR}again/passkey/?next={CODES}"
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert alice_client.get(CODES)["Location"].startswith("/accounts/reauthenticate/")
        wrong = {"credential": Passkey(user=passkey.user).get(options_of(alice_client.get(again)))}
        assert alice_client.post(again, wrong)["Location"] == again
        right = {"credential": passkey.get(options_of(alice_client.get(again)))}
        assert alice_client.post(again, right)["Location"] == CODES
        assert alice_client.get(CODES).status_code == 200


@pytest.mark.few(3)
@pytest.mark.parametrize(
    "other",
    [
        {"flags": PRESENT},
        {"id": b"another-id"},
        {"key": Passkey().key},
        {"user": ""},
        {"user": "enp6eg"},
        {"user": "8J-YgA"},
    ],
)
def test_what_is_not_the_passkey_lets_nobody_in(alice_client: Client, other: dict[str, Any]) -> None:
    passkey = Passkey()
    add_passkey(alice_client, passkey)
    parts: dict[str, Any] = {"id": passkey.id, "key": passkey.key, "user": passkey.user} | other
    client, answer = by_passkey(Passkey(**parts))
    assert answer["Location"] == LOGIN
    assert not is_in(client)


def test_answer_to_an_older_challenge_is_not_taken(alice_client: Client) -> None:
    passkey = Passkey()
    add_passkey(alice_client, passkey)
    client = Client()
    old = passkey.get(client.post(PASSKEY, headers=JSON).json()["request_options"])
    client.post(PASSKEY, headers=JSON)
    client.post(PASSKEY, {"credential": old})
    assert not is_in(client)
    replayed, _ = Client(), Client().post(PASSKEY, {"credential": old})
    replayed.post(PASSKEY, {"credential": old})
    assert not is_in(replayed)


HOSTILE = ["", "{}", "[]", "1", "null", '"x"', "{", "\x00", '{"response": []}', '{"response": {"userHandle": 1}}']
HOSTILE += ['{"id": "_", "rawId": "_", "type": "x", "response": {"userHandle": "////", "clientDataJSON": "e30"}}']
HOSTILE += [f'{{"id": "{"a" * 70_000}"}}', "[" * 5_000 + "]" * 5_000]


@pytest.mark.few(2)
@SHORT_AND_FULL
@pytest.mark.parametrize(("place", "address"), [*enumerate([PASSKEY, ADD, f"{FACTOR}again/passkey/", ASK])])
def test_no_answer_of_a_passkey_breaks_a_page(
    alice_client: Client, alice: User, place: int, address: str, full: bool
) -> None:
    """Each at the sign-in and at one of the other pages; or everywhere."""
    add_passkey(alice_client, Passkey())
    for credential in HOSTILE if full or address == PASSKEY else HOSTILE[place - 1 :: 3]:
        caches["default"].clear()  # no limit is in the way
        client = Client() if address == PASSKEY else by_password(alice) if address == ASK else alice_client
        client.post(PASSKEY, headers=JSON) if address == PASSKEY else client.get(address)
        answer = client.post(address, {"name": "x", "passwordless": "True", "credential": credential})
        assert answer.status_code in (200, 302), credential[:80]
    assert Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN).count() == 1


def test_inactive_account_does_not_come_in_by_its_passkey(alice_client: Client, alice: User) -> None:
    passkey = Passkey()
    add_passkey(alice_client, passkey)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    client, _answer = by_passkey(passkey)
    assert not is_in(client)


def test_passkey_that_does_not_check_its_owner_is_not_added(alice_client: Client) -> None:
    assert add_passkey(alice_client, Passkey(flags=PRESENT)).status_code == 200
    assert add_passkey(alice_client, Passkey(), passwordless="").status_code == 200
    assert not Authenticator.objects.exists()


def test_other_site_cannot_use_a_passkey(alice_client: Client, settings: Settings) -> None:
    settings.SITE_HOST, settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = "localhost", False
    assert add_passkey(alice_client, Passkey(origin="https://localhost.evil.example")).status_code == 200
    passkey = Passkey(origin="https://localhost")
    assert add_passkey(alice_client, passkey).status_code == 302
    passkey.origin = "https://evil.example"
    client, _answer = by_passkey(passkey)
    assert not is_in(client)


@pytest.mark.proof
def test_at_most_ten_passkeys(alice_client: Client, alice: User) -> None:
    for number in range(10):
        WebAuthn.add(alice, f"Key {number}", json.loads(Passkey().create(options_of(alice_client.get(ADD)))))
    assert b"at most 10 passkeys" in add_passkey(alice_client, Passkey()).content


def test_sign_in_by_passkey_is_limited_and_a_look_makes_no_session(anon_client: Client) -> None:
    assert anon_client.get(PASSKEY, headers=JSON)["Location"] == LOGIN
    assert not anon_client.session.keys()
    statuses = [anon_client.post(PASSKEY, headers=JSON).status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]


def test_sign_in_by_passkey_leads_to_the_page_and_never_off_the_site(alice_client: Client) -> None:
    passkey = Passkey()
    add_passkey(alice_client, passkey)
    for target, to in (("/t/acme/settings/people/", "/t/acme/settings/people/"), ("//evil.example/", "/")):
        client = Client()
        address = f"{PASSKEY}?next={target}"
        asked = client.post(address, headers=JSON).json()["request_options"]
        assert client.post(address, {"credential": passkey.get(asked)})["Location"] == to


def test_passkey_is_renamed_and_removed_by_its_owner_alone(alice_client: Client, bob_client: Client) -> None:
    add_passkey(alice_client, Passkey())
    pk = Authenticator.objects.get(type=Authenticator.Type.WEBAUTHN).pk
    for address in (f"{FACTOR}passkeys/{pk}/", f"{FACTOR}passkeys/{pk}/remove/"):
        assert (bob_client.get(address).status_code, bob_client.post(address).status_code) == (404, 404)
    alice_client.post(f"{FACTOR}passkeys/{pk}/", {"name": "Desk"})
    assert b"Desk" in alice_client.get(FACTOR).content
    alice_client.post(f"{FACTOR}passkeys/{pk}/remove/")
    assert not Authenticator.objects.exists()
