"""Who has only seen a link has not proved an address: alice invites eve, opens the link herself, and gains nothing."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.teams.access import issue_tokens
from dashboard.teams.checks import DUMMY_MAIL
from dashboard.teams.core.create_account import create_account
from dashboard.teams.first_run.setup_link import new_address
from dashboard.teams.models import AccessToken, AuditEvent, Invitation, Membership, Role, Team, User
from dashboard.teams.people.invitations import invite
from tests.conftest import PASSWORD
from tests.dashboard.teams.factors import ASK, add_app, code, is_in
from tests.dashboard.teams.oidc_provider import Provider
from tests.dashboard.teams.oidc_walk import provider, signed_in_as, walk
from tests.management.steps import Ran, run, write
from tests.views.snapshots.reading import tree

__all__ = ["provider"]
EVE = "eve@example.com"
PEOPLE, LOGIN, RESET = "/t/acme/settings/people/", "/accounts/login/", "/accounts/password/reset/"
OWN = "her-own-seven-lamps"
SITE = "http://localhost:8000"
LINK = re.compile(rf"^{SITE}(/\S+)$", re.MULTILINE)
BETA = f'[[team]]\nslug = "rival"\nname = "Rival Works"\n[[team.member]]\nemail = "{EVE}"\nrole = "admin"\n'


def shown_link(client: Client, email: str = EVE, role: str = "member") -> str:
    """Invite; gives the path of the link that the inviter sees."""
    page = client.post(PEOPLE, {"email": email, "role": role})
    return tree(page).one("input", id="link").attributes["value"].removeprefix(SITE)


def mailed_link() -> str:
    found = LINK.search(str(mail.outbox[-1].body))
    assert found
    return found[1]


@pytest.fixture
def inviter(alice_client: Client) -> Client:
    """The browser in which alice has opened eve's link and set a password."""
    browser = Client()
    assert browser.post(shown_link(alice_client), {"password": PASSWORD})["Location"] == "/t/acme/"
    return browser


@pytest.fixture
def eve(inviter: Client) -> User:
    return User.objects.get(email=EVE)


def teams_of(email: str) -> list[str]:
    return list(Membership.objects.filter(user__email=email).order_by("team").values_list("team__slug", flat=True))


def proof_on_page(client: Client, email: str) -> str:
    people = {row.all("bdi")[-1].text: row for row in tree(client.get(PEOPLE)).all("li", css="person")}
    return people[email].attributes["data-address-proof"]


def opens(email: str, password: str) -> bool:
    return Client().post(LOGIN, {"login": email, "password": password}).status_code == 302


def provision(folder: Path, text: str = BETA) -> Ran:
    return run("provision", write(folder, text))


def set_own_password(link: str, browser: Client | None = None) -> Client:
    browser = browser or Client()
    form = browser.get(link)["Location"]
    assert browser.post(form, {"password1": OWN, "password2": OWN}).status_code == 302
    return browser


def reset_by_mail() -> Client:
    Client().post(RESET, {"email": EVE})
    return set_own_password(mailed_link())


# What an account without proof may not


def test_file_of_the_operator_does_not_let_the_inviter_into_another_team(
    inviter: Client, rival: Team, tmp_path: Path
) -> None:
    ran = provision(tmp_path)
    assert ran.status == 4
    assert EVE in ran.out
    assert f"manage.py invite_link {EVE}" in ran.out
    assert teams_of(EVE) == ["acme"]
    assert inviter.get("/t/rival/").status_code == 404


def test_first_sign_in_through_the_provider_ends_what_the_inviter_set(
    inviter: Client, eve: User, provider: Provider
) -> None:
    add_app(inviter)
    provider.person.email = EVE
    invitee = Client()
    walk(invitee, provider)
    assert signed_in_as(invitee) == str(eve.pk)
    assert SocialAccount.objects.get().user == eve
    assert not opens(EVE, PASSWORD)
    assert not is_in(inviter)
    assert not Authenticator.objects.exists()


def test_reset_by_mail_ends_password_factors_tokens_links_and_sessions(inviter: Client, eve: User) -> None:
    add_app(inviter)
    member = Membership.objects.get(user=eve)
    Membership.objects.filter(pk=member.pk).update(role=Role.ADMIN)
    token, _text = issue_tokens.make(member, name="x", days=30, environments=[], form_id="f")
    invite(member.team, "mallory@example.com", Role.ADMIN, actor=eve)
    invitee = reset_by_mail()
    assert is_in(invitee)
    assert not is_in(inviter)
    assert (opens(EVE, PASSWORD), opens(EVE, OWN)) == (False, True)
    assert not Authenticator.objects.exists()
    assert not AccessToken.objects.alive().filter(pk=token.pk).exists()
    assert not Invitation.objects.pending().filter(email="mallory@example.com").exists()
    assert teams_of(EVE) == ["acme"]


