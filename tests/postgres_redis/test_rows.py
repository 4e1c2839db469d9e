"""What PostgreSQL does otherwise than SQLite: locks, waits, characters; and what it may not hold."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from redis import Redis

from dashboard.teams.first_run.setup_link import new_address
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.sync import leases
from snapshots.sync.leases import Caller, Claim
from tests.conftest import PASSWORD
from tests.views.snapshots.conftest import (
    LIST,
    OTHER_PATH,
    Fill,
    claimed,
    clock,
    environment,
    fill,
    key,
    other,
    record,
    sim,
)
from tests.views.snapshots.test_canary import found_in, tour
from tests.waiting import SECONDS, together

__all__ = ["clock", "environment", "fill", "key", "other", "sim"]
pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@contextmanager
def another_connection() -> Iterator[psycopg.Connection]:
    """A transaction of somebody else's on the same rows."""
    with closing(psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor})) as held:
        yield held


def lock(held: psycopg.Connection, environment: Environment) -> None:
    held.execute("SELECT 1 FROM snapshots_environment WHERE id = %s FOR UPDATE", [environment.pk])


@pytest.fixture
def impatient() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")  # the connection goes back to the pool
    connection.close()


def test_it_is_postgresql_through_a_pool_with_patience(environment: Environment) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout'), current_setting('TimeZone')")
        assert (connection.vendor, *cursor.fetchone()) == ("postgresql", "20s", "UTC")
    postgresql: Any = connection
    assert postgresql.pool.max_size == 16


