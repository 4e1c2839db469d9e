"""One's own account: the name that others see, the address and its proof, the password; what the operator may do."""

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.http.request_log import one_line
from dashboard.teams.models import AuditEvent, EventKind, User
from tests.conftest import PASSWORD
from tests.views.snapshots.reading import tree

HOME, EMAIL, LOGIN = "/accounts/", "/accounts/email/", "/accounts/login/"
PEOPLE, AUDIT = "/t/acme/settings/people/", "/t/acme/settings/audit/"
NEW = "Alice.New@example.com"
LINK = re.compile(r"^http://localhost:8000(/accounts/email/\S+/)$", re.MULTILINE)


def asked(client: Client, email: str = NEW) -> str:
    """Ask for another address; gives the path of the link in the mail."""
    assert client.post(EMAIL, {"email": email})["Location"] == HOME
    found = LINK.search(str(mail.outbox[-1].body))
    assert found
    return found[1]


def can_sign_in(email: str) -> bool:
    return Client().post(LOGIN, {"login": email, "password": PASSWORD}).status_code == 302


def test_name_stands_beside_the_address_where_others_see_it(alice_client: Client, bob_client: Client) -> None:
    alice_client.post(HOME, {"name": "  Alice Example "})
    alice_client.post(PEOPLE, {"email": "dora@example.com", "role": "viewer"})
    member = tree(bob_client.get(PEOPLE)).all(css="person-name")[0]
    assert [part.text for part in member.all("bdi")] == ["Alice Example", "alice@example.com"]
    assert "alice@example.com (Alice Example)" in tree(alice_client.get(AUDIT)).one("table").text
    assert "Invited by Alice Example on" in alice_client.get(PEOPLE).content.decode()


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\u202egnp.exe", "{{ 7|add:7 }}", "a" * 100])
def test_name_is_never_markup(alice_client: Client, name: str) -> None:
    alice_client.post(HOME, {"name": name})
    assert name in {part.text for part in tree(alice_client.get(PEOPLE)).all("bdi")}
    assert b"<script>alert" not in alice_client.get(PEOPLE).content + alice_client.get(HOME).content


@pytest.mark.parametrize("name", ["a" * 101, "a\x00b"])
def test_name_that_cannot_be_kept_is_a_sentence(alice_client: Client, alice: User, name: str) -> None:
    assert tree(alice_client.post(HOME, {"name": name})).all(css="form-error")
    alice.refresh_from_db()
    assert alice.name == ""


def test_new_address_counts_when_its_link_was_opened_and_confirmed(alice_client: Client, alice: User) -> None:
    link = asked(alice_client)
    assert mail.outbox[0].to == [NEW.lower()]
    assert NEW.lower().encode() in alice_client.get(link).content
    assert not can_sign_in(NEW)
    assert alice_client.post(link)["Location"] == HOME
    assert (can_sign_in(NEW), can_sign_in("alice@example.com")) == (True, False)
    assert alice_client.get(PEOPLE).status_code == 200


def test_old_address_is_told_and_the_audit_has_both(alice_client: Client, alice: User) -> None:
    alice_client.post(asked(alice_client))
    assert (mail.outbox[-1].to, len(mail.outbox)) == (["alice@example.com"], 2)
    assert "The email of your account was changed." in str(mail.outbox[-1].body)
    event = AuditEvent.objects.get(kind=EventKind.EMAIL_CHANGED)
    assert (event.actor, event.detail) == (alice, "alice@example.com → alice.new@example.com")
    assert event.team == alice.teams.get()


def test_link_is_for_one_account_and_one_use(alice_client: Client, bob_client: Client, bob: User) -> None:
    link = asked(alice_client)
    for client in (bob_client, bob_client):
        assert b"This link has expired" in client.post(link).content
    alice_client.post(link)
    alice_client.post(asked(alice_client, "alice@example.com"))
    assert can_sign_in("alice@example.com")
    bob.refresh_from_db()
    assert bob.email == "bob@example.com"


def test_log_does_not_hold_the_link(alice_client: Client) -> None:
    assert one_line(f"GET {asked(alice_client)}") == "GET /accounts/email/***/"


def test_used_link_has_ended(alice_client: Client) -> None:
    link = asked(alice_client)
    alice_client.post(link)
    assert b"This link has expired" in alice_client.post(link).content


@pytest.mark.parametrize("token", ["x", "e30:1:x", "%00", "a" * 2_000])
def test_forged_link_is_the_same_page(alice_client: Client, token: str) -> None:
    assert b"This link has expired" in alice_client.post(f"{EMAIL}{token}/").content


