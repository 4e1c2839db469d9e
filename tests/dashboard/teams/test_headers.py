import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.templatetags.static import static
from django.test import Client
from pytest_django import Settings

from dashboard.teams.models import Team, User
from tests.conftest import Answer
from tests.loops import in_turn

pytestmark = pytest.mark.usefixtures("probes")
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SECURE: dict[str, Any] = {"secure": True}


def fetch(client: Client, case: str) -> Answer:
    """Get one answer of each kind: a page, a redirect, each refusal, each fault, a probe, a static file."""
    client.raise_request_exception = False
    method, path, headers = {
        "page": ("get", "/probe/acme/read/", {}),
        "sign-in": ("get", "/accounts/password/change/", {}),
        "redirect": ("get", "/accounts/login/", {}),
        "bad host": ("get", "/probe/acme/read/", {"Host": "evil.example"}),
        "403": ("post", "/probe/acme/write/", {}),
        "404": ("get", "/nowhere/", {}),
        "405": ("delete", "/probe/acme/read/", {}),
        "500": ("get", "/probe/broken/", {}),
        "503": ("get", "/probe/busy/", {}),
        "health": ("get", "/healthz", {}),
        "ready": ("get", "/readyz", {}),
        "slash": ("get", "/accounts/login", {}),
    }[case]
    answer: Answer = getattr(client, method)(path, headers=headers)
    return answer


CASES = {
    "page": 200,
    "sign-in": 200,
    "redirect": 302,
    "bad host": 400,
    "403": 403,
    "404": 404,
    "405": 405,
    "500": 500,
    "503": 503,
    "health": 200,
    "ready": 200,
    "slash": 301,
}


@in_turn("case", CASES)
def test_every_answer_carries_the_headers(bob_client: Client, case: str) -> None:
    response = fetch(bob_client, case)
    assert response.status_code == CASES[case]
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
    policy = dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))
    assert policy == POLICY
    assert re.fullmatch(r"[0-9a-f]{12}", response["X-Request-ID"])
    assert "clipboard-write=(self)" in response["Permissions-Policy"]
    assert "camera=()" in response["Permissions-Policy"]


@in_turn("case", CASES)
def test_no_page_is_stored(bob_client: Client, case: str) -> None:
    kept = fetch(bob_client, case)["Cache-Control"]
    assert "no-store" in kept
    assert "private" in kept


@pytest.mark.parametrize("case", ["page", "sign-in", "403", "404"])
def test_signed_in_answers_vary_by_cookie(bob_client: Client, case: str) -> None:
    assert "Cookie" in fetch(bob_client, case)["Vary"]


@in_turn("path", ["/accounts/login/", "/nowhere/", "/probe/acme/read/"])
def test_strangers_get_the_headers_too(anon_client: Client, path: str) -> None:
    response = anon_client.get(path)
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
    assert "no-store" in response["Cache-Control"]


def test_forwarded_host_is_not_reflected(anon_client: Client) -> None:
    response = anon_client.get("/probe/acme/read/", headers={"X-Forwarded-Host": "evil.example"})
    assert "evil.example" not in str(response.headers) + response.content.decode()


@pytest.mark.parametrize("method", ["get", "head"])
def test_anonymous_htmx_answer_carries_them(anon_client: Client, method: str) -> None:
    response = getattr(anon_client, method)("/probe/acme/read/", headers={"HX-Request": "true"})
    assert response.status_code == 401
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS


def test_static_file_is_kept_for_ever_under_its_hashed_name(db: None, settings: Settings, tmp_path: Path) -> None:
    manifest = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    settings.STATIC_ROOT, settings.STORAGES = tmp_path, settings.STORAGES | {"staticfiles": manifest}
    call_command("collectstatic", verbosity=0, interactive=False)
    response = Client().get(static("css/foundation/base.css"))
    assert response.status_code == 200
    assert {"immutable", "public"} <= set(response["Cache-Control"].split(", "))
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
    assert "'none'" in response["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in response
    response.close()


@pytest.fixture
def production(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True


@pytest.mark.usefixtures("production")
def test_production_answers_demand_https(anon_client: Client) -> None:
    response = anon_client.get("/accounts/login/", **SECURE)
    assert response["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    plain = anon_client.get("/accounts/login/")
    assert (plain.status_code, plain["Location"]) == (301, "https://testserver/accounts/login/")
    assert plain["Content-Security-Policy"]


@pytest.mark.usefixtures("production")
def test_probes_of_the_machine_need_no_https(anon_client: Client) -> None:
    assert anon_client.get("/healthz").status_code == 200


@pytest.mark.usefixtures("production")
def test_production_cookies_are_bound_to_the_host(anon_client: Client, alice: User, team: Team) -> None:
    anon_client.get("/accounts/login/", **SECURE)
    anon_client.post("/accounts/login/", {"login": alice.email, "password": "three-horses-and-a-stapler"}, **SECURE)
    for name in ("__Host-sessionid", "__Host-csrftoken"):
        cookie = anon_client.cookies[name]
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
        assert (cookie["path"], cookie["domain"]) == ("/", "")


@in_turn(
    ("path", "kind", "begins"),
    [
        ("/favicon.ico", "image/x-icon", b"\0\0\1\0"),
        ("/apple-touch-icon.png", "image/png", b"\x89PNG"),
        ("/robots.txt", "text/plain", b"User-agent: *\nDisallow: /\n"),
    ],
)
def test_files_that_nobody_names_are_at_the_root(anon_client: Client, path: str, kind: str, begins: bytes) -> None:
    answer = anon_client.get(path)
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (200, kind)
    assert content.startswith(begins)
    assert len(content) < 10_000
    assert answer["Cache-Control"] == "max-age=60, public"
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert not answer.cookies


def test_password_managers_are_led_to_the_change_of_the_password(anon_client: Client, bob_client: Client) -> None:
    for client in (anon_client, bob_client):
        answer = client.get("/.well-known/change-password")
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/password/change/")
