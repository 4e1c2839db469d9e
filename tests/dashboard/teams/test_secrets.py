import copy
import json
import logging
import pickle
import pprint
import sys
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from django.core.serializers import serialize
from django.core.serializers.json import DjangoJSONEncoder
from django.test import RequestFactory
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from dashboard.secrets import KeyRingMissing, KeyUnreadable, Secret, clean_api_key, open_key, seal_key
from dashboard.teams.models import ApiKey, Team
from tests.loops import in_turn

CANARY = "CANARY-5f3a9c71e2"


@pytest.fixture
def secret() -> Secret:
    return Secret(CANARY)


@pytest.mark.parametrize("show", [repr, str, format, pprint.pformat, "{:>40}".format, "{!r}".format, "%s".__mod__])
def test_secret_shows_a_mask(secret: Secret, show: Callable[[object], str]) -> None:
    assert "••••" in show(secret)
    assert CANARY not in show(secret)


@pytest.mark.parametrize("show", [repr, str, pprint.pformat])
def test_secret_shows_a_mask_inside_of_others(secret: Secret, show: Callable[[object], str]) -> None:
    assert CANARY not in show([secret, {"key": secret}])


@pytest.mark.parametrize(
    "take",
    [
        json.dumps,
        lambda secret: json.dumps(secret, cls=DjangoJSONEncoder),
        pickle.dumps,
        lambda secret: pickle.dumps(secret, 0),
        copy.copy,
        copy.deepcopy,
        vars,
        hash,
        list,
        lambda secret: secret == CANARY,
        lambda secret: secret != CANARY,
    ],
)
def test_secret_cannot_be_taken_apart(secret: Secret, take: Callable[[object], object]) -> None:
    with pytest.raises(TypeError) as fault:
        take(secret)
    assert CANARY not in str(fault.value)


def test_secret_stays_out_of_logs(secret: Secret, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("probe").debug("%s %r", secret, [secret])
    assert "••••" in caplog.text
    assert CANARY not in caplog.text


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("report", ["get_traceback_html", "get_traceback_text"])
def test_secret_stays_out_of_reports(secret: Secret, settings: Settings, debug: bool, report: str) -> None:
    settings.DEBUG = debug
    page = report_of(lambda: secret.reveal().missing, report)  # type: ignore[attr-defined]
    assert "missing" in page
    assert CANARY not in page


def report_of(fail: Callable[[], object], report: str) -> str:
    try:
        fail()
    except (AttributeError, KeyUnreadable, KeyRingMissing, ValidationError):
        reporter = ExceptionReporter(RequestFactory().get("/"), *sys.exc_info())
    return str(getattr(reporter, report)())


@in_turn("key", ["x", "a" * 256, "!~", "".join(map(chr, range(0x21, 0x7F))), "dGhl+key/with=signs", "'\"<>&\\"])
def test_key_of_printable_signs_is_taken_as_it_is(key: str) -> None:
    assert clean_api_key(key).reveal() == key


@in_turn(
    "key",
    ["", " ", f" {CANARY}", f"{CANARY}\n", f"{CANARY}\t", f"{CANARY}\r\nX-Evil: 1", f"{CANARY} {CANARY}", f"{CANARY}é"],
)
def test_key_that_no_header_carries_is_refused_without_echo(key: str) -> None:
    refuse_key(key)


@in_turn("sign", ["\x00", "\x7f", "\u2028", "\u00a0", "🔑", CANARY * 15])
def test_key_with_one_wrong_sign_or_too_long_is_refused(sign: str) -> None:
    refuse_key(f"{CANARY}{sign}{CANARY}")


def refuse_key(key: str) -> None:
    with pytest.raises(ValidationError) as fault:
        clean_api_key(key)
    assert CANARY not in repr(fault.value)
    assert fault.value.messages[0].endswith(".")


def test_refused_key_stays_out_of_reports() -> None:
    refused = [f"{CANARY}\n"]
    page = report_of(lambda: clean_api_key(refused.pop()), "get_traceback_html")
    assert CANARY not in page


def test_sealing_twice_gives_different_text_and_the_key_in_neither(secret: Secret) -> None:
    first, second = seal_key(secret, team_pk=1), seal_key(secret, team_pk=1)
    assert first != second
    assert CANARY not in first + second
    assert open_key(first, team_pk=1).reveal() == open_key(second, team_pk=1).reveal() == CANARY


def spoil(sealed: str, at: int) -> str:
    return sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda sealed: "",
        lambda sealed: sealed[:-1],
        lambda sealed: sealed[: len(sealed) // 2],
        lambda sealed: spoil(sealed, 0),
        lambda sealed: spoil(sealed, len(sealed) // 2),
        lambda sealed: CANARY,
        lambda sealed: "é",
    ],
)
def test_damaged_key_is_to_be_entered_again(secret: Secret, damage: Callable[[str], str]) -> None:
    with pytest.raises(KeyUnreadable, match="enter it again") as fault:
        open_key(damage(seal_key(secret, team_pk=1)), team_pk=1)
    assert fault.value.__context__ is None


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b'"x"', b"{}", b'{"team": 1}', b"CANARY", b"\xff"])
def test_older_payload_is_to_be_entered_again(settings: Settings, payload: bytes) -> None:
    sealed = Fernet(settings.API_KEY_ENCRYPTION_KEYS[0]).encrypt(payload).decode()
    with pytest.raises(KeyUnreadable):
        open_key(sealed, team_pk=1)


