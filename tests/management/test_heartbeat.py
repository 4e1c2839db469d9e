"""`HEARTBEAT_URL` is called after each good round, and appears in no log."""

import logging
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from pytest_django import Settings

from snapshots.management.heartbeat import Heartbeat
from snapshots.simulator.server import Simulator
from tests.alerts.conftest import authority, receiver
from tests.alerts.receiver import HOST, Receiver
from tests.faults.certificates import Authority
from tests.management.programs import running, until
from tests.management.steps import run
from tests.management.test_sync_every import EVERY, env, made, provider

__all__ = ["authority", "env", "made", "provider", "receiver"]


def test_the_worker_calls_it_after_a_round_also_if_the_provider_is_down(
    env: dict[str, str], tmp_path: Path, provider: Simulator, receiver: Receiver, authority: Authority
) -> None:
    provider.fault(status=503)
    theirs = {"HEARTBEAT_URL": receiver.url, "ALERT_PRIVATE_HOSTS": HOST, "SSL_CERT_FILE": str(authority.path)}
    with running(*EVERY, env=env | theirs, folder=tmp_path) as sync:
        until(lambda: bool(receiver.got), what="a call")
        assert (receiver.got[0].path, receiver.got[0].body) == ("/hook?team=1", b"")
        assert receiver.url not in sync.output


def test_a_failure_is_logged_once_in_a_row_without_the_address(
    receiver: Receiver, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.HEARTBEAT_URL, heartbeat = receiver.url, Heartbeat()

    def refuse(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_error(500)
        return True

    def beat() -> int:
        heartbeat.beat()
        assert heartbeat._thread is not None
        heartbeat._thread.join(10)
        assert receiver.url not in caplog.text
        return sum(record.levelno == logging.WARNING for record in caplog.records)

    receiver.answer = refuse
    assert [beat(), beat()] == [1, 1]
    receiver.answer = lambda handler: False
    beat()
    receiver.answer = refuse
    assert beat() == 2


def test_an_address_that_cannot_be_called_is_refused_before_the_first_round(settings: Settings, db: None) -> None:
    settings.HEARTBEAT_URL = "http://hc-ping.com/secret-uuid"
    ran = run("sync_snapshots", "--every", "10")
    assert ran.status == 2
    assert "HEARTBEAT_URL" in ran.err
    assert "secret-uuid" not in ran.err + ran.out
