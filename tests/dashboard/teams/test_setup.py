"""The first run: a one-time address makes the first team where there is none; every refusal reads the same."""

import re
import shlex
import subprocess
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from allauth.account.models import EmailAddress
from cryptography.fernet import Fernet
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.http.request_log import one_line
from dashboard.teams.core.create_account import create_account
from dashboard.teams.first_run import setup_link
from dashboard.teams.first_run.setup_link import Newcomer, SetupEnded, find, make_first_team, new_address
from dashboard.teams.models import AuditEvent, Membership, SetupLink, Team, User
from tests.conftest import PASSWORD, Answer
from tests.management.programs import ROOT
from tests.views.snapshots.reading import tree
from tests.waiting import together, until

pytestmark = pytest.mark.django_db
SITE = "http://localhost:8000"
DORA = "dora@example.com"
TOKEN = re.compile(rb'(name="csrfmiddlewaretoken" value=")[^"]+')
PERSON = {"email": DORA, "name": "Dora", "password": PASSWORD}
TEAM = {"team_name": "Acme Platform", "slug": ""}
ALL = PERSON | TEAM


@pytest.fixture
def address(db: None) -> str:
    return new_path()


@pytest.fixture
def dora(db: None) -> User:
    return create_account(DORA, PASSWORD)


def new_path() -> str:
    address = new_address()
    assert address
    return address.removeprefix(SITE)


def token_of(address: str) -> str:
    return address.split("/")[2]


def errors(page: Answer) -> list[str]:
    return [error.text.removeprefix("✕ ") for error in tree(page).all(css="form-error")]


def kinds() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("kind", flat=True))


def ended(client: Client, address: str) -> bytes:
    """The page of an expired URL, for any method."""
    answers = [client.get(address), client.post(address, ALL)]
    assert {answer.status_code for answer in answers} == {404}
    (page,) = {TOKEN.sub(rb"\1", answer.content) for answer in answers}
    return page


def test_address_is_random_and_kept_as_a_hash_alone(address: str) -> None:
    token = token_of(address)
    assert re.fullmatch(r"/setup/[\w-]{43}/", address)
    assert token not in str(list(SetupLink.objects.values()))
    assert token_of(new_path()) != token


@pytest.mark.both_databases
def test_one_form_makes_account_team_and_admin(anon_client: Client, address: str) -> None:
    assert anon_client.get(address).status_code == 200
    assert anon_client.post(address, ALL)["Location"] == "/t/acme-platform/"
    membership = Membership.objects.select_related("user", "team").get()
    dora = membership.user
    assert (dora.email, dora.name, dora.check_password(PASSWORD)) == (DORA, "Dora", True)
    assert EmailAddress.objects.get(user=dora).verified
    assert (membership.team.name, membership.team.slug, membership.role) == ("Acme Platform", "acme-platform", "admin")
    assert kinds() == ["team_made", "sign_in"]
    assert AuditEvent.objects.filter(team=membership.team, actor=dora, ip="127.0.0.1").count() == 2


def test_one_is_signed_in_with_a_fresh_session_that_may_enter_the_key(anon_client: Client, address: str) -> None:
    anon_client.cookies["sessionid"] = planted = "planted-session-of-somebody-else"
    anon_client.post(address, ALL)
    assert anon_client.cookies["sessionid"].value != planted
    answer = anon_client.post("/t/acme-platform/settings/key/", {"key": ""})
    assert (answer.status_code, errors(answer)) == (200, ["Enter the API key."])  # the password is not asked for again


def test_who_is_signed_in_already_names_the_team_alone(address: str, dora: User, client_for: object) -> None:
    client = Client()
    client.force_login(dora)
    page = client.get(address)
    assert [field.attributes["name"] for field in tree(page).one("main").all("input", type="text")] == [
        "team_name",
        "slug",
    ]
    assert client.post(address, TEAM)["Location"] == "/t/acme-platform/"
    assert (User.objects.get(), Membership.objects.get().role) == (dora, "admin")


def test_address_of_an_account_is_not_taken_over(anon_client: Client, address: str, dora: User) -> None:
    page = anon_client.post(address, ALL | {"email": "Dora@Example.com", "password": "another-fine-password"})
    assert errors(page) == ["There is already an account with this email. Sign in, then open this link again."]
    assert f"/accounts/login/?next={address}" in {link.attributes["href"] for link in tree(page).all("a")}
    dora.refresh_from_db()
    assert (dora.check_password(PASSWORD), Team.objects.count()) == (True, 0)


