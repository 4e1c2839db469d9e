import logging
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.db import OperationalError, connections
from django.test import Client
from pytest_django import Settings

from dashboard.http.request_log import LineFormatter
from tests.loops import in_turn

pytestmark = pytest.mark.usefixtures("probes")


@pytest.fixture
def faulty_client(bob_client: Client) -> Client:
    bob_client.raise_request_exception = False
    return bob_client


@pytest.fixture
def log_lines(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Catch what the product's own handler writes, which no log fixture shows as it is."""
    stream = StringIO()
    handler = next(h for h in logging.getLogger().handlers if isinstance(h.formatter, LineFormatter))
    monkeypatch.setattr(handler, "stream", stream)
    return lambda: stream.getvalue().splitlines()


@pytest.fixture
def bare_templates(settings: Settings, tmp_path: Path) -> Path:
    """Leave an empty folder for all templates, in which a test may put a broken one."""
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path], "APP_DIRS": False}]
    return tmp_path


def test_nothing_here_names_the_person_and_offers_another_account(bob_client: Client) -> None:
    response = bob_client.get("/t/nope/snapshots/?q=a%20b")
    assert response.status_code == 404
    assert "bob@example.com" in response.content.decode()
    assert response.context["again_url"] == "/accounts/login/?next=%2Ft%2Fnope%2Fsnapshots%2F%3Fq%3Da%2520b"


def test_nothing_here_for_a_stranger_names_nobody(anon_client: Client) -> None:
    response = anon_client.get("/nowhere/")
    assert response.status_code == 404
    assert "/accounts/login/" in response.content.decode()
    assert "@" not in response.content.decode()


def test_form_without_token_is_told_what_to_do(bob_client: Client) -> None:
    bob_client.handler.enforce_csrf_checks = True
    response = bob_client.post("/probe/acme/write/")
    assert response.status_code == 403
    assert "open too long, or cookies are blocked" in response.content.decode()


def test_fault_page_and_log_line_share_an_id(faulty_client: Client, log_lines: Callable[[], list[str]]) -> None:
    response = faulty_client.get("/probe/broken/")
    assert response.status_code == 500
    fresh = response["X-Request-ID"]
    assert fresh in response.content.decode()
    lines = [line for line in log_lines() if "RuntimeError" in line]
    assert len(lines) == 1
    assert f"[{fresh}]" in lines[0]
    assert "forged\\nline" in lines[0]


def test_fault_page_asks_no_database(faulty_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError("the database is down")

    with monkeypatch.context() as patch:
        patch.setattr(type(connections["default"]), "create_cursor", fail)
        response = faulty_client.get("/probe/no-database/")
    assert response.status_code == 500
    assert "down" not in response.content.decode()
    assert response["Content-Security-Policy"]


@pytest.mark.parametrize("broken", ["", "{% nonsense %}", "{% include 'missing.html' %}"])
def test_fault_page_stands_when_its_template_fails(faulty_client: Client, bare_templates: Path, broken: str) -> None:
    if broken:
        (bare_templates / "500.html").write_text(broken)
    response = faulty_client.get("/probe/broken/")
    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()
    assert response["X-Request-ID"] in response.content.decode()


STATES = ("55P03", "40P01", "40001", "53300", "57P01", "57P03", "57014")


@in_turn("path", ["busy/", "writes-session/", *(f"busy/?state={state}" for state in STATES)])
def test_busy_database_asks_to_try_again(faulty_client: Client, path: str) -> None:
    response = faulty_client.get(f"/probe/{path}")
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert "The dashboard is busy" in response.content.decode()
    assert not re.search("locked|Zeit|Traceback", response.content.decode())


@pytest.mark.parametrize("state", ["58P01", "42P01"])
def test_another_fault_of_the_database_is_no_wait(faulty_client: Client, state: str) -> None:
    assert faulty_client.get(f"/probe/busy/?state={state}").status_code == 500


@in_turn("path", ["/probe/acme/read/", "/", "/accounts/login/"])
def test_foreign_host_header_is_a_bad_request(bob_client: Client, path: str) -> None:
    response = bob_client.get(path, headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "evil" not in response.content.decode()


def test_forged_log_lines_stay_one_line(bob_client: Client, log_lines: Callable[[], list[str]]) -> None:
    bob_client.get("/probe/x%0d%0a2026-01-01T00:00:00.000Z CRITICAL root [x] forged%1b[31m%E2%80%A8%E2%80%AE/")
    found = [line for line in log_lines() if "forged" in line]
    assert len(found) == 1
    assert re.match(r"\S+Z WARNING django.request \[[0-9a-f]{12}\] Not Found: /probe/x\\r\\n2026", found[0])
    assert not re.search(r"[\x00-\x1f\u2028\u202e]", found[0])


def test_one_time_keys_stay_out_of_the_log(anon_client: Client, log_lines: Callable[[], list[str]]) -> None:
    anon_client.delete("/accounts/password/reset/key/1-d0abcd-CANARY5f3a9c71e2/")
    anon_client.delete("/invitation/CANARY5f3a9c71e2/")
    written = "".join(log_lines())
    assert "Method Not Allowed: /accounts/password/reset/key/***/" in written
    assert "Method Not Allowed: /invitation/***/" in written
    assert "CANARY" not in written


def test_urllib3_says_nothing_below_a_warning() -> None:
    assert logging.getLogger("urllib3.connectionpool").getEffectiveLevel() == logging.WARNING