@pytest.mark.parametrize("debug", [True, False])
def test_key_of_another_team_opens_nowhere_and_shows_nowhere(secret: Secret, settings: Settings, debug: bool) -> None:
    settings.DEBUG = debug
    sealed = seal_key(secret, team_pk=1)
    page = report_of(lambda: open_key(sealed, team_pk=2), "get_traceback_html")
    assert "belongs to another team" in page
    assert CANARY not in page


def test_ring_opens_with_any_key_and_seals_with_the_first(secret: Secret, settings: Settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.API_KEY_ENCRYPTION_KEYS = [old]
    before = seal_key(secret, team_pk=1)
    settings.API_KEY_ENCRYPTION_KEYS = [new, old]
    after = seal_key(secret, team_pk=1)
    assert open_key(before, team_pk=1).reveal() == CANARY
    settings.API_KEY_ENCRYPTION_KEYS = [new]
    assert open_key(after, team_pk=1).reveal() == CANARY
    with pytest.raises(KeyUnreadable):
        open_key(before, team_pk=1)


def test_without_a_ring_nothing_is_sealed_or_opened(secret: Secret, settings: Settings) -> None:
    sealed = seal_key(secret, team_pk=1)
    settings.API_KEY_ENCRYPTION_KEYS = []
    with pytest.raises(KeyRingMissing):
        seal_key(secret, team_pk=1)
    with pytest.raises(KeyUnreadable):
        open_key(sealed, team_pk=1)


def test_replacing_a_key_counts_up_and_leaves_nothing_of_the_old(secret: Secret, team: Team) -> None:
    first = ApiKey.replace(team, Secret("older"))
    second = ApiKey.replace(team, secret)
    assert (second.pk, second.generation) == (first.pk, first.generation + 1)
    assert second.changed_at > first.changed_at
    assert second.sealed != first.sealed
    assert second.open().reveal() == CANARY


def test_key_made_again_is_no_generation_of_the_deleted_one(secret: Secret, team: Team) -> None:
    seen = {ApiKey.replace(team, secret).generation}
    for _ in range(5):
        ApiKey.objects.all().delete()
        team.refresh_from_db()
        seen.add(ApiKey.replace(team, secret).generation)
    assert len(seen) == 6


def test_copied_row_opens_for_no_other_team(secret: Secret, team: Team, rival: Team) -> None:
    own = ApiKey.replace(team, secret)
    copied = ApiKey.objects.create(team=rival, sealed=own.sealed)
    with pytest.raises(KeyUnreadable, match="another team"):
        copied.open()


def test_stored_key_shows_neither_in_dumps_nor_in_words(secret: Secret, team: Team) -> None:
    key = ApiKey.replace(team, secret)
    assert CANARY not in serialize("json", [key]) + repr(key) + str(key) + str(vars(key))
