"""Senders killed at any moment: each message arrives, and with one id, however often."""

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from random import Random
from threading import Event

import pytest
import time_machine
from django.db import connection

from dashboard.teams.models import Team
from snapshots.models import Channel, Environment
from tests.alerts.receiver import Receiver
from tests.alerts.test_deliver import told
from tests.faults.figures import LINES
from tests.started import Started
from tests.waiting import SECONDS, within

MESSAGES = 5
AFTER_LEASE = 200

pytestmark = [pytest.mark.django_db, pytest.mark.defaults]


@pytest.fixture
def clock() -> None:
    """The processes have their own clock."""


@pytest.fixture
def waiting(team: Team, hook: Channel) -> bytes:
    """A database with messages that wait."""
    Environment.objects.create(team=team, service_code="compute-on", name="prod")
    with time_machine.travel(0, tick=False):
        for _ in range(MESSAGES):
            told(hook)
    serialized: bytes = connection.connection.serialize()
    return serialized


def sender(file: Path, *options: object) -> Started:
    variables = os.environ | {"DATABASE_URL": f"sqlite:///{file}", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    return Started("-m", "tests.alerts.sender", *map(str, options), env=variables)


def rows(file: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as database:
        return database.execute(sql).fetchall()


def killed_at_a_statement(file: Path, receiver: Receiver, chance: Random, statements: int) -> None:
    process = sender(file, "--stop-at", chance.randint(1, statements))
    assert within(process.stdout.readline, what="the sender") == "stopped\n"
    process.kill()
    assert process.wait(SECONDS) == -9


def killed_before_its_answer(file: Path, receiver: Receiver, chance: Random, statements: int) -> None:
    """The receiver has the message, and the sender never learns of it."""
    last = chance.randint(1, MESSAGES)

    def kill(handler: BaseHTTPRequestHandler) -> bool:
        if len(receiver.got) == last:
            os.kill(process.pid, signal.SIGKILL)
            dead.wait(SECONDS)
        return False

    dead, receiver.answer = Event(), kill
    process = sender(file)
    assert process.wait(SECONDS) == -9
    dead.set()
    receiver.answer = lambda handler: False


@pytest.mark.parametrize("deaths", [2, pytest.param(50, marks=pytest.mark.proof)])
def test_killed_at_any_moment_no_message_is_lost_or_gets_a_second_id(
    waiting: bytes,
    receiver: Receiver,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    deaths: int,
) -> None:
    chance, again = Random(20261201), Counter[str]()
    file = tmp_path / "whole.sqlite3"
    file.write_bytes(waiting)
    statements, sent = map(int, sender(file).communicate(SECONDS).split())
    assert (sent, len(set(receiver.ids))) == (MESSAGES, MESSAGES)
    for turn in range(deaths):
        receiver.got.clear()
        file = tmp_path / f"{turn}.sqlite3"
        file.write_bytes(waiting)
        (killed_at_a_statement, killed_before_its_answer)[turn % 2](file, receiver, chance, statements)
        sender(file, "--later", AFTER_LEASE).communicate(SECONDS)
        assert rows(file, "PRAGMA integrity_check") == [("ok",)]
        wanted = {str(row[0]) for row in rows(file, "SELECT message_id FROM snapshots_delivery WHERE outcome = 'sent'")}
        received = Counter(each.replace("-", "") for each in receiver.ids)
        assert (len(wanted), wanted) == (MESSAGES, set(received))
        assert len({(got.headers["Snapshots-Id"], got.body) for got in receiver.got}) == MESSAGES
        # Only the one on its way comes again.
        assert received.total() - MESSAGES in (0, 1)
        again["sent again with its id"] += received.total() - MESSAGES
    record_property(LINES, [f"Senders killed {deaths}: lost 0, second ids 0, {dict(again)}"])
    assert again.total() > 0


def test_two_senders_send_each_message_once(waiting: bytes, receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "shared.sqlite3"
    file.write_bytes(waiting)
    both = [sender(file), sender(file)]
    sent = [int(each.communicate(SECONDS).split()[1]) for each in both]
    assert (sum(sent), len(receiver.got), len(set(receiver.ids))) == (MESSAGES, MESSAGES, MESSAGES)
