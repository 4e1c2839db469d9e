import pytest
from django.core.cache.backends.db import DatabaseCache
from django.db import OperationalError, connection
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

ALL_WELL = {"database": True, "migrations": True, "cache": True}


def fail(*args: object, **kwargs: object) -> None:
    raise OperationalError("no such host: db.internal")


def test_alive_asks_neither_database_nor_session(client: Client) -> None:
    client.cookies["sessionid"] = "x" * 32
    response = client.get("/healthz")  # without the db fixture, a query would fail the test
    assert (response.status_code, response.content, response.cookies) == (200, b"ok", {})


@pytest.mark.django_db
def test_ready_when_all_is_well(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json(), response.cookies) == (200, ALL_WELL, {})


@pytest.mark.django_db
def test_not_ready_before_migrations_are_applied(client: Client) -> None:
    MigrationRecorder(connection).record_unapplied("teams", "0002_cache_table")
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, ALL_WELL | {"migrations": False})


@pytest.mark.django_db
def test_not_ready_while_the_database_is_down(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DatabaseWrapper, "create_cursor", fail)
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, dict.fromkeys(ALL_WELL, False))
    assert client.get("/healthz").status_code == 200


@pytest.mark.django_db
def test_not_ready_while_the_cache_is_down(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DatabaseCache, "get", fail)
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, ALL_WELL | {"cache": False})