@pytest.mark.parametrize(
    ("name", "slug", "made"),
    [
        ("Acme Platform", "", "acme-platform"),
        ("Équipe d’Été", "", "equipe-dete"),
        ("Acme Platform", "Acme_2", "acme_2"),
        ("x" * 100, "", "x" * 50),
        ("雲", "cloud", "cloud"),
    ],
)
def test_name_in_addresses_is_made_from_the_name_or_chosen(
    anon_client: Client, address: str, name: str, slug: str, made: str
) -> None:
    anon_client.post(address, PERSON | {"team_name": name, "slug": slug})
    assert (Team.objects.get().name, Team.objects.get().slug) == (name, made)


@pytest.mark.few(5)
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": "nobody"}, "Enter a valid email address."),
        ({"email": ""}, "This field is required."),
        ({"email": f"{'x' * 250}@example.com"}, "Ensure this value has at most 254 characters"),
        ({"name": "x" * 101}, "Ensure this value has at most 100 characters"),
        ({"name": "a\0b"}, "Null characters are not allowed."),
        ({"password": ""}, "This field is required."),
        ({"password": "short-1"}, "This password is too short."),
        ({"password": DORA}, "The password is too similar to the e-mail address."),
        ({"team_name": " "}, "This field is required."),
        ({"team_name": "x" * 101}, "Ensure this value has at most 100 characters"),
        ({"team_name": "雲"}, "The team name has no character that a URL can contain. Enter a short name here."),
        ({"slug": "a b"}, "Use only unaccented letters, digits, hyphens and underscores."),
        ({"slug": "../etc"}, "Use only unaccented letters, digits, hyphens and underscores."),
        ({"slug": "x" * 51}, "Ensure this value has at most 50 characters"),
    ],
)
def test_what_makes_no_sense_is_said_and_makes_nothing(
    anon_client: Client, address: str, wrong: dict[str, str], said: str
) -> None:
    page = anon_client.post(address, ALL | wrong)
    assert (page.status_code, len(errors(page))) == (200, 1)
    assert errors(page)[0].startswith(said)
    assert (User.objects.count(), Team.objects.count()) == (0, 0)
    assert anon_client.post(address, ALL).status_code == 302


def test_all_that_is_wrong_is_said_at_once_and_the_password_does_not_come_back(
    anon_client: Client, address: str
) -> None:
    page = anon_client.post(address, {"email": "", "password": "CANARY-1", "team_name": "", "slug": "a b"})
    assert len(errors(page)) == 4
    assert b"CANARY" not in page.content


def test_every_refusal_is_one_page(anon_client: Client) -> None:
    replaced, old = new_path(), new_path()
    pages = [ended(anon_client, replaced), ended(anon_client, "/setup/never-made/")]
    with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=1)):
        pages.append(ended(anon_client, old))
    used = new_path()
    Client().post(used, ALL)
    pages.append(ended(anon_client, used))
    Team.objects.all().delete()
    pages.append(ended(anon_client, used))
    assert len(set(pages)) == 1
    assert User.objects.count() == 1


def test_address_is_good_for_a_day(anon_client: Client, address: str) -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=23, minutes=59)):
        assert anon_client.post(address, ALL).status_code == 302


def test_any_team_ends_it_and_no_new_one_is_made(anon_client: Client, address: str, team: Team) -> None:
    assert ended(anon_client, address) == ended(anon_client, "/setup/never-made/")
    assert new_address() is None
    with pytest.raises(CommandError, match="A team already exists"):
        call_command("setup_link")


def test_accounts_without_a_team_are_no_hindrance(anon_client: Client, dora: User) -> None:
    answer = anon_client.post(new_path(), ALL | {"email": "erik@example.com"})
    assert (answer.status_code, Membership.objects.get().user.email) == (302, "erik@example.com")


