"""Requests of nobody to every address, with cookies and addresses made up, leave nothing behind."""

from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from itertools import cycle, product

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from tests.authorization.conftest import House, house
from tests.authorization.plan import TEAMS, VIEWS
from tests.authorization.rows import all_rows, changed
from tests.dashboard.teams.next_values import NEXT_VALUES

__all__ = ["house"]
Tell = Callable[..., None]
Try = tuple[str, str, str, dict[str, str]]
METHODS = ("GET", "HEAD", "POST")
FORGED = (
    {"sessionid": "forged0forged0forged0forged0forg", "csrftoken": "x" * 32},
    {"sessionid": "", "csrftoken": "a" * 64},
    {"sessionid": "../../etc/passwd", "csrftoken": "<script>"},
    {"sessionid": "nul%00byte" * 20, "messages": 'W1sibXNnIiwwLDIwLCJ4Il1d:forged:signature"'},
    {"sessionid": "k" * 4_000, "csrftoken": ""},
    {"sessionid": "chosenbyanother0chosenbyanother0", "csrftoken": "0" * 32, "next": "//evil.example/"},
    {"__Host-sessionid": "forged0forged0forged0forged0forg", "theme": "\u00e9"},
)


def tries(house: House) -> Iterator[Try]:
    """Every address with every method, each time with other cookies and another `next`."""
    addresses = sorted({house.address(view, team) for view in VIEWS for team in TEAMS})
    values, cookies = cycle(NEXT_VALUES), cycle(FORGED)
    for url, method in product(addresses, METHODS):
        yield url, method, next(values), next(cookies)


@pytest.mark.proof
def test_nobody_leaves_a_row(house: House, figures: Tell) -> None:
    before, sessions = all_rows(but=("cache_entries",)), Session.objects.count()
    client, failed, asked = Client(raise_request_exception=False), 0, list(tries(house))
    for url, method, value, cookies in asked:
        client.cookies = SimpleCookie(cookies)
        given = {"next": value, "csrfmiddlewaretoken": "x" * 32}
        answer = client.post(url, given) if method == "POST" else getattr(client, method.lower())(url, {"next": value})
        failed += answer.status_code >= 500
    left = Session.objects.count() - sessions
    figures("anonymous", requests=len(asked), session_rows=left, answers_of_500=failed)
    assert (left, failed, len(asked) > 400) == (0, 0, True)
    assert changed(before, all_rows(but=("cache_entries",))) == []