def test_link_ends_after_three_hours(alice_client: Client) -> None:
    link = asked(alice_client)
    for minutes, title in ((179, b"Use this email from now on?"), (181, b"This link has expired")):
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
            assert title in alice_client.get(link).content


def test_address_of_another_account_reads_the_same_and_its_owner_alone_learns(alice_client: Client, bob: User) -> None:
    free = alice_client.post(EMAIL, {"email": "free@example.com"}, follow=True).content.decode()
    taken = alice_client.post(EMAIL, {"email": "BOB@example.com"}, follow=True).content.decode()
    sentence = "We sent a link to {}. Nothing changes until you open it."
    assert sentence.format("free@example.com") in free
    assert sentence.format("bob@example.com") in taken
    assert mail.outbox[-1].to == ["bob@example.com"]
    assert not LINK.search(str(mail.outbox[-1].body))


def test_address_that_got_an_account_meanwhile_is_not_taken(alice_client: Client, bob: User) -> None:
    link = asked(alice_client)
    User.objects.filter(pk=bob.pk).update(email=NEW.lower())
    EmailAddress.objects.filter(user=bob).update(email=NEW.lower())
    assert b"This link has expired" in alice_client.post(link).content
    assert can_sign_in("alice@example.com")


def test_password_is_asked_for_again_after_ten_minutes(alice_client: Client) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert alice_client.get(EMAIL)["Location"] == f"/accounts/reauthenticate/?next={EMAIL}"
        assert alice_client.post(EMAIL, {"email": NEW})["Location"].startswith("/accounts/reauthenticate/")
    assert mail.outbox == []


def test_links_are_limited(alice_client: Client) -> None:
    statuses = [alice_client.post(EMAIL, {"email": f"x{number}@example.com"}).status_code for number in range(11)]
    assert statuses == [302] * 10 + [429]
    assert len(mail.outbox) == 10


@pytest.mark.parametrize("backend", ["dummy", "console"])
def test_without_a_mail_server_the_page_says_so(alice_client: Client, settings: Settings, backend: str) -> None:
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
    page = tree(alice_client.post(EMAIL, {"email": NEW}))
    assert "manage.py change_email" in page.one(id="main").text
    assert not page.one(id="main").all("form")


def test_mail_server_that_is_away_breaks_nothing(alice_client: Client, alice: User, settings: Settings) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1"
    settings.EMAIL_PORT = 9
    assert b"The email could not be sent" in alice_client.post(EMAIL, {"email": NEW}).content
    new = {"oldpassword": PASSWORD, "password1": "seven-lamps-on-the-shore", "password2": "seven-lamps-on-the-shore"}
    assert alice_client.post("/accounts/password/change/", new).status_code == 302
    assert Client().post(LOGIN, {"login": alice.email, "password": new["password1"]}).status_code == 302


def test_changed_password_is_mailed_and_recorded(alice_client: Client, alice: User) -> None:
    new = {"oldpassword": PASSWORD, "password1": "seven-lamps-on-the-shore", "password2": "seven-lamps-on-the-shore"}
    alice_client.post("/accounts/password/change/", new)
    assert (mail.outbox[0].to, "Your password was changed." in str(mail.outbox[0].body)) == ([alice.email], True)
    event = AuditEvent.objects.get()
    assert (event.kind, event.actor, event.ip) == (EventKind.PASSWORD_CHANGED, alice, "127.0.0.1")
    assert "seven-lamps" not in str(mail.outbox[0].body) + str(list(AuditEvent.objects.values()))


def test_pages_share_their_tabs_with_the_right_one_marked(alice_client: Client) -> None:
    pages = {HOME: "You", "/accounts/password/change/": "Password", "/accounts/sessions/": "Sessions"}
    for address, name in {**pages, "/accounts/second-factor/app/": "Second factor"}.items():
        tabs = tree(alice_client.get(address)).one("nav", css="tabs")
        assert [tab.text for tab in tabs.all("a", **{"aria-current": "page"})] == [name]


def test_operator_changes_an_address(alice_client: Client, alice: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("change_email", "Alice@example.com", NEW)
    assert capsys.readouterr().out == "The email is now alice.new@example.com.\n"
    assert can_sign_in(NEW)
    event = AuditEvent.objects.get(kind=EventKind.EMAIL_CHANGED)
    assert (event.actor, event.ip) == (None, None)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("nobody@example.com", NEW, "No account has"),
        ("alice@example.com", "bob@example.com", "already has an account"),
        ("alice@example.com", "x", "is not an email address"),
    ],
)
def test_operator_is_told_why_not(alice: User, bob: User, old: str, new: str, problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        call_command("change_email", old, new)
    assert can_sign_in("alice@example.com")
