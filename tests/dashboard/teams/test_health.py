from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import caches
from django.db import OperationalError, connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from snapshots.models.chore import note_round
from tests.settings import ON_REDIS

ALL_WELL = {"database": True, "migrations": True, "cache": True, "sync": True}


def fail(*args: object, **kwargs: object) -> None:
    raise OperationalError("no such host: db.internal")


def test_alive_asks_neither_database_nor_session(client: Client) -> None:
    client.cookies["sessionid"] = "x" * 32
    response = client.get("/healthz")  # without the db fixture, a query would fail the test
    assert (response.status_code, response.content, response.cookies) == (200, b"ok", {})


@pytest.mark.both_databases
@pytest.mark.django_db
def test_ready_when_all_is_well(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json(), response.cookies) == (200, ALL_WELL, {})


@pytest.mark.both_databases
@pytest.mark.django_db
def test_not_ready_before_migrations_are_applied(client: Client) -> None:
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("teams")
    MigrationRecorder(connection).record_unapplied(*newest)
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, ALL_WELL | {"migrations": False, "sync": False})


@pytest.mark.both_databases
@pytest.mark.django_db
def test_not_ready_while_the_database_is_down(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(connections["default"]), "create_cursor", fail)
    response = client.get("/readyz")
    # A cache in the database goes with it; Redis does not.
    down = dict.fromkeys(ALL_WELL, False) | {"cache": ON_REDIS}
    assert (response.status_code, response.json()) == (503, down)
    assert client.get("/healthz").status_code == 200


@pytest.mark.both_databases
@pytest.mark.django_db
def test_not_ready_while_the_cache_is_down(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(caches["default"]), "get", fail)
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, ALL_WELL | {"cache": False})


@pytest.mark.both_databases
@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "runs"), [(179, True), (180, False)])
def test_three_missed_rounds_are_shown_and_take_no_page_out_of_service(
    client: Client, seconds: int, runs: bool
) -> None:
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    note_round(now, timedelta(seconds=60))
    with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
        response = client.get("/readyz")
    assert (response.status_code, response.json()["sync"]) == (200, runs)
