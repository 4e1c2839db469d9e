"""The way to the provider and back, as a browser without scripts walks it."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import Settings

from dashboard.secrets import Secret
from dashboard.teams.models import AuditEvent, User
from tests.conftest import Answer
from tests.dashboard.teams.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider
from tests.views.snapshots.reading import tree

NO_ANSWER = (502, "unavailable")
DISCOVERY = "/.well-known/openid-configuration"
START, CALLBACK = "/accounts/login/oidc/", "/accounts/oidc/callback/"
PAGE = "/t/acme/snapshots/?q=a%20b"


@pytest.fixture
def provider(settings: Settings, db: None) -> Iterator[Provider]:
    with Provider() as running:
        know(settings, running)
        yield running


def know(settings: Settings, provider: Provider) -> None:
    settings.OIDC_ISSUER, settings.OIDC_NAME = provider.issuer, "Acme Login"
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, Secret(CLIENT_SECRET)


def begin(client: Client, next_page: str = PAGE) -> str:
    """Press the button; gives the address at the provider."""
    page = client.post(START, {"next": next_page})
    assert page.status_code == 200, page.content
    return tree(page).one("a", css="primary").attributes["href"]


def come_back(client: Client, back: str) -> Answer:
    assert back.startswith(f"http://localhost:8000{CALLBACK}?"), back
    return client.get(back.removeprefix("http://localhost:8000"))


def walk(client: Client, provider: Provider, next_page: str = PAGE, decision: str = "allow") -> Answer:
    return come_back(client, provider.approve(begin(client, next_page), decision))


def asked_with(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def signed_in_as(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


def told(response: Answer) -> tuple[int, str]:
    """Give the status and the name of the problem that the page shows."""
    return response.status_code, tree(response).one("h1").attributes["data-problem"]


def events() -> list[tuple[str, str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("kind", "target", "detail"))


@pytest.fixture
def nothing_came_of_it(
    anon_client: Client, alice: User, provider: Provider, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """After each of these: nobody signed in, nothing linked, no row of a session, no secret and no fault in the log."""
    yield
    assert (SocialAccount.objects.count(), Session.objects.count()) == (0, 0)
    assert all(kind == "sign_in_failed" for kind, _, _ in events())
    assert not [secret for secret in [CLIENT_SECRET, *provider.issued] if secret in caplog.text]
    assert "Traceback" not in caplog.text
