"""A key entered, tried or saved is in no page, cookie, session, log line or byte of the database."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, RequestFactory
from django.views.debug import ExceptionReporter

from dashboard.secrets import KeyUnreadable
from dashboard.teams.models import PendingKey, Team, User
from snapshots.setup import pending_keys
from snapshots.simulator.server import Simulator
from snapshots.views.settings import key as settings_key
from tests.views.settings.steps import (
    KEY_PAGE,
    OLD_KEY,
    PARTLY_KEY,
    STRANGE_KEY,
    WORKING_KEY,
    enter,
    save,
    stored,
    verdict,
)
from tests.views.snapshots.test_canary import all_of

ENTERED = (OLD_KEY, WORKING_KEY, PARTLY_KEY, STRANGE_KEY)
FAULTS: list[dict[str, object]] = [
    {"status": 500, "body": f"your key {WORKING_KEY} is wrong"},
    {"status": 400, "body": f'{{"errors": [{{"code": "{WORKING_KEY}", "message": "{WORKING_KEY}"}}]}}'},
    {"html": True},
    {"reset": True},
    {"redirect": "http://127.0.0.1:9/"},
]


def leaks(content: bytes) -> list[str]:
    """Every key with sixteen characters in the text, forwards, backwards or in hex."""
    spellings = {key: (key[:16].encode(), key[:16][::-1].encode(), key[:16].encode().hex().encode()) for key in ENTERED}
    return [key for key, ways in spellings.items() if any(way in content for way in ways)]


def tour(client: Client, sim: Simulator, clock: time_machine.Traveller) -> Iterator[bytes]:
    for key in ENTERED:
        page = enter(client, key)
        yield all_of(page)
        if verdict(page) == "works":
            yield all_of(save(client, page))
    yield all_of(client.post(KEY_PAGE, {"key": f"{WORKING_KEY} ", "whose": "x" * 101}))
    for fault in FAULTS:
        clock.shift(61)
        sim.clear_faults()
        sim.fault(**fault)
        yield all_of(enter(client, WORKING_KEY))
    clock.shift(61)
    sim.clear_faults()
    yield all_of(enter(client, WORKING_KEY))
    yield all_of(client.get("/nothing/"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("old_key")
@pytest.mark.defaults  # it reads the bytes of a SQLite database
def test_the_key_is_nowhere(
    alice_client: Client, sim: Simulator, clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture, team: Team
) -> None:
    with caplog.at_level(logging.DEBUG):
        pages = list(tour(alice_client, sim, clock))
    assert len(pages) == 15
    assert [leaks(page) for page in pages if leaks(page)] == []
    assert (leaks(caplog.text.encode()), bool(caplog.records)) == ([], True)
    assert [leaks(str(session.get_decoded()).encode()) for session in Session.objects.all()] == [[]]
    assert (bool(stored(team)), leaks(connection.connection.serialize())) == (True, [])
    assert {call.headers["MC-Api-Key"] for call in sim.requests} == set(ENTERED)


@pytest.mark.usefixtures("old_key", "sim")
def test_one_that_waits_is_sealed_for_its_team(alice_client: Client, rival: Team) -> None:
    enter(alice_client, WORKING_KEY)
    pending = PendingKey.objects.get()
    assert pending.open().reveal() == WORKING_KEY
    pending.team = rival
    with pytest.raises(KeyUnreadable):
        pending.open()


def test_an_error_report_does_not_hold_the_entered_key(
    alice: User, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    request: Any = RequestFactory().post(KEY_PAGE, {"key": WORKING_KEY})
    request.team, request.user = team, alice
    monkeypatch.setattr(pending_keys, "try_key", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError) as failed:
        settings_key.key(request, team="acme")
    reporter = ExceptionReporter(request, failed.type, failed.value, failed.tb)
    text = reporter.get_traceback_text() + reporter.get_traceback_html()
    assert (leaks(text.encode()), "ZeroDivisionError" in text) == ([], True)


def test_a_leak_would_be_found() -> None:
    assert leaks(b"x" + WORKING_KEY.encode()) == leaks(WORKING_KEY[::-1].encode()) == [WORKING_KEY]
    assert leaks(b"nothing") == []
