"""The way to the provider over TLS: authorities of this machine are trusted, each bad certificate is refused."""

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from dashboard.teams.models import User
from tests.dashboard.teams.oidc_provider import Provider
from tests.dashboard.teams.oidc_walk import START, know, signed_in_as, told, walk
from tests.faults.certificates import PAST, Authority


def certificate(authority: Authority, folder: Path, kind: str) -> Path:
    match kind:
        case "other name":
            return authority.certificate("login.test")
        case "expired":
            return authority.certificate(until=PAST)
        case "other authority":
            return Authority(folder, "Others").certificate()
    return authority.certificate()


@pytest.mark.parametrize(
    ("kind", "asked"), [("good", True), ("other name", False), ("expired", False), ("other authority", False)]
)
def test_certificate_is_checked(
    alice: User, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, asked: bool
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    with Provider(certificate(authority, tmp_path, kind)) as provider:
        know(settings, provider)
        client = Client()
        if asked:
            walk(client, provider)
            assert signed_in_as(client) == str(alice.pk)
        else:
            assert told(client.post(START)) == (502, "unavailable")
            assert provider.asked == []
