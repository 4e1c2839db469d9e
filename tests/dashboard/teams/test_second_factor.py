"""The codes of an app and recovery codes: what each lets in, once, and what else is done about them."""

from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.teams.core.reencrypt import rotate_keys
from dashboard.teams.models import AuditEvent, EventKind, User
from tests.conftest import PASSWORD
from tests.dashboard.teams.factors import (
    ADD,
    APP,
    ASK,
    CODES,
    FACTOR,
    add_app,
    add_passkey,
    by_passkey,
    by_password,
    code,
    is_in,
    kinds,
    shown_codes,
)
from tests.dashboard.teams.passkey import Passkey

NOW = timezone.now()
# What is recorded and mailed once the change is committed.
committed = pytest.mark.django_db(transaction=True)


def test_code_of_the_app_is_asked_for_after_the_password(alice_client: Client, alice: User) -> None:
    with time_machine.travel(NOW):
        secret = add_app(alice_client)
        client = by_password(alice)
        assert not is_in(client)
        assert client.post(ASK, {"code": "000000"}).status_code == 200
        assert not is_in(client)
        assert client.post(ASK, {"code": code(secret)}).status_code == 302
    assert is_in(client)


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clock_may_be_half_a_minute_wrong(alice_client: Client, alice: User, steps: int, right: bool) -> None:
    with time_machine.travel(NOW, tick=False):
        secret = add_app(alice_client)
        client = by_password(alice)
        client.post(ASK, {"code": code(secret, steps)})
    assert is_in(client) is right


@pytest.mark.both_databases
def test_code_works_once_for_as_long_as_it_is_good(alice_client: Client, alice: User) -> None:
    with time_machine.travel(NOW, tick=False):
        secret = add_app(alice_client)
        used = code(secret, 1)
        first = by_password(alice)
        first.post(ASK, {"code": used})
        assert is_in(first)
    for seconds in (0, 31, 59):
        with time_machine.travel(NOW + timedelta(seconds=seconds), tick=False):
            later = by_password(alice)
            later.post(ASK, {"code": used[:3] + " " + used[3:]})
            assert not is_in(later)


def test_wrong_codes_are_answered_with_429_outside_of_a_session(alice_client: Client, alice: User) -> None:
    secret = add_app(alice_client)
    first, second = by_password(alice), by_password(alice)
    statuses = [first.post(ASK, {"code": "000000"}).status_code for _ in range(5)]
    assert statuses == [200] * 5
    refused = second.post(ASK, {"code": code(secret)})
    assert (refused.status_code, refused["Retry-After"]) == (429, "300")
    assert not is_in(second)
    assert alice_client.post(f"{FACTOR}again/", {"code": code(secret)}).status_code == 302


