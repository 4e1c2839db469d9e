"""The client's address: one spelling for limits, logs and audit, and no claim of the client believed."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client, RequestFactory
from gunicorn.config import Config
from pytest_django import Settings

from dashboard.http.access_log import AccessLogger
from dashboard.http.client_address import address_of, network_of
from dashboard.teams.models import AuditEvent, User

LOGIN = "/accounts/login/"


@pytest.mark.parametrize(
    ("written", "address", "network"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:0201", "192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:4711", "192.0.2.1", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("2002:c000:201::5", "192.0.2.1", "192.0.2.1"),
        ("2001:DB8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ('"[2001:db8:1:2::9]:80"', "2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64"),
        ("::1", "::1", "::/64"),
        ("", None, "-"),
        ("unknown", None, "-"),
        ("_hidden", None, "-"),
        ("192.0.2.999", None, "-"),
        ("<script>", None, "-"),
        ("1.2.3.4\x00", None, "-"),
    ],
)
def test_one_spelling_of_each_address(settings: Settings, written: str, address: str | None, network: str) -> None:
    direct = RequestFactory().get("/", REMOTE_ADDR=written)
    assert (address_of(direct), network_of(direct)) == (address, network)
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    proxied = RequestFactory().get("/", headers={"X-Forwarded-For": f"10.9.9.9, {written}"}, REMOTE_ADDR="192.0.2.77")
    assert address_of(proxied) == (address or "192.0.2.77")


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "192.0.2.77"),
        (1, "203.0.113.8, 203.0.113.9", "203.0.113.9"),
        (2, "203.0.113.7, 203.0.113.8, 203.0.113.9", "203.0.113.8"),
        (2, "203.0.113.9", "192.0.2.77"),
        (1, "", "192.0.2.77"),
        (1, ",", "192.0.2.77"),
        (1, "203.0.113.9, unknown", "192.0.2.77"),
    ],
)
def test_only_what_a_trusted_proxy_added_counts(settings: Settings, proxies: int, forwarded: str, address: str) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR="192.0.2.77")
    assert address_of(request) == address


def test_mapped_visitors_do_not_share_a_limit(client: Client, db: None) -> None:
    for number in range(11):
        fields = {"login": f"user-{number}@example.com", "password": "wrong"}
        last = client.post(LOGIN, fields, REMOTE_ADDR=f"::ffff:192.0.2.{number}")
    assert last.status_code == 200


def test_one_visitor_in_two_spellings_has_one_limit(client: Client, db: None) -> None:
    for number in range(11):
        fields = {"login": f"user-{number}@example.com", "password": "wrong"}
        last = client.post(LOGIN, fields, REMOTE_ADDR=("::ffff:192.0.2.1", "192.0.2.1")[number % 2])
    assert last.status_code == 429


def test_the_audit_has_the_same_spelling(client: Client, alice: User) -> None:
    client.post(LOGIN, {"login": alice.email, "password": "wrong"}, REMOTE_ADDR="::ffff:192.0.2.1")
    assert AuditEvent.objects.get().ip == "192.0.2.1"


@pytest.mark.parametrize("remote", ["", "unknown"])
def test_a_client_without_an_address_can_sign_in(client: Client, alice: User, remote: str) -> None:
    fields = {"login": alice.email, "password": "three-horses-and-a-stapler"}
    assert client.post(LOGIN, fields, REMOTE_ADDR=remote).status_code == 302


def test_a_forwarded_header_that_is_too_short_is_no_error(client: Client, alice: User, settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    fields = {"login": alice.email, "password": "wrong"}
    assert client.post(LOGIN, fields, headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200


def test_the_web_servers_log_has_the_same_spelling(settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    logger = AccessLogger(Config())
    environ = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "::ffff:192.0.2.1", "REQUEST_METHOD": "GET"}
    environ |= {"RAW_URI": "/", "SERVER_PROTOCOL": "HTTP/1.1"}
    answer = SimpleNamespace(status="200 OK", headers=[])
    assert logger.atoms(answer, SimpleNamespace(headers=[]), environ, timedelta())["h"] == "192.0.2.1"
