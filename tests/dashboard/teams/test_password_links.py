from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.teams.account.password_links import set_password_link
from dashboard.teams.core.create_account import create_account
from dashboard.teams.models import Invitation, Membership, Role, Team, User
from tests.conftest import PASSWORD
from tests.views.snapshots.reading import tree

SITE = "https://snapshots.test"


@pytest.fixture(autouse=True)
def site(settings: Settings) -> None:
    settings.SITE_URL = SITE


@pytest.fixture
def dora(db: None) -> User:
    return create_account("Dora@Example.com")


def set_password(client: Client, link: str, password: str) -> int:
    """Follow the link as a browser does and send the form; gives the status of the last answer."""
    assert link.startswith(f"{SITE}/accounts/password/reset/key/")
    form = client.get(link.removeprefix(SITE))
    if form.status_code != 302:
        return form.status_code
    return client.post(form["Location"], {"password1": password, "password2": password}).status_code


def test_new_account_is_lower_case_verified_and_closed(dora: User, anon_client: Client) -> None:
    address = EmailAddress.objects.get(user=dora)
    assert (dora.email, address.email, address.verified, address.primary) == ("dora@example.com",) * 2 + (True, True)
    assert not dora.has_usable_password()


def test_link_sets_the_password_and_signs_in(dora: User, anon_client: Client) -> None:
    assert set_password(anon_client, set_password_link(dora), PASSWORD) == 302
    dora.refresh_from_db()
    assert dora.check_password(PASSWORD)
    assert anon_client.session["_auth_user_id"] == str(dora.pk)


def test_password_just_set_is_not_asked_for_again(dora: User, team: Team, anon_client: Client) -> None:
    Membership.objects.create(team=team, user=dora, role=Role.ADMIN)
    set_password(anon_client, set_password_link(dora), PASSWORD)
    added = anon_client.post("/t/acme/settings/people/", {"email": "erin@example.com", "role": "viewer"})
    assert (added.status_code, Invitation.objects.count()) == (200, 1)


def test_link_works_once(dora: User, anon_client: Client) -> None:
    link, other = set_password_link(dora), set_password_link(dora)
    set_password(anon_client, link, PASSWORD)
    assert set_password(Client(), link, "another-fine-password") == 200
    assert set_password(Client(), other, "another-fine-password") == 200
    dora.refresh_from_db()
    assert dora.check_password(PASSWORD)


@pytest.mark.parametrize(("age", "status"), [(timedelta(days=6, hours=23), 302), (timedelta(days=7, seconds=2), 200)])
def test_link_is_good_for_seven_days(dora: User, anon_client: Client, age: timedelta, status: int) -> None:
    link = set_password_link(dora)
    with time_machine.travel(timezone.now() + age):
        assert set_password(anon_client, link, PASSWORD) == status


def test_link_of_one_person_is_nothing_for_another(dora: User, alice: User, anon_client: Client) -> None:
    foreign = set_password_link(dora).rpartition("/key/")[2].partition("-")[2]
    own = set_password_link(alice).partition("-")[0]
    assert set_password(anon_client, f"{own}-{foreign}", PASSWORD) == 200


def test_command_prints_the_link_alone(dora: User, anon_client: Client) -> None:
    out = StringIO()
    call_command("invite_link", "DORA@example.com", stdout=out)
    assert len(out.getvalue().splitlines()) == 1
    assert set_password(anon_client, out.getvalue().strip(), PASSWORD) == 302


@pytest.mark.parametrize("active", [True, False])
def test_command_says_whom_it_does_not_know(dora: User, active: bool) -> None:
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match=r"No active account has the email '(dora|nobody)@example.com'"):
        call_command("invite_link", "nobody@example.com" if active else dora.email)


@pytest.mark.parametrize("page", ["/accounts/password/reset/", "/accounts/password/reset/done/"])
@pytest.mark.parametrize(("backend", "ends"), [("console", ["terminal"]), ("dummy", ["nowhere"]), ("smtp", [])])
def test_a_dashboard_without_mail_says_where_its_mail_ends(
    anon_client: Client, settings: Settings, page: str, backend: str, ends: list[str]
) -> None:
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
    said = tree(anon_client.get(page)).all(css="banner")
    assert [part.attributes["data-mail"] for part in said] == ends