@pytest.mark.both_databases
def test_wrong_first_codes_are_limited_too(alice_client: Client) -> None:
    alice_client.get(APP)
    statuses = [alice_client.post(APP, {"code": "000000"}).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    assert not Authenticator.objects.exists()


def test_recovery_code_works_once(alice_client: Client, alice: User) -> None:
    add_app(alice_client)
    spare = shown_codes(alice_client)[3]
    for right in (True, False):
        client = by_password(alice)
        client.post(ASK, {"code": spare})
        assert is_in(client) is right
    assert "9 codes are left." in alice_client.get(FACTOR).content.decode()


@pytest.mark.both_databases
def test_recovery_code_sent_twice_at_once_works_once(alice_client: Client, alice: User) -> None:
    add_app(alice_client)
    code_ = shown_codes(alice_client)[0]
    both = [Authenticator.objects.get(user=alice, type="recovery_codes").wrap() for _ in range(2)]
    assert [codes.validate_code(code_) for codes in both] == [True, False]


def test_recovery_codes_are_shown_to_the_session_that_made_them_for_ten_minutes(
    alice_client: Client, alice: User
) -> None:
    secret = add_app(alice_client)
    codes = shown_codes(alice_client)
    assert len(codes) == 10
    saved = alice_client.get(f"{CODES}file/")
    assert saved["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert saved.content.decode().split()[-10:] == codes
    other = by_password(alice)
    other.post(ASK, {"code": code(secret, 1)})
    assert b"10 codes are left" in other.get(CODES).content
    assert other.get(f"{CODES}file/")["Location"] == CODES
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        alice_client.post("/accounts/reauthenticate/", {"password": PASSWORD})
        assert codes[0].encode() not in alice_client.get(CODES).content


@committed
def test_new_recovery_codes_end_the_old(alice_client: Client, alice: User) -> None:
    add_app(alice_client)
    old = shown_codes(alice_client)
    assert alice_client.post(f"{CODES}new/")["Location"] == CODES
    assert not set(old) & set(shown_codes(alice_client))
    client = by_password(alice)
    client.post(ASK, {"code": old[0]})
    assert not is_in(client)
    assert [kind for kind, _detail in kinds()].count(EventKind.RECOVERY_CODES_MADE) == 2


def test_no_recovery_codes_without_a_factor(alice_client: Client) -> None:
    assert alice_client.get(CODES)["Location"] == FACTOR
    assert b"Add a passkey or an app first" in alice_client.post(f"{CODES}new/").content
    assert not Authenticator.objects.exists()


READ = [("get", address) for address in (APP, f"{APP}remove/", CODES, f"{CODES}file/", f"{CODES}new/", ADD)]
SENT = [("post", address) for address in (APP, f"{APP}remove/", f"{CODES}new/", ADD)]


@pytest.mark.few(4)
@pytest.mark.parametrize(("method", "address"), READ + SENT)
def test_each_page_asks_again_after_ten_minutes(alice_client: Client, address: str, method: str) -> None:
    add_app(alice_client)
    before = list(Authenticator.objects.values())
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        answer = getattr(alice_client, method)(address)
        assert answer["Location"].startswith("/accounts/reauthenticate/?next=")
        assert alice_client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302
        assert alice_client.get(APP)["Location"] == f"{APP}remove/"
    assert list(Authenticator.objects.values()) == before


def test_secrets_lie_encrypted_and_turn_with_the_ring(alice_client: Client, alice: User, settings: Settings) -> None:
    secret = add_app(alice_client)
    codes = shown_codes(alice_client)
    stored = str(list(Authenticator.objects.values()))
    assert not [part for part in (secret, *codes) if part in stored]
    old, new = settings.API_KEY_ENCRYPTION_KEYS[0], "bmV3LWtleS1mb3ItdGhlLXRlc3RzLTMyLWJ5dGVzLS0="
    settings.API_KEY_ENCRYPTION_KEYS = [new, old]
    assert (rotate_keys().changed, rotate_keys().changed) == (2, 0)
    settings.API_KEY_ENCRYPTION_KEYS = [new]
    client = by_password(alice)
    client.post(ASK, {"code": code(secret, 1)})
    assert is_in(client)


def test_factor_that_cannot_be_read_is_said_and_lets_nobody_in(
    alice_client: Client, alice: User, settings: Settings
) -> None:
    secret = add_app(alice_client)
    settings.API_KEY_ENCRYPTION_KEYS = ["bmV3LWtleS1mb3ItdGhlLXRlc3RzLTMyLWJ5dGVzLS0="]
    client = by_password(alice)
    assert b"can no longer be read" in client.post(ASK, {"code": code(secret)}).content
    assert not is_in(client)
    assert (alice_client.get(CODES).status_code, alice_client.get(FACTOR).status_code) == (200, 200)


@pytest.mark.parametrize("address", [APP, ADD, f"{CODES}new/"])
def test_nothing_is_added_without_a_key_to_encrypt_it(alice_client: Client, settings: Settings, address: str) -> None:
    settings.API_KEY_ENCRYPTION_KEYS = []
    assert alice_client.get(address)["Location"] == alice_client.post(address)["Location"] == FACTOR
    assert b'data-problem="no-encryption-key"' in alice_client.get(FACTOR).content


@committed
def test_first_factor_ends_what_the_password_alone_opened(alice: User) -> None:
    here, there = by_password(alice), by_password(alice)
    add_app(here)
    assert (is_in(here), is_in(there)) == (True, False)


@committed
def test_what_is_done_stands_in_the_audit_and_in_a_mail(alice_client: Client) -> None:
    secret = add_app(alice_client)
    add_passkey(alice_client, Passkey())
    alice_client.post(f"{APP}remove/")
    assert kinds() == [
        (EventKind.SECOND_FACTOR_ADDED, "authenticator app"),
        (EventKind.RECOVERY_CODES_MADE, ""),
        (EventKind.SECOND_FACTOR_ADDED, "passkey"),
        (EventKind.SECOND_FACTOR_REMOVED, "authenticator app"),
    ]
    bodies = [message.body for message in mail.outbox]
    words = ("app was added", "passkey was added", "app was removed")
    assert all(word in body for word, body in zip(words, bodies, strict=True))
    assert secret not in str(bodies) + str(list(AuditEvent.objects.values()))


def test_wrong_code_after_the_right_password_is_a_failed_sign_in(alice_client: Client, alice: User) -> None:
    add_app(alice_client)
    client = by_password(alice)
    client.post(ASK, {"code": "000000"})
    assert kinds()[-1] == (EventKind.SIGN_IN_FAILED, "second factor")
    assert EventKind.SIGN_IN not in [kind for kind, _detail in kinds()]


def test_operator_takes_a_lost_factor_away(
    alice_client: Client, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    add_app(alice_client)
    signed_in = by_passkey_of(alice_client)
    call_command("remove_second_factor", "Alice@Example.com")
    assert capsys.readouterr().out == "2 second factors removed.\n"
    assert not Authenticator.objects.exists()
    assert not is_in(signed_in)
    assert kinds()[-1] == (EventKind.SECOND_FACTOR_REMOVED, "all, on the server")
    assert is_in(by_password(alice))


def by_passkey_of(client: Client) -> Client:
    passkey = Passkey()
    add_passkey(client, passkey)
    return by_passkey(passkey)[0]


def test_operator_is_told_of_an_unknown_address(db: None) -> None:
    with pytest.raises(CommandError, match="No account has the email nobody@"):
        call_command("remove_second_factor", "nobody@example.com")