def ask(barrier: Barrier | None = None) -> None:
    """Ask as a request does: connect, and give the connection back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        if barrier:
            barrier.wait(SECONDS)
    connection.close()


def test_connections_that_died_are_replaced_before_anybody_meets_them(db: None) -> None:
    together([partial(ask, Barrier(4))] * 4, what="four connections at once")
    connection.close()
    with another_connection() as held:
        ended = held.execute(TERMINATE).fetchall()
    assert len(ended) >= 4
    for _ in range(8):
        ask()


@pytest.mark.usefixtures("impatient")
def test_environments_of_a_team_do_not_wait_for_each_other(environment: Environment, other: Environment) -> None:
    with another_connection() as held:
        lock(held, environment)
        held.execute("SELECT 1 FROM teams_team FOR KEY SHARE")
        assert isinstance(leases.claim(other, caller=Caller.FORCE), Claim)
        with pytest.raises(OperationalError, match="lock timeout"):
            leases.claim(environment, caller=Caller.FORCE)


@pytest.mark.usefixtures("impatient")
def test_a_busy_row_asks_to_try_again(alice_client: Client) -> None:
    alice_client.raise_request_exception = False
    with another_connection() as held:
        held.execute("SELECT 1 FROM teams_team FOR UPDATE")
        response = alice_client.post("/t/acme/settings/people/", {"email": "dora@example.com", "role": "admin"})
    assert (response.status_code, response["Retry-After"]) == (503, "2")


@pytest.mark.usefixtures("impatient", "sim")
def test_a_refresh_of_a_busy_row_is_answered_with_the_page(alice_client: Client, environment: Environment) -> None:
    with another_connection() as held, CaptureQueriesContext(connection) as log:
        lock(held, environment)
        response = alice_client.post(f"{LIST}refresh/", follow=True)
    assert (response.status_code, len(response.context["messages"])) == (200, 1)
    # After one wait in vain the fault is stored only if the row is free.
    locking = [query["sql"] for query in log if "FOR NO KEY UPDATE" in query["sql"]]
    assert ["SKIP LOCKED" in sql for sql in locking[-1:]] == [True]


@pytest.mark.usefixtures("impatient")
def test_a_busy_set_up_asks_to_try_again(client: Client) -> None:
    client.raise_request_exception = False
    path = (new_address() or "").removeprefix(settings.SITE_URL)
    form = {"email": "dora@example.com", "name": "", "password": PASSWORD, "team_name": "Acme", "slug": ""}
    with another_connection() as held:
        held.execute("SELECT 1 FROM teams_setuplink FOR UPDATE")
        response = client.post(path, form)
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert client.post(path, form)["Location"] == "/t/acme/"


@pytest.mark.usefixtures("impatient")
def test_a_session_that_is_held_asks_to_try_again(alice_client: Client) -> None:
    alice_client.raise_request_exception = False
    form = {"oldpassword": PASSWORD, "password1": "seven-lamps-on-the-shore", "password2": "seven-lamps-on-the-shore"}
    with another_connection() as held:
        held.execute("SELECT 1 FROM django_session FOR UPDATE")
        response = alice_client.post("/accounts/password/change/", form)
    assert (response.status_code, response["Retry-After"]) == (503, "2")


def test_names_of_any_script_are_kept_searched_and_sorted(alice_client: Client, fill: Fill) -> None:
    names = ["zürich", "Ürümqi", "ab\u0301c", "名前", "😀", "a%b_c'\"\\"]
    fill([record(number, name=name) for number, name in enumerate(names)])
    page = alice_client.get(f"{LIST}?sort=name").content.decode()
    places = [page.index(name) for name in sorted(names[:5])]
    assert places == sorted(places)
    assert "zürich" in alice_client.get(f"{LIST}?q=ZÜRICH").content.decode()


@pytest.mark.parametrize("cookie", ["\0" * 32, "a\0" * 20, "\xff" * 32, "x" * 5000])
def test_a_forged_cookie_is_nobody(client: Client, environment: Environment, cookie: str) -> None:
    client.cookies["sessionid"] = cookie
    assert client.get(LIST).status_code == 302


def test_a_nul_in_a_parameter_is_no_fault(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    for query in ("q=%00", "state=%00", "environment=%00", "volume_q=a%00", "volume_id=%00"):
        assert alice_client.get(f"{LIST}?{query}").status_code == 200
    login = alice_client.post("/accounts/login/", {"login": "a\0@example.com", "password": "a\0"})
    assert login.status_code in (200, 302)


def test_a_write_that_is_refused_midway_leaves_nothing(environment: Environment) -> None:
    held = claimed(environment)
    with pytest.raises(leases.Late):
        overtaken_while_writing(held)
    environment.refresh_from_db()
    assert environment.fence == held.fence


@pytest.mark.usefixtures("environment", "other")
def test_the_key_is_in_neither_service(alice_client: Client, sim: Simulator) -> None:
    for _page in tour(alice_client, sim):
        pass
    rows = "".join(table_text(table) for table in connection.introspection.table_names())
    assert OTHER_PATH.split("/")[0] in rows
    assert found_in(rows.encode()) == []
    values = redis_bytes()
    assert (b"table" in values, found_in(values)) == (True, [])


@transaction.atomic
def overtaken_while_writing(held: Claim) -> None:
    environment = leases.locked_for_write(held)
    Environment.objects.filter(pk=environment.pk).update(fence=held.fence + 1)
    leases.locked_for_write(held)


def table_text(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT t::text FROM {connection.ops.quote_name(table)} t")
        return "".join(text for (text,) in cursor)


def redis_bytes() -> bytes:
    cache: Any = caches["default"]
    server = Redis.from_url(str(cache._servers[0]))
    return b"".join(name + _value(server, name) for name in server.scan_iter())


def _value(server: Any, name: bytes) -> bytes:
    """Limits are sorted sets, all else is bytes."""
    if server.type(name) == b"zset":
        return b"".join(server.zrange(name, 0, -1))
    return bytes(server.get(name) or b"")


@pytest.mark.proof  # forth they go before each run, in .ci/services
def test_migrations_go_back_and_forth() -> None:
    for place in ("zero", None):
        call_command("migrate", "snapshots", *([place] if place else []), verbosity=0)
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
