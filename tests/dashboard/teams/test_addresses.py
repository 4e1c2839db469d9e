"""Addresses are compared by ASCII case alone: what Unicode folds to another one is refused wherever one is given."""

from pathlib import Path

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from dashboard.teams.core.create_account import create_account
from dashboard.teams.core.email_addresses import can_be_mailed, folded
from dashboard.teams.first_run.setup_link import new_address
from dashboard.teams.models import AuditEvent, Invitation, Role, Team, User
from tests.conftest import PASSWORD
from tests.dashboard.teams.oidc_provider import Provider
from tests.dashboard.teams.oidc_walk import provider, signed_in_as, walk
from tests.loops import in_turn
from tests.management.steps import run, write
from tests.views.snapshots.reading import tree

__all__ = ["provider"]
KIM = "kims@example.com"
ALIKE = [
    "\u212aims@example.com",  # KELVIN SIGN
    "kim\u017f@example.com",  # LATIN SMALL LETTER LONG S
    "k\u0131ms@example.com",  # dotless i, whose capital is I
    "k\u0130ms@example.com",
    "\uff4bims@example.com",  # full width
    "kims@exampl\u00e9.com".replace("\u00e9", "e\u0301"),  # not composed
    "kims@example\u3002com",
    "kims@exam\u217ele.com",
]
alike = pytest.mark.parametrize("email", ALIKE)


@pytest.fixture
def kim(team: Team) -> User:
    user = create_account(KIM, PASSWORD)
    user.memberships.create(team=team, role=Role.VIEWER)
    return user


@alike
def test_it_is_refused(email: str) -> None:
    with pytest.raises(ValidationError):
        can_be_mailed(email)


@in_turn("email", [" Kims@Example.COM ", "kims+1@example.com", "k.i.m@münchen.example"])
def test_plain_addresses_are_taken(email: str) -> None:
    assert folded(email) == email.strip().lower()


@pytest.mark.few(3)
@alike
def test_provider_does_not_sign_kim_in(anon_client: Client, kim: User, provider: Provider, email: str) -> None:
    provider.person.email = email
    assert walk(anon_client, provider).status_code == 403
    assert signed_in_as(anon_client) is None


def test_alias_is_another_address(anon_client: Client, kim: User, provider: Provider) -> None:
    provider.person.email = "kims+1@example.com"
    assert walk(anon_client, provider).status_code == 403


@alike
def test_no_mail_goes_there(anon_client: Client, kim: User, email: str) -> None:
    page = anon_client.post("/accounts/password/reset/", {"email": email})
    assert (page.status_code, mail.outbox) == (200, [])
    assert tree(page).all(css="form-error")


@alike
def test_nobody_signs_in_with_it_or_is_blamed_for_it(anon_client: Client, kim: User, email: str) -> None:
    assert anon_client.post("/accounts/login/", {"login": email, "password": PASSWORD}).status_code == 200
    assert not AuditEvent.objects.filter(target=KIM).exists()


@pytest.mark.few(3)
@alike
def test_forms_refuse_it(alice_client: Client, email: str) -> None:
    for address in ("/t/acme/settings/people/", "/accounts/email/"):
        assert tree(alice_client.post(address, {"email": email, "role": "viewer"})).all(css="form-error")
    assert (Invitation.objects.count(), mail.outbox) == (0, [])


@alike
def test_set_up_refuses_it(anon_client: Client, email: str) -> None:
    address = str(new_address()).removeprefix("http://localhost:8000")
    page = anon_client.post(address, {"email": email, "password": PASSWORD, "team_name": "Acme", "slug": ""})
    assert tree(page).all(css="form-error")
    assert (User.objects.count(), Team.objects.count()) == (0, 0)


@alike
def test_team_file_refuses_it(db: None, tmp_path: Path, email: str) -> None:
    text = f'[[team]]\nslug = "acme"\nname = "Acme"\n[[team.member]]\nemail = "{email}"\nrole = "admin"\n'
    assert (run("provision", write(tmp_path, text)).status, Team.objects.count()) == (2, 0)


@alike
def test_commands_do_not_take_it_for_kim(kim: User, alice: User, email: str) -> None:
    for command in ("invite_link", "remove_second_factor", "unlink_sign_in"):
        with pytest.raises(CommandError):
            call_command(command, email)
    with pytest.raises(CommandError):
        call_command("change_email", alice.email, email)
