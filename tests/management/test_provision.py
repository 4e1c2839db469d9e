"""Teams as code: adds and updates, says what it changed, and no secret."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.db import OperationalError, connection
from django.test import Client

from dashboard.teams.models import ApiKey, Membership, Team, User
from snapshots.models import Environment
from snapshots.setup import environments
from tests.management.conftest import Provision
from tests.management.steps import KEY, PASSWORD, TEAM

INVITED = TEAM.replace('password = { env = "ALICE_PASSWORD" }', "")
MADE = """\
+ team acme (Acme Platform)
+ account alice@example.com, with the password given
+ acme: alice@example.com as admin
+ acme: API key, stored untested: the next sync shows whether the provider takes it
+ acme: environment compute-on/prod
+ acme: environment compute-qc/prod
6 changes made.
"""


def test_makes_what_the_file_says(provision: Provision) -> None:
    assert (provision().out, Team.objects.get().name) == (MADE, "Acme Platform")
    assert Team.objects.get().api_key.open().reveal() == KEY
    assert [each.path for each in Environment.objects.order_by("pk")] == ["compute-on/prod", "compute-qc/prod"]
    assert list(Membership.objects.values_list("user__email", "role")) == [("alice@example.com", "admin")]
    assert EmailAddress.objects.get().verified
    assert User.objects.get().check_password(PASSWORD)


def test_a_second_run_changes_nothing(provision: Provision) -> None:
    provision()
    before = ApiKey.objects.values().get()
    assert (provision().out, ApiKey.objects.values().get()) == ("Nothing to change.\n", before)


def test_nothing_is_removed(provision: Provision) -> None:
    provision(TEAM + TEAM.replace("acme", "globex").replace("alice", "charlie"))
    less = '[[team]]\nslug = "acme"\nname = "Acme Platform"\n'
    assert provision(less).out == "Nothing to change.\n"
    assert (Team.objects.count(), Membership.objects.count(), Environment.objects.count()) == (2, 2, 4)


def test_updates(provision: Provision, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = TEAM.replace("Acme Platform", "Acme") + '[[team.member]]\nemail = "Bob@Example.com"\nrole = "%s"\n'
    provision(bob % "viewer")
    generation = ApiKey.objects.get().generation
    monkeypatch.setenv("ACME_KEY", "CANARY-another")
    ran = provision(bob.replace('"Acme"', '"Acme Clouds"') % "member")
    assert ran.lines == [
        "~ acme: the name is 'Acme Clouds', was 'Acme'",
        "~ acme: bob@example.com is member, was viewer",
        "~ acme: API key replaced, untested: the next sync shows whether the provider takes it",
        "3 changes made.",
    ]
    assert (ApiKey.objects.get().generation, User.objects.count()) == (generation + 1, 2)


def test_a_key_that_cannot_be_read_is_replaced(provision: Provision) -> None:
    provision()
    ApiKey.objects.update(sealed="damaged")
    assert "~ acme: API key replaced" in provision().out
    assert ApiKey.objects.get().open().reveal() == KEY


def test_the_password_of_an_account_stays(provision: Provision, monkeypatch: pytest.MonkeyPatch) -> None:
    provision()
    monkeypatch.setenv("ALICE_PASSWORD", "another-good-password")
    assert provision().out == "Nothing to change.\n"
    assert User.objects.get().check_password(PASSWORD)


def test_one_person_in_two_teams_is_one_account(provision: Provision) -> None:
    ran = provision(INVITED.replace("acme", "globex").replace("alice", "Alice") + TEAM)
    assert ran.out.count("+ account alice@example.com, with the password given") == 1
    assert "link" not in ran.out
    assert (User.objects.count(), Membership.objects.count()) == (1, 2)


def test_without_a_password_a_link_is_printed_once(provision: Provision) -> None:
    link = re.search(r"http://localhost:8000(/accounts/password/reset/key/\S+)", provision(INVITED).out)
    assert link
    page = Client().get(link[1], follow=True)
    assert page.status_code == 200
    assert b'type="password"' in page.content
    assert provision(INVITED).out == "Nothing to change.\n"


def test_an_address_is_marked_verified(provision: Provision) -> None:
    user = User.objects.create_user("alice@example.com", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=False, primary=True)
    assert "~ account alice@example.com: the address is marked verified" in provision().out
    assert list(EmailAddress.objects.values_list("verified", "primary")) == [(True, True)]


def test_check_says_what_would_change_and_exits_with_1(provision: Provision) -> None:
    ran = provision(TEAM, "--check")
    assert (ran.status, ran.err) == (1, "6 changes would be made.")
    assert ran.lines == MADE.splitlines()[:-1]
    provision()
    assert provision(TEAM, "--check").status == 0


def test_check_reads_only(provision: Provision) -> None:
    written: list[str] = []

    def watch(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if not sql.startswith("SELECT"):
            written.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(watch):
        provision(INVITED, "--check", "--prune")
    assert written == []


def test_all_or_nothing(provision: Provision, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(environments, "put", fail)
    with pytest.raises(RuntimeError):
        provision()
    assert (Team.objects.count(), User.objects.count(), ApiKey.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize("options", [[], ["--check"], ["--prune"]])
def test_no_secret_is_printed(provision: Provision, options: list[str]) -> None:
    ran = provision(TEAM, *options)
    assert "CANARY" not in ran.out + ran.err


def test_the_last_admin_stays(provision: Provision) -> None:
    provision()
    ran = provision(TEAM.replace('"admin"', '"viewer"'))
    assert (ran.status, ran.err) == (2, "[[team]] 'acme': this would take away its last admin; name one.")
    assert Membership.objects.get().role == "admin"


def test_the_folder_does_not_matter(provision: Provision, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    (tmp_path / "pw").write_text(PASSWORD)
    assert provision(TEAM.replace('{ env = "ALICE_PASSWORD" }', '{ file = "pw" }')).status == 0


def test_a_busy_database_is_a_sentence(provision: Provision) -> None:
    def busy(execute: Callable[..., object], sql: str, *rest: object) -> object:
        raise OperationalError("database is locked")

    with connection.execute_wrapper(busy):
        ran = provision()
    assert (ran.status, ran.out) == (3, "")
    assert ran.err.startswith("The database cannot be used (database is locked). Nothing was changed.")