def test_second_team_is_not_joined_without_proof(inviter: Client, eve: User, rival: Team, charlie: User) -> None:
    _made, token = invite(rival, EVE, Role.ADMIN, actor=charlie)
    for answer in (inviter.get(f"/invitation/{token}/"), inviter.post(f"/invitation/{token}/")):
        assert answer.status_code == 403
        assert tree(answer).one("main").all(**{"data-address-proof": "none"})
    assert teams_of(EVE) == ["acme"]
    invitee = reset_by_mail()
    assert invitee.post(f"/invitation/{token}/")["Location"] == "/t/rival/"


def test_removed_member_without_proof_comes_back_nowhere(alice_client: Client, inviter: Client, eve: User) -> None:
    Membership.objects.filter(user=eve).delete()
    assert inviter.post(shown_link(alice_client)).status_code == 403
    assert teams_of(EVE) == []


def test_operators_file_gives_no_greater_role_without_proof(inviter: Client, eve: User, tmp_path: Path) -> None:
    acme = BETA.replace("rival", "acme").replace("Rival Works", "Acme Platform")
    ran = provision(tmp_path, acme)
    assert (ran.status, Membership.objects.get(user=eve).role) == (4, "member")
    ran = provision(tmp_path, acme.replace('"admin"', '"member"'))
    assert (ran.status, EVE in ran.out) == (0, True)


def test_last_admin_of_a_team_does_not_give_way_to_an_account_without_proof(
    inviter: Client, charlie: User, rival: Team, tmp_path: Path
) -> None:
    text = BETA + f'[[team.member]]\nemail = "{charlie.email}"\nrole = "viewer"\n'
    ran = provision(tmp_path, text)
    assert ran.status == 2
    assert Membership.objects.get(user=charlie).role == "admin"


def test_first_team_is_not_made_without_proof(inviter: Client, eve: User) -> None:
    Team.objects.all().delete()
    address = str(new_address()).removeprefix(SITE)
    for answer in (inviter.get(address), inviter.post(address, {"team_name": "Acme", "slug": ""})):
        assert answer.status_code == 403
    assert not Team.objects.exists()


def test_sign_in_that_waits_for_its_second_factor_ends_with_the_proof(inviter: Client, eve: User) -> None:
    secret, waiting = add_app(inviter), Client()
    assert waiting.post(LOGIN, {"login": EVE, "password": PASSWORD})["Location"] == ASK
    reset_by_mail()
    assert waiting.post(ASK, {"code": code(secret, 1)})["Location"] == LOGIN
    assert not is_in(waiting)


# What proves an address


def test_mailed_link_is_another_than_the_one_that_the_inviter_sees_and_proves(alice_client: Client) -> None:
    shown = shown_link(alice_client)
    mailed = mailed_link()
    assert shown != mailed
    assert mailed not in alice_client.get(PEOPLE).content.decode()
    assert Client().post(mailed, {"password": OWN})["Location"] == "/t/acme/"
    assert proof_on_page(alice_client, EVE) == "mailbox"
    assert 'data-problem="invitation"' in Client().get(shown).content.decode()


def test_mailed_invitation_takes_an_account_back_from_who_opened_the_shown_one(
    inviter: Client, eve: User, rival: Team, client_for: Callable[[User], Client], charlie: User
) -> None:
    client_for(charlie).post("/t/rival/settings/people/", {"email": EVE, "role": "viewer"})
    invitee = Client()
    assert invitee.post(mailed_link(), {"password": OWN})["Location"] == "/t/rival/"
    assert (opens(EVE, PASSWORD), opens(EVE, OWN), is_in(inviter)) == (False, True, False)
    assert (teams_of(EVE), User.objects.filter(email=EVE).count()) == (["acme", "rival"], 1)


def test_page_of_the_members_tells_proved_from_unproved(alice_client: Client, inviter: Client) -> None:
    assert proof_on_page(alice_client, EVE) == "none"
    assert proof_on_page(alice_client, "alice@example.com") == "operator"
    reset_by_mail()
    assert proof_on_page(alice_client, EVE) == "mailbox"


def test_operators_link_proves_and_then_the_file_adds(inviter: Client, rival: Team, tmp_path: Path) -> None:
    link = run("invite_link", EVE).out.strip().removeprefix(SITE)
    set_own_password(link)
    assert (opens(EVE, PASSWORD), is_in(inviter)) == (False, False)
    assert User.objects.get(email=EVE).address_proof == "operator"
    assert (provision(tmp_path).status, teams_of(EVE)) == (0, ["acme", "rival"])


def test_reset_of_a_proved_account_keeps_its_factors(alice: User, alice_client: Client) -> None:
    add_app(alice_client)
    Client().post(RESET, {"email": alice.email})
    set_own_password(mailed_link())
    assert Authenticator.objects.filter(user=alice, type="totp").exists()


