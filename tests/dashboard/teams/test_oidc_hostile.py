"""Anything that a provider or an attacker may send leads to one clear page, no sign-in, no secret in the log."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from tests.dashboard.teams.oidc_provider import CLIENT_SECRET, HOUR, KEY_ID, Provider, make_key
from tests.dashboard.teams.oidc_walk import (
    CALLBACK,
    NO_ANSWER,
    START,
    begin,
    come_back,
    nothing_came_of_it,
    provider,
    told,
    walk,
)

__all__ = ["nothing_came_of_it", "provider"]
pytestmark = pytest.mark.usefixtures("nothing_came_of_it")
LOST = (400, "lost")
OTHER_KEY = make_key()
Claims = dict[str, object]


def unsigned(claims: Claims) -> str:
    head, body = ({"alg": "none", "typ": "JWT"}, claims)
    parts = (urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (head, body))
    return ".".join([*parts, ""])


def nested(_: Claims) -> str:
    deep = urlsafe_b64encode(b'{"a":' + b"[" * 5000).decode()
    return f"{deep}.{deep}.x"


def signed_by_another(claims: Claims) -> str:
    return jwt.encode(claims, OTHER_KEY, "RS256", headers={"kid": KEY_ID})


def with_another_key_id(claims: Claims) -> str:
    return jwt.encode(claims, Provider.key, "RS256", headers={"kid": "key-2"})


def by_the_secret(claims: Claims) -> str:
    return jwt.encode(claims, CLIENT_SECRET + "x" * 32, "HS256", headers={"kid": KEY_ID})


def altered(claims: Claims) -> str:
    head, _, signature = jwt.encode(claims, Provider.key, "RS256", headers={"kid": KEY_ID}).split(".")
    body = urlsafe_b64encode(json.dumps(claims | {"sub": "admin"}).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


@pytest.mark.few(4)
@pytest.mark.parametrize(
    "sign",
    [unsigned, nested, signed_by_another, with_another_key_id, by_the_secret, altered, lambda _: "a.b", lambda _: "é"],
)
def test_signature_that_proves_nothing(anon_client: Client, provider: Provider, sign: Callable[[Claims], str]) -> None:
    provider.sign = sign
    assert told(walk(anon_client, provider)) == NO_ANSWER


@pytest.mark.parametrize("sign", [unsigned, by_the_secret])
def test_listed_algorithm_is_not_allowed_by_that(
    anon_client: Client, provider: Provider, sign: Callable[[Claims], str]
) -> None:
    provider.discovery["id_token_signing_alg_values_supported"] = ["none", "HS256"]
    secret = urlsafe_b64encode((CLIENT_SECRET + "x" * 32).encode()).rstrip(b"=").decode()
    keys = {"keys": [{"kty": "oct", "k": secret, "kid": KEY_ID}]}
    provider.replies["/keys"] = (200, "application/json", json.dumps(keys).encode())
    provider.sign = sign
    assert told(walk(anon_client, provider)) == NO_ANSWER


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.test"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another", "others"]},
        {"aud": None},
        {"aud": "another", "azp": "dashboard:1"},
        {"aud": ["dashboard:1", "another"]},
        {"aud": ["dashboard:1", "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": int(time.time()) - HOUR},
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"iat": int(time.time()) + HOUR},
        {"iat": None},
        {"nbf": int(time.time()) + HOUR},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 7},
        {"nonce": ""},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 192},
        {"sub": "a\x00b"},
        {"sub": "ä"},
    ],
)
def test_claims_that_are_not_for_this_sign_in(anon_client: Client, provider: Provider, claims: Claims) -> None:
    provider.person.claims = claims
    assert told(walk(anon_client, provider)) == NO_ANSWER


def test_token_of_an_earlier_sign_in(anon_client: Client, provider: Provider) -> None:
    stolen: list[str] = []

    def steal(claims: Claims) -> str:
        stolen.append(provider.signed(claims))
        return "lost.on.the-way"

    provider.sign = steal
    walk(Client(), provider)
    provider.sign = lambda _: stolen[0]
    assert told(walk(anon_client, provider)) == NO_ANSWER


def test_user_info_about_somebody_else(anon_client: Client, provider: Provider) -> None:
    provider.discovery["userinfo_endpoint"] = f"{provider.issuer}/userinfo"
    said = {"sub": "another", "email": "alice@example.com", "email_verified": True}
    provider.replies["/userinfo"] = (200, "application/json", json.dumps(said).encode())
    assert told(walk(anon_client, provider)) == NO_ANSWER


@pytest.mark.few(12)
@pytest.mark.parametrize(
    "address",
    [
        "http://elsewhere.test/x",
        "https://me@elsewhere.test/x",
        "https://elsewhere.test:port/x",
        'https://elsewhere.test/"><script>',
        "https://elsewhere.test/x'y",
        "https://elsewhere.test/x#y",
        "https://elsewhere.test/a b",
        "https://[::1/x",
        "https:///x",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "/x",
        "",
        7,
        None,
        "https://elsewhere.test/" + "x" * 2000,
    ],
)
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_address_that_is_not_gone_to(anon_client: Client, provider: Provider, name: str, address: object) -> None:
    provider.discovery[name] = address
    assert told(anon_client.post(START)) == NO_ANSWER


def test_provider_under_another_name(anon_client: Client, provider: Provider) -> None:
    provider.discovery["issuer"] = f"{provider.issuer}/"
    assert told(anon_client.post(START)) == NO_ANSWER


@pytest.mark.parametrize("forged", ["", "x", "é\x00", "a" * 5000])
def test_state_that_was_not_sent(anon_client: Client, provider: Provider, forged: str) -> None:
    begin(anon_client)
    assert told(anon_client.get(CALLBACK, {"state": forged, "code": "x"})) == LOST
    assert "/token" not in provider.asked


def test_answer_that_another_browser_began(anon_client: Client, provider: Provider) -> None:
    begin(anon_client)
    assert told(come_back(anon_client, provider.approve(begin(Client())))) == LOST
    assert told(come_back(Client(), provider.approve(begin(Client())))) == LOST
    assert "/token" not in provider.asked


@pytest.mark.parametrize("cookie", ["", "x", "eyJhIjoxfQ:1abc:forged", "é", "." * 4000])
def test_cookie_that_is_not_ours(anon_client: Client, provider: Provider, cookie: str) -> None:
    back = provider.approve(begin(anon_client))
    anon_client.cookies["oidc"] = cookie
    assert told(come_back(anon_client, back)) == LOST


def test_answer_that_comes_twice(anon_client: Client, provider: Provider) -> None:
    provider.sign = unsigned
    back = provider.approve(begin(anon_client))
    cookie = anon_client.cookies["oidc"].value
    assert told(come_back(anon_client, back)) == NO_ANSWER
    anon_client.cookies["oidc"] = cookie
    assert told(come_back(anon_client, back)) == LOST
    assert provider.asked.count("/token") == 1


@pytest.mark.parametrize(("minutes", "asked"), [(9, 1), (11, 0)])
def test_answer_that_comes_late(anon_client: Client, provider: Provider, minutes: int, asked: int) -> None:
    provider.sign = unsigned
    back = provider.approve(begin(anon_client))
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
        assert come_back(anon_client, back).status_code == (502 if asked else 400)
    assert provider.asked.count("/token") == asked


@pytest.mark.parametrize(
    ("decision", "page"),
    [
        ("deny", (403, "cancelled")),
        ("server_error", NO_ANSWER),
        ("<script>alert(1)</script>", NO_ANSWER),
    ],
)
def test_refusal_of_the_provider(anon_client: Client, provider: Provider, decision: str, page: tuple[int, str]) -> None:
    answer = walk(anon_client, provider, decision=decision)
    assert told(answer) == page
    assert "alert" not in answer.content.decode()


def test_answer_of_another_issuer(anon_client: Client, provider: Provider) -> None:
    query = parse_qs(urlsplit(provider.approve(begin(anon_client))).query)
    answer = {name: values[0] for name, values in query.items()} | {"iss": "https://elsewhere.test"}
    assert told(anon_client.get(CALLBACK, answer)) == NO_ANSWER
    assert "/token" not in provider.asked


@pytest.mark.parametrize("code", ["", " ", "a\nb", "é", "x" * 20_000])
def test_code_that_is_none(anon_client: Client, provider: Provider, code: str) -> None:
    state = parse_qs(urlsplit(begin(anon_client)).query)["state"][0]
    assert told(anon_client.get(CALLBACK, {"state": state, "code": code})) == NO_ANSWER
    assert "/token" not in provider.asked