def test_command_prints_an_address_that_works(anon_client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("setup_link")
    printed = capsys.readouterr().out.strip()
    assert printed.startswith(f"{SITE}/setup/")
    assert anon_client.post(printed.removeprefix(SITE), ALL).status_code == 302


def newcomer(email: str) -> Newcomer:
    return Newcomer(email=email, name="", password=PASSWORD)


@pytest.mark.both_databases
def test_of_two_who_send_at_the_same_moment_one_makes_a_team(address: str) -> None:
    first, second = find(token_of(address)), find(token_of(address))
    make_first_team(first, newcomer(DORA), name="One", slug="one")
    with pytest.raises(SetupEnded):
        make_first_team(second, newcomer("erik@example.com"), name="Two", slug="two")
    assert [team.slug for team in Team.objects.all()] == ["one"]
    assert User.objects.count() == 1


WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def hold_until_another_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the one who is past the guard go on when the other waits for the lock."""
    make = setup_link._account_of

    def another_waits() -> bool:
        with connection.cursor() as cursor:
            return bool(cursor.execute(WAITING).fetchone() == (1,))

    def wait_and_make(person: Newcomer, password_hash: str) -> User:
        until(another_waits, what="the other to wait for the lock on the link")
        return make(person, password_hash)

    monkeypatch.setattr(setup_link, "_account_of", wait_and_make)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_two_in_the_same_instant_one_makes_a_team(monkeypatch: pytest.MonkeyPatch) -> None:
    hold_until_another_waits(monkeypatch)
    link = find(token_of(new_path()))

    def send(number: int) -> bool:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '60s'")  # the machine may be busy
            make_first_team(link, newcomer(f"p{number}@example.com"), name="Team", slug=f"team-{number}")
        except SetupEnded:
            return False
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")  # the connection goes back to the pool
            connection.close()
        return True

    assert sorted(together([partial(send, 0), partial(send, 1)], what="both to send")) == [False, True]
    assert (Team.objects.count(), User.objects.count()) == (1, 1)


@pytest.mark.both_databases
def test_a_team_made_by_a_file_meanwhile_is_the_only_one(address: str) -> None:
    link = find(token_of(address))
    Team.objects.create(slug="filed", name="Filed")
    with pytest.raises(SetupEnded):
        make_first_team(link, newcomer(DORA), name="Two", slug="two")
    assert (Team.objects.get().slug, User.objects.count()) == ("filed", 0)


@pytest.mark.parametrize("address_is_good", [True, False])
def test_page_is_kept_nowhere_and_tells_no_one_its_address(
    anon_client: Client, address: str, address_is_good: bool
) -> None:
    page = anon_client.get(address if address_is_good else "/setup/never-made/")
    assert page["Cache-Control"] == "private, no-store"
    assert page["Referrer-Policy"] == "strict-origin"
    assert b"//" not in re.sub(rb"<!doctype[^>]*>", b"", page.content)  # nothing of another site


def test_looking_leaves_no_session_and_no_token_in_the_log(
    anon_client: Client, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = Session.objects.count()
    for path in (address, "/setup/never-made/"):
        anon_client.get(path)
        anon_client.post(path, {"password": "short"})
    assert Session.objects.count() == before
    assert token_of(address) not in caplog.text


def test_log_lines_cut_the_token_out() -> None:
    for line in ('"GET /setup/abc-DEF_1/ HTTP/1.1" 200', "Not Found: /setup/abc-DEF_1/", "/x?next=/setup/abc-DEF_1/"):
        assert "abc" not in one_line(line)


def test_without_a_key_to_encrypt_with_the_first_step_says_how_to_make_one(
    anon_client: Client, address: str, settings: Settings
) -> None:
    assert not tree(anon_client.get(address)).all(css="banner")
    settings.API_KEY_ENCRYPTION_KEYS = []
    banner = tree(anon_client.get(address)).one("div", **{"data-missing": "API_KEY_ENCRYPTION_KEYS"})
    command = banner.all("code")[-1].text
    assert command in (ROOT / ".env.example").read_text()
    made = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True, timeout=60).stdout
    assert Fernet(made.strip())


def test_the_root_says_where_the_link_is_until_there_is_a_team(
    anon_client: Client, client_for: Callable[[User], Client], dora: User
) -> None:
    def told(client: Client) -> list[str]:
        return [part.attributes["data-problem"] for part in tree(client.get("/", follow=True)).all(css="banner")]

    assert told(anon_client) == told(client_for(dora)) == ["no-team"]
    Team.objects.create(slug="acme", name="Acme")
    assert told(anon_client) == told(client_for(dora)) == []