def test_invitation_taken_through_the_provider_is_proved(alice_client: Client, provider: Provider) -> None:
    provider.person.email = EVE
    walk(Client(), provider, shown_link(alice_client))
    assert User.objects.get(email=EVE).address_proof == "oidc"


def test_account_page_mails_what_proves_the_address(inviter: Client, eve: User) -> None:
    page = tree(inviter.get("/accounts/"))
    form = page.one("form", action=RESET)
    assert form.one("input", name="email").attributes["value"] == EVE
    inviter.post(RESET, {"email": EVE})
    assert mail.outbox[-1].to == [EVE]
    assert not tree(set_own_password(mailed_link()).get("/accounts/")).all("form", action=RESET)


def test_own_session_may_open_the_mailed_link(inviter: Client, eve: User) -> None:
    inviter.post(RESET, {"email": EVE})
    assert is_in(set_own_password(mailed_link(), inviter))
    assert User.objects.get(email=EVE).address_proof == "mailbox"


def test_without_mail_the_account_page_names_the_operators_command(inviter: Client, settings: Settings) -> None:
    settings.EMAIL_BACKEND = DUMMY_MAIL
    page = inviter.get("/accounts/")
    assert not tree(page).all("form", action=RESET)
    assert "manage.py invite_link" in page.content.decode()


def test_proof_is_in_the_audit_of_the_team(inviter: Client, team: Team) -> None:
    reset_by_mail()
    assert AuditEvent.objects.filter(kind="address_proved", team=team, target=EVE).count() == 1


# Changing the address


def change_link(browser: Client, new: str) -> str:
    browser.post("/accounts/email/", {"email": new})
    return mailed_link()


def test_address_that_an_unproved_account_changes_to_is_proved_and_the_password_ends(
    inviter: Client, eve: User
) -> None:
    other = Client()
    other.post(LOGIN, {"login": EVE, "password": PASSWORD})
    answer = inviter.post(change_link(inviter, "eve2@example.com"))
    assert answer["Location"] == "/accounts/password/set/"
    assert inviter.get("/accounts/password/set/").status_code == 200
    assert (opens("eve2@example.com", PASSWORD), is_in(other)) == (False, False)
    assert User.objects.get(pk=eve.pk).address_proof == "mailbox"


def test_change_that_was_begun_before_the_password_changed_has_ended(alice_client: Client, alice: User) -> None:
    link = change_link(alice_client, "new@example.com")
    new = {"oldpassword": PASSWORD, "password1": OWN, "password2": OWN}
    assert alice_client.post("/accounts/password/change/", new).status_code == 302
    alice_client.post(link)
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


def test_operator_who_changes_an_unproved_address_proves_it_and_ends_the_password(inviter: Client, eve: User) -> None:
    call_command("change_email", EVE, "eve2@example.com")
    assert User.objects.get(pk=eve.pk).address_proof == "operator"
    assert not is_in(inviter)
    assert not opens("eve2@example.com", PASSWORD)


# Pages say it


def test_pages_of_an_invitation_say_who_has_seen_the_link(alice_client: Client) -> None:
    assert tree(alice_client.get(PEOPLE)).all(**{"data-link-seen-by": "inviter"})
    shown = shown_link(alice_client)
    assert tree(Client().get(shown)).all(**{"data-link-seen-by": "inviter"})
    assert not tree(Client().get(mailed_link())).all(**{"data-link-seen-by": "inviter"})


def test_invited_account_of_another_team_needs_its_own_sign_in(alice_client: Client, charlie: User) -> None:
    link = shown_link(alice_client, charlie.email)
    answer = Client().post(link, {"password": OWN})
    assert answer["Location"] == f"{LOGIN}?next={link}"
    assert Client().post(mailed_link(), {"password": OWN})["Location"].startswith(LOGIN)
    assert (opens(charlie.email, OWN), teams_of(charlie.email)) == (False, ["rival"])


def test_used_reset_link_does_nothing_more(inviter: Client) -> None:
    for _ in range(2):
        Client().post(RESET, {"email": EVE})
    first, second = (LINK.search(str(sent.body)) for sent in mail.outbox[-2:])
    assert first
    assert second
    set_own_password(first[1])
    assert Client().get(second[1]).status_code == 200
    assert opens(EVE, OWN)


def test_link_of_the_operator_is_one_also_when_it_is_nearly_over(inviter: Client) -> None:
    link = run("invite_link", EVE).out.strip().removeprefix(SITE)
    with time_machine.travel(timezone.now() + timedelta(days=6, hours=23)):
        set_own_password(link)
    assert User.objects.get(email=EVE).address_proof == "operator"


def test_account_of_the_operator_is_proved(db: None) -> None:
    assert create_account(EVE).address_proof == "operator"
    with pytest.raises(CommandError):
        call_command("invite_link", "nobody@example.com")
