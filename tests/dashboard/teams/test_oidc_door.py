"""Requests to the provider: every answer, or none, leads to one clear page in bounded time."""

import gzip
import threading
import time

import pytest
from django.test import Client
from pytest_django import Settings

from dashboard.teams.oidc import http
from tests.dashboard.teams.oidc_provider import Provider
from tests.dashboard.teams.oidc_walk import (
    DISCOVERY,
    NO_ANSWER,
    START,
    begin,
    nothing_came_of_it,
    provider,
    told,
    walk,
)

__all__ = ["nothing_came_of_it", "provider"]
pytestmark = pytest.mark.usefixtures("nothing_came_of_it")


REPLIES = {
    "page": (200, "text/html", b"<h1>Welcome to the hotel</h1>"),
    "list": (200, "application/json", b"[]"),
    "empty": (200, "application/json", b""),
    "number": (200, "application/json", b"7"),
    "nested": (200, "application/json", b'{"a":' * 40_000),
    "huge": (200, "application/json", b'{"a":"' + b"x" * 10 * 2**20 + b'"}'),
    "zipped": (200, "application/json", gzip.compress(b"{}")),
    "not text": (200, "application/json", b'{"a":"\xff"}'),
    "wrong kinds": (200, "application/json", b'{"issuer":7,"keys":7,"id_token":7,"access_token":[]}'),
    "other kinds": (200, "application/json", b'{"keys":[7,{"kid":[]},{"kty":"RSA","n":1,"e":{}}]}'),
    "nothing": (200, "application/json", b"{}"),
    "moved": (302, "http://127.0.0.1:9/", b""),
    "broken": (500, "text/plain", b"CANARY of the provider"),
    "refused": (401, "application/json", b'{"error":"invalid_client"}'),
}


@pytest.mark.few(8)
@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/keys"])
def test_answer_of_another_kind(anon_client: Client, provider: Provider, path: str, reply: str) -> None:
    provider.replies[path] = REPLIES[reply]
    answer = anon_client.post(START) if path == DISCOVERY else walk(anon_client, provider)
    assert told(answer) == NO_ANSWER
    assert "CANARY" not in answer.content.decode()


@pytest.mark.parametrize(("status", "padding"), [(500, 0), (201, 0), (200, http.BODY_CAP_BYTES)])
def test_right_words_in_a_wrong_answer(anon_client: Client, provider: Provider, status: int, padding: int) -> None:
    _, kind, right = provider.configuration()
    provider.replies[DISCOVERY] = (status, kind, right + b" " * padding)
    assert told(anon_client.post(START)) == NO_ANSWER
    provider.replies[DISCOVERY] = (200, kind, right + b" " * 1000)
    assert begin(anon_client)


def test_endless_answer_is_not_read_to_its_end(anon_client: Client, provider: Provider) -> None:
    provider.replies[DISCOVERY] = (200, "application/json", b" " * 64 * 2**20)
    assert told(anon_client.post(START)) == NO_ANSWER
    assert provider.read_to_the_end == []


@pytest.mark.few(4)
@pytest.mark.parametrize("reply", REPLIES)
def test_user_info_of_another_kind(anon_client: Client, provider: Provider, reply: str) -> None:
    provider.discovery["userinfo_endpoint"] = f"{provider.issuer}/userinfo"
    provider.replies["/userinfo"] = REPLIES[reply]
    assert told(walk(anon_client, provider)) == NO_ANSWER


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/keys"])
def test_silence_is_waited_for_so_long_and_no_longer(
    anon_client: Client, provider: Provider, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BUDGET_SECONDS", 0.6)
    provider.silent.add(path)
    began = time.monotonic()
    answer = anon_client.post(START) if path == DISCOVERY else walk(anon_client, provider)
    assert told(answer) == NO_ANSWER
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "begun",
    [b"HTTP/1.1 200 OK\r\nA: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{", b"HTTP/1.1 200 OK\r\n\r\n{"],
)
def test_answer_that_drips_is_given_up_and_its_thread_ends(
    anon_client: Client, provider: Provider, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BUDGET_SECONDS", 0.6)
    provider.dripping[DISCOVERY] = begun
    before = set(threading.enumerate())
    began = time.monotonic()
    assert told(anon_client.post(START)) == NO_ANSWER
    waiting = [thread for thread in set(threading.enumerate()) - before if thread.name == "oidc-request"]
    for thread in waiting:
        thread.join(20)
    assert time.monotonic() - began < 20
    assert not any(thread.is_alive() for thread in waiting)


def test_proxy_of_the_environment_is_not_used(
    anon_client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert begin(anon_client).startswith(provider.issuer)


def test_nobody_at_home(anon_client: Client, provider: Provider, settings: Settings) -> None:
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    assert told(anon_client.post(START)) == NO_ANSWER
    settings.OIDC_ISSUER = "https://no-such-host.invalid"
    assert told(anon_client.post(START)) == NO_ANSWER


def test_plain_answer_where_tls_is_spoken(anon_client: Client, provider: Provider, settings: Settings) -> None:
    settings.OIDC_ISSUER = provider.issuer.replace("http://", "https://")
    assert told(anon_client.post(START)) == NO_ANSWER
