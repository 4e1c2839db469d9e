"""The worker sends alerts beside its rounds, and a single round once: a receiver that hangs delays no sync."""

import os
import signal
import sqlite3
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from dashboard.secrets import Secret, seal_webhook_secret
from dashboard.teams.models import Team
from snapshots.models import Channel, Delivery
from snapshots.simulator.server import Simulator
from tests.alerts.conftest import SECRET, authority, receiver
from tests.alerts.receiver import HOST, Receiver
from tests.alerts.test_webhook import document
from tests.management.programs import running, until
from tests.management.steps import run
from tests.management.test_sync_every import EVERY, ends_at_once, env, made, provider
from tests.waiting import SECONDS

__all__ = ["authority", "env", "made", "provider", "receiver"]


def later(**span: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(**span), tick=False)


def test_a_round_stores_announces_and_sends(acme: Simulator, receiver: Receiver) -> None:
    team = Team.objects.get()
    sealed = seal_webhook_secret(Secret(SECRET), team_pk=team.pk)
    Channel.objects.create(team=team, type="webhook", url=receiver.url, sealed=sealed)
    assert run("sync_snapshots").status == 0
    with later(days=40):
        assert run("sync_snapshots", "--force").status == 0
        with later(minutes=2):
            assert run("sync_snapshots", "--force").status == 0
    events = [document(got)["event"] for got in receiver.got]
    assert set(events) == {"problems.began"}
    assert Delivery.objects.filter(outcome="sent").count() == len(events)


def queue(file: str, receiver: Receiver) -> None:
    """Write a channel with a test into the database of another process."""
    now = timezone.now()
    sealed = seal_webhook_secret(Secret(SECRET), team_pk=1)
    channel = {"id": 1, "team_id": 1, "type": "webhook", "name": "pager", "url": receiver.url, "sealed": sealed}
    channel |= {"made_at": now.isoformat(" "), "is_given_up": 0, "failure": ""}
    delivery = {"channel_id": 1, "message_id": uuid4().hex, "key": "test-1", "event": "test", "content": "{}"}
    delivery |= {"made_at": now.isoformat(" "), "due_at": now.isoformat(" "), "tries": 0, "fence": 0, "outcome": ""}
    with closing(sqlite3.connect(file)) as database:
        for table, row in (("channel", channel), ("delivery", delivery)):
            places = ", ".join(f":{name}" for name in row)
            database.execute(f"INSERT INTO snapshots_{table} ({', '.join(row)}) VALUES ({places})", row)
        database.commit()


@pytest.mark.defaults
def test_a_receiver_that_hangs_delays_no_round(
    env: dict[str, str], tmp_path: Path, provider: Simulator, receiver: Receiver, settings: Settings
) -> None:
    answer = Event()

    def hang(handler: BaseHTTPRequestHandler) -> bool:
        answer.wait(SECONDS)
        return False

    receiver.answer = hang
    settings.API_KEY_ENCRYPTION_KEYS = [env["API_KEY_ENCRYPTION_KEYS"]]
    queue(file := env["DATABASE_URL"].removeprefix("sqlite:///"), receiver)
    allowed = {"ALERT_PRIVATE_HOSTS": HOST, "SSL_CERT_FILE": os.environ["SSL_CERT_FILE"]}
    with running(*EVERY, env=env | allowed, folder=tmp_path) as sync:
        until(lambda: bool(receiver.got), seconds=20, what="the message")
        sync.until_it_says("compute-qc/prod  +24 new")
        assert not answer.is_set()
        answer.set()
        until(lambda: outcome(file) == "sent", what="the result")
        assert ends_at_once(sync, signal.SIGTERM)


def outcome(file: str) -> str:
    with closing(sqlite3.connect(file)) as database:
        return str(database.execute("SELECT outcome FROM snapshots_delivery").fetchone()[0])
