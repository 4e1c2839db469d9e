"""What goes along with a shared page, and what stays behind in the logs."""

import logging
from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from dashboard.http.headers import SHARED, with_headers
from dashboard.http.request_log import LineFormatter, one_line
from dashboard.teams.access.capabilities import SHARE, capabilities
from tests.authorization.plan import UNOWNED, VIEWS, address
from tests.conftest import Answer
from tests.loops import in_turn
from tests.sharing.conftest import Make, visit

Tell = Callable[..., None]
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
WANTED = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
SECRET = "Zm9yLXRoZS10ZXN0cy1vbmx5LTMyLWJ5dGVzLWxvbmc"
FORGED = {"sessionid": "x" * 32, "csrftoken": "<script>", "messages": "forged"}


def answers(link: str, settings: Settings) -> dict[int, Answer]:
    """One answer of each kind."""
    client = Client(raise_request_exception=False)
    client.cookies.load(FORGED)
    found = [visit(path, client=client) for path in (link, "/s/", f"{link}x")] + [visit(link, method="POST")]
    found += [client.get(link, headers={"Host": "evil.example"})]
    found += [visit("/s/x", address="10.0.0.1") for _ in range(31)]
    settings.SECURE_SSL_REDIRECT = True
    found.append(visit(link))
    return {answer.status_code: answer for answer in found}


def test_every_answer_has_them(make: Make, settings: Settings, figures: Tell) -> None:
    found = answers(make(), settings)
    assert sorted(found) == [200, 301, 400, 404, 405, 429]
    wrong = [
        (status, name)
        for status, answer in found.items()
        for name, value in WANTED.items()
        if answer.get(name) != value
    ]
    figures("shared links", answers_with_right_headers=len(found) - len({status for status, _ in wrong}))
    assert wrong == []
    assert [status for status, answer in found.items() if answer.cookies or "Cookie" in answer.get("Vary", "")] == []


def test_a_fault_has_them_too(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snapshots.sharing.links.find", lambda text: 1 / 0)
    answer = visit(make(), client=Client(raise_request_exception=False))
    assert answer.status_code == 500
    assert {name: answer.get(name) for name in WANTED} == WANTED


@in_turn(("path", "cookies"), [("/s/x", 0), ("/sx", 1)])
def test_no_cookie_gets_out_whoever_sets_it(path: str, cookies: int) -> None:
    def careless(_request: HttpRequest) -> HttpResponse:
        answer = HttpResponse()
        answer.set_cookie("seen", "1")
        return answer

    assert len(with_headers(careless)(RequestFactory().get(path)).cookies) == cookies


def test_every_view_of_the_level_lives_where_they_are_set() -> None:
    shared = [name for name, levels in capabilities().items() if SHARE in levels.values()]
    assert shared == ["snapshots:feed", "snapshots:share"]
    assert all(address(name, UNOWNED).startswith(SHARED) for name in shared if name in VIEWS)


LINES = {
    f'127.0.0.1 "GET /s/abcDEF-_1234.{SECRET} HTTP/1.1" 200': '127.0.0.1 "GET /s/abcDEF-_1234.*** HTTP/1.1" 200',
    f"Not Found: /s/abcDEF-_1234.{SECRET}": "Not Found: /s/abcDEF-_1234.***",
    f"Not Found: /s/{SECRET}": "Not Found: /s/***",
    f"Not Found: /s/{SECRET}.abcDEF-_1234": "Not Found: /s/***",
    f"Not Found: //s/abc.{SECRET}": "Not Found: //s/abc.***",
    f"Not Found: /S/abc.{SECRET}": "Not Found: /S/abc.***",
    f"https://host/s/abc.{SECRET}?x={SECRET} there": "https://host/s/abc.***",
    f'"GET /s/abc. {SECRET} {SECRET} HTTP/1.1" 404': '"GET /s/abc.*** HTTP/1.1" 404',
    f'"GET /s/abc.\\"{SECRET} HTTP/2" 404': '"GET /s/abc.*** HTTP/2" 404',
    f"/s/abc.\n{SECRET}": "/s/abc.***",
    'File "/home/s/code.py", line 3, in find': 'File "/home/s/code.py", line 3, in find',
    "/settings/ /static/s.css": "/settings/ /static/s.css",
}


@in_turn("line", LINES)
def test_a_line_keeps_the_public_part_alone(line: str) -> None:
    assert one_line(line) == LINES[line]


def test_no_line_and_no_report_of_a_fault_holds_the_secret(
    make: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, figures: Tell
) -> None:
    link = make()
    public, _dot, secret = link.partition(".")
    with caplog.at_level(logging.DEBUG):
        for path in (link, f"{link}/", f"{link} ", f"{link}?x"):
            visit(path)
        monkeypatch.setattr("snapshots.sharing.links.find", lambda text: 1 / 0)
        visit(link, client=Client(raise_request_exception=False))
    lines = [LineFormatter().format(record) for record in caplog.records]
    figures("shared links", log_lines=len(lines), secrets_in_logs=sum(secret in line for line in lines))
    assert [line for line in lines if secret in line] == []
    assert any(f"Internal Server Error: {public}.***" in line for line in lines)
