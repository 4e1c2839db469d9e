"""Who has an account is nobody's to find out: known and unknown addresses get the same words in the same time."""

import hashlib
import re
from collections.abc import Callable
from statistics import median
from time import thread_time

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core import mail
from django.core.cache import caches
from django.http import HttpResponse
from pytest_django import Settings

from dashboard.teams.core.create_account import create_account
from tests.authorization.conftest import House, house
from tests.conftest import PASSWORD

__all__ = ["house"]
Tell = Callable[..., None]
PAIRS, TRIES, MOST = 40, 3, 0.10
# A twentieth of the real rounds: a difference in all the rest weighs twenty times as much.
ROUNDS = PBKDF2PasswordHasher.iterations // 20
KNOWN, UNKNOWN = "known@example.com", "never@example.com"
TOKEN = re.compile(rb'(name="csrfmiddlewaretoken" value="|/invitation/)[\w-]+')


@pytest.fixture(autouse=True)
def real_hasher(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    monkeypatch.setattr(PBKDF2PasswordHasher, "iterations", ROUNDS)


@pytest.fixture
def asking(house: House) -> dict[str, Callable[[str], HttpResponse]]:
    """The forms that take an address which may or may not be an account's."""
    create_account(KNOWN, PASSWORD)
    login, reset, people = "/accounts/login/", "/accounts/password/reset/", "/t/acme/settings/people/"
    return {
        "sign-in": lambda email: house.do("anonymous", "POST", login, {"login": email, "password": "wrong-one"}),
        "reset": lambda email: house.do("anonymous", "POST", reset, {"email": email}),
        "invitation": lambda email: house.do("alice", "POST", people, {"email": email, "role": "member"}),
    }


WAYS = ("sign-in", "reset", "invitation")


@pytest.mark.parametrize("way", WAYS)
def test_known_and_unknown_read_the_same(
    house: House, asking: dict[str, Callable[[str], HttpResponse]], way: str
) -> None:
    answers = []
    for email in (KNOWN, UNKNOWN):
        with house.undone():
            answers.append(bare(asking[way](email), email))
    assert answers[0] == answers[1]
    assert len(mail.outbox) in (0, 2)


def bare(answer: HttpResponse, email: str) -> tuple[int, str, bytes]:
    content = TOKEN.sub(rb"\1", answer.content).replace(email.encode(), b"")
    return answer.status_code, answer.headers.get("Location", ""), re.sub(rb"/invitations/\d+/", b"", content)


@pytest.mark.parametrize("way", WAYS)
def test_known_and_unknown_hash_as_much(
    house: House, asking: dict[str, Callable[[str], HttpResponse]], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Hashing takes nearly all of the time, so as many rounds take as long; `make proof` measures the time itself."""
    rounds: list[int] = []
    encode = PBKDF2PasswordHasher.encode

    def counted(self: PBKDF2PasswordHasher, password: str, salt: str, iterations: int | None = None) -> str:
        rounds.append(iterations or self.iterations)
        return str(encode(self, password, salt, iterations))

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", counted)
    hashed = []
    for email in (KNOWN, UNKNOWN):
        rounds.clear()
        with house.undone():
            asking[way](email)
        hashed.append(list(rounds))
    assert hashed[0] == hashed[1]
    assert way != "sign-in" or hashed[0] == [ROUNDS]


@pytest.mark.proof
@pytest.mark.parametrize("way", WAYS)
def test_known_and_unknown_take_the_same_time(
    house: House, asking: dict[str, Callable[[str], HttpResponse]], figures: Tell, way: str
) -> None:
    def act(email: str) -> float:
        caches["default"].clear()
        with house.undone():
            started = thread_time()
            asking[way](email)
            return thread_time() - started

    known, unknown = alike(act, (KNOWN, UNKNOWN))
    figures("enumeration", **{way: f"{known * 1000:.1f} / {unknown * 1000:.1f} ms"})
    assert differ(known, unknown) <= MOST


def alike(act: Callable[[str], float], pair: tuple[str, str]) -> tuple[float, float]:
    """The medians of two acts done in turn, in seconds of this thread; a disturbed machine has two more tries."""
    for _ in range(TRIES):
        both = measured(act, pair)
        if differ(*both) <= MOST:
            break
    return both


def measured(act: Callable[[str], float], pair: tuple[str, str]) -> tuple[float, float]:
    act(pair[0]), act(pair[1])
    times = [(act(pair[0]), act(pair[1])) if turn % 2 else (act(pair[1]), act(pair[0]))[::-1] for turn in range(PAIRS)]
    return median(time[0] for time in times), median(time[1] for time in times)


def differ(one: float, other: float) -> float:
    return max(one, other) / min(one, other) - 1


@pytest.mark.proof
def test_the_measure_sees_a_third_more_work_and_only_that() -> None:
    rounds = {"less": 4_000, "same": 4_000, "more": 5_200}

    def act(which: str) -> float:
        started = thread_time()
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", rounds[which])
        return thread_time() - started

    assert differ(*alike(act, ("less", "same"))) <= MOST
    assert differ(*alike(act, ("less", "more"))) > MOST
