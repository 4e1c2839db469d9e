"""Nobody's mailbox is flooded through us: mails are limited by address, sender, team and client."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.teams.core import mail_limits
from dashboard.teams.models import Invitation, Team, User
from tests.conftest import Answer

RESET, EMAIL = "/accounts/password/reset/", "/accounts/email/"


def invite(client: Client, email: str, team: str = "acme") -> Answer:
    return client.post(f"/t/{team}/settings/people/", {"email": email, "role": "viewer"})


def errors(answer: Answer) -> dict[str, list[str]]:
    return dict(answer.context["form"].errors)


def test_invitations_to_one_address(alice_client: Client, charlie_client: Client) -> None:
    answers = [invite(alice_client, "dora@example.com") for _ in range(20)]
    assert len(mail.outbox) == 5
    assert [bool(errors(answer)) for answer in answers] == [False] * 5 + [True] * 15
    assert Invitation.objects.pending().count() == 1
    assert errors(invite(charlie_client, "dora@example.com", "rival"))
    assert not errors(invite(alice_client, "erin@example.com"))


def test_an_invitation_that_is_refused_leaves_the_mailed_one_alive(alice_client: Client) -> None:
    for _ in range(5):
        invite(alice_client, "dora@example.com")
    mailed = Invitation.objects.pending().get().mailed_hash
    invite(alice_client, "dora@example.com")
    assert Invitation.objects.pending().get().mailed_hash == mailed


def test_other_spellings_reach_the_same_mailbox(alice_client: Client) -> None:
    for number in range(10):
        invite(alice_client, f"Dora+{number}@example.com")
    assert len(mail.outbox) == 5


def test_it_ends_after_an_hour(alice_client: Client) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        for _ in range(6):
            invite(alice_client, "dora@example.com")
        clock.shift(timedelta(minutes=61))
        alice_client.post("/accounts/reauthenticate/", {"password": "three-horses-and-a-stapler"})
        invite(alice_client, "dora@example.com")
    assert len(mail.outbox) == 6


@pytest.mark.parametrize("limit", ["BY_PERSON", "FOR_TEAM", "FOR_CLIENT"])
def test_one_sender(alice_client: Client, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    assert getattr(mail_limits, limit) == 100
    monkeypatch.setattr(mail_limits, limit, 3)
    answers = [invite(alice_client, f"new{number}@example.com") for number in range(5)]
    assert [bool(errors(answer)) for answer in answers] == [False] * 3 + [True] * 2
    assert len(mail.outbox) == 3


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_resets_of_one_address_from_everywhere(db: None, alice: User, email: str) -> None:
    statuses = [
        Client().post(RESET, {"email": email}, REMOTE_ADDR=f"192.0.2.{number}").status_code for number in range(7)
    ]
    assert statuses == [302] * 5 + [429] * 2
    assert len(mail.outbox) == 5


def test_invitations_do_not_stand_in_the_way_of_a_reset(alice_client: Client, charlie: User) -> None:
    for _ in range(6):
        invite(alice_client, charlie.email)
    Client().post(RESET, {"email": charlie.email})
    assert len(mail.outbox) == 6


@pytest.mark.parametrize("email", ["bob@example.com", "free@example.com"])
def test_links_for_a_new_address(alice_client: Client, bob: User, email: str) -> None:
    answers = [alice_client.post(EMAIL, {"email": email}) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [302] * 5 + [200] * 2
    assert "minute" in errors(answers[-1])["email"][0]
    assert len(mail.outbox) == 5


@pytest.mark.proof
def test_notices_are_limited_and_what_they_tell_of_goes_on(alice_client: Client) -> None:
    old, new = "three-horses-and-a-stapler", "seven-lamps-on-the-shore"
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(32):
            clock.shift(timedelta(seconds=61))
            fields = {"oldpassword": old, "password1": new, "password2": new}
            assert alice_client.post("/accounts/password/change/", fields).status_code == 302
            old, new = new, old
    assert len(mail.outbox) == 30


def test_without_a_mail_server_no_mail_is_counted(alice_client: Client, settings: Settings, team: Team) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    assert not [answer for answer in (invite(alice_client, "dora@example.com") for _ in range(8)) if errors(answer)]
