"""The file is judged as a whole before anything is written: each mistake is one sentence that names its place."""

from pathlib import Path

import pytest
from pytest_django import Settings

from dashboard.teams.models import Team, User
from tests.management.conftest import Provision
from tests.management.steps import KEY, TEAM, run

ACME = "[[team]] 'acme'"
ALICE = "[[team]] 'acme' [[team.member]] 'alice@example.com'"
WRONG = [
    ('name = "Acme', 'nmae = "Acme', f"{ACME}: 'nmae' is not known here; there are: slug, name, api_key, environments"),
    ('name = "Acme', 'nmae = "Acme', f"{ACME}: name is missing or not text."),
    ('slug = "acme"', 'slug = "a c"', "[[team]] 'a c': slug: Enter a valid “slug”"),
    ('slug = "acme"', f'slug = "{"a" * 51}"', "slug: Ensure this value has at most 50 characters"),
    ('slug = "acme"', "", "[[team]] 1: slug is missing or not text."),
    ('name = "Acme Platform"', 'name = "Acme\\nPlatform"', f"{ACME}: name contains characters that cannot be printed."),
    ('role = "admin"', 'role = "owner"', f"{ALICE}: role must be one of admin, member, viewer."),
    ('role = "admin"', "", f"{ALICE}: role must be one of admin, member, viewer."),
    ("alice@example.com", "alice", "[[team.member]] 'alice': email: Enter a valid email address."),
    ("compute-on/prod", "compute-on", f"{ACME}: environments: 'compute-on' is not written as service_code/environment"),
    ("compute-on/prod", "compute-on/../env", "'compute-on/../env' is not written as"),
    ("compute-qc/prod", "compute-on/prod", f"{ACME}: environments 'compute-on/prod' is there twice."),
    ('["compute-on/prod", "compute-qc/prod"]', '"compute-on/prod"', f"{ACME}: environments must be a list."),
    ("ACME_KEY", "NOT_SET", f"{ACME}: api_key: the environment variable NOT_SET is not set."),
    ("ALICE_PASSWORD", "NOT_SET", f"{ALICE}: password: the environment variable NOT_SET is not set."),
    ('{ env = "ACME_KEY" }', '{ file = "none" }', "none cannot be read (No such file or directory)."),
    ('{ env = "ACME_KEY" }', f'"{KEY}"', f'{ACME}: api_key must be {{ env = "NAME" }} or {{ file = "path" }}'),
    ('{ env = "ACME_KEY" }', '{ env = "A", file = "b" }', f"{ACME}: api_key must be"),
    ("[[team.member]]", "[team.member]", f"{ACME}: member must be written as tables in double brackets."),
    ("[[team]]", "[[teams]]", "The file: 'teams' is not known here; there are: team."),
    ("[[team]]", "[[team", "is not TOML: "),
]


@pytest.mark.parametrize(("before", "after", "sentence"), WRONG, ids=[each[2][-45:] for each in WRONG])
def test_a_mistake_is_a_sentence_and_writes_nothing(
    provision: Provision, before: str, after: str, sentence: str
) -> None:
    ran = provision(TEAM.replace(before, after, 1))
    assert (ran.status, ran.out) == (2, "")
    assert sentence in ran.err
    assert "CANARY" not in ran.err
    assert (Team.objects.count(), User.objects.count()) == (0, 0)


def test_all_mistakes_are_listed(provision: Provision) -> None:
    text = TEAM.replace("admin", "owner").replace("ACME_KEY", "NOT_SET").replace("compute-qc/", "") + TEAM
    assert len(provision(text).err.splitlines()) == 4


def test_teams_and_members_stand_there_once(provision: Provision) -> None:
    member = TEAM[TEAM.index("[[team.member]]") :]
    assert "The file: slug 'acme' is there twice." in provision(TEAM + TEAM).err
    assert f"{ACME}: email 'alice@example.com' is there twice." in provision(TEAM + member.replace("al", "Al")).err


def test_an_empty_file_is_refused_even_to_prune(provision: Provision) -> None:
    provision()
    ran = provision("", "--prune")
    assert (ran.status, ran.err) == (2, "The file: it has no [[team]].")
    assert Team.objects.count() == 1


@pytest.mark.django_db
def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    ran = run("provision", str(tmp_path / "none.toml"))
    assert (ran.status, ran.err) == (2, f"{tmp_path}/none.toml: No such file or directory.")


@pytest.mark.parametrize("key", ["with blank", "é", "k" * 257, " "])
def test_a_key_that_no_header_may_carry(provision: Provision, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("ACME_KEY", key)
    ran = provision()
    assert ran.status == 2
    assert ran.err.startswith(f"{ACME}: api_key: ")
    assert key.strip() == "" or key not in ran.err


def test_secrets_from_files_beside_the_file(provision: Provision, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    assert provision(TEAM.replace('{ env = "ACME_KEY" }', '{ file = "key" }')).status == 0
    assert Team.objects.get().api_key.open().reveal() == KEY


@pytest.mark.parametrize(("content", "why"), [(b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "is not text")])
def test_secrets_from_useless_files(provision: Provision, tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "key").write_bytes(content)
    ran = provision(TEAM.replace('{ env = "ACME_KEY" }', '{ file = "key" }'))
    assert (ran.status, ran.err) == (2, f"{ACME}: api_key: the file {tmp_path}/key {why}.")


def test_a_weak_password_is_refused(provision: Provision, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALICE_PASSWORD", "1234")
    ran = provision()
    assert (ran.status, ran.out, User.objects.count()) == (2, "", 0)
    assert ran.err.startswith(f"{ALICE}: password: This password is too short.")


def test_a_password_is_not_asked_for_again(provision: Provision, monkeypatch: pytest.MonkeyPatch) -> None:
    provision()
    monkeypatch.delenv("ALICE_PASSWORD")
    assert provision().out == "Nothing to change.\n"


def test_without_a_key_ring_no_key_can_be_stored(provision: Provision, settings: Settings) -> None:
    settings.API_KEY_ENCRYPTION_KEYS = []
    ran = provision()
    sentence = f"{ACME}: api_key: without API_KEY_ENCRYPTION_KEYS no key can be stored."
    assert (ran.status, ran.err, Team.objects.count()) == (2, sentence, 0)
