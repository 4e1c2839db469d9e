"""The people of every test: alice leads the team, bob belongs to it, charlie is a stranger with a team of his own."""

import gc
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib.auth import login
from django.core.cache import caches
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client

from dashboard import limits
from dashboard.backends import redis_cache as dashboard_caches
from dashboard.backends.sessions import SessionStore
from dashboard.teams.core.create_account import create_account
from dashboard.teams.models import Membership, Role, Team, User
from snapshots.sharing import usage
from tests import prepared
from tests.settings import ON_REDIS

# What a test client returns; it has a class of its own in the stubs only.
if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

    Answer = _MonkeyPatchedWSGIResponse
else:
    Answer = HttpResponse

# The files that take longest, which begin first: else one process works on the last of them while the others wait.
LONGEST = """
browser/test_widths browser/test_tour browser/test_setup browser/test_weather browser/test_exports browser/test_changes
browser/test_alerts browser/test_hostile browser/test_volumes browser/test_acts browser/test_leftovers
management/test_demo authorization/test_nasty authorization/test_table views/leftovers/test_page
views/volumes/home/test_whole_page management/test_serve api/live/test_schema authorization/test_html
alerts/test_deaths postgres_redis/test_rows sync/test_races faults/test_deaths management/test_sync_every
authorization/test_foreign authorization/test_buttons views/changes/test_page views/snapshots/test_hostile
lists/test_words_migration verdicts/test_histories lists/test_same_rows sync/test_first_list policy/test_undo
management/test_deliveries cloudca/test_waits lists/test_libreoffice lists/test_excel_in_libreoffice api/test_size
"""
PASSWORD = "three-horses-and-a-stapler"
FIGURES = "figures"
# On a busy machine Redis may be slow to answer, and a test is not about that; tests/postgres_redis/test_redis.py is.
ANSWER_SECONDS, dashboard_caches.ANSWER_SECONDS = dashboard_caches.ANSWER_SECONDS, 10.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--proof", action="store_true", help="run the long tests too, which have the marker proof")
    parser.addoption("--pictures", action="store_true", help="take pictures of the pages that Chromium shows")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Deselect the long tests, as pytest's last line says, and begin with the files that take longest."""
    for item in items:
        twice = item.get_closest_marker("both_databases")
        if item.get_closest_marker("tools") or (twice and twice.kwargs.get("proof") and connection.vendor != "sqlite"):
            item.add_marker("proof")
    _leave_few(items)
    yield  # to the folders' own marks, to the choice by -m, and to the order of pytest-django
    long = [] if config.getoption("proof") else [item for item in items if item.get_closest_marker("proof")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("proof")]
    turns = {f"tests/{name}.py": turn for turn, name in enumerate(LONGEST.split())}
    items.sort(key=lambda item: turns.get(item.nodeid.partition("::")[0], len(turns)))


def _leave_few(items: list[pytest.Item]) -> None:
    """Mark all but a few cases of a test as long; those that stay are spread evenly over them."""
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("few"):
            cases[item.nodeid.partition("[")[0]].append(item)
    for found in cases.values():
        few = next(mark.args[0] for mark in found[0].iter_markers("few"))
        stay = {place * len(found) // few for place in range(few)}
        for place, item in enumerate(found):
            if place not in stay:
                item.add_marker("proof")


def pytest_collection_finish() -> None:
    """Let the collector of garbage not look again and again through what was loaded, which stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file that is as new, to be copied."""
    return prepared.made(tmp_path_factory)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    request: pytest.FixtureRequest, django_db_modify_db_settings_parallel_suffix: None
) -> Iterator[None]:
    """Begin with a copy of the prepared database, where the tests' own is one in memory."""
    if connection.vendor != "sqlite":
        yield
        return
    with prepared.in_memory(request.getfixturevalue("migrated")):
        yield


@pytest.fixture(autouse=True)
def empty_caches(request: pytest.FixtureRequest) -> None:
    caches["fragments"].clear()
    limits._ahead.clear()
    if request.node.get_closest_marker("django_db") or "db" in request.fixturenames:
        request.getfixturevalue("db")
        _empty_shared_cache()


def _empty_shared_cache() -> None:
    """Empty Redis itself with patience: on a busy machine it may have been passed over."""
    if ON_REDIS:
        dashboard_caches._resting_until.clear()
        with redis.Redis.from_url(str(settings.CACHES["default"]["LOCATION"]), socket_timeout=10) as server:
            server.flushdb()
        caches["default_stand_in"].clear()
    caches["default"].clear()


def cached_in_process() -> dict[str, bytes]:
    """Give what the cache in the process holds, by its keys, which no public way lists."""
    cache: Any = caches["fragments"]
    cached: dict[str, bytes] = cache._cache
    return cached


@pytest.fixture(autouse=True)
def nothing_pending() -> Iterator[None]:
    """Forget the uses of shared links that were counted: no timer may write them into another test's database."""
    yield
    usage.pending.take()


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Keep numbers, or words, that a test has found: added up under their name they end the run's report."""

    def figures(name: str, **found: int | str) -> None:
        record_property(FIGURES, [name, found])

    return figures


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    kept: dict[str, dict[str, int | str]] = defaultdict(dict)
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, found in (value for key, value in report.user_properties if key == FIGURES):
            for what, number in found.items():
                before = kept[name].get(what)
                kept[name][what] = number if before is None else before + number
    for name, found in kept.items():
        told = ", ".join(f"{what.replace('_', ' ')}: {number}" for what, number in found.items())
        terminalreporter.write_line(f"{name}: {told}")


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(slug="acme", name="Acme Platform")


@pytest.fixture
def rival(db: None) -> Team:
    return Team.objects.create(slug="rival", name="Rival Works")


@pytest.fixture
def alice(team: Team) -> User:
    return _member("alice@example.com", team, Role.ADMIN)


@pytest.fixture
def bob(team: Team) -> User:
    return _member("bob@example.com", team, Role.VIEWER)


@pytest.fixture
def charlie(rival: Team) -> User:
    return _member("charlie@example.com", rival, Role.ADMIN)


@pytest.fixture
def client_for() -> Callable[[User], Client]:
    return sign_in_client


@pytest.fixture
def alice_client(alice: User) -> Client:
    return sign_in_client(alice)


@pytest.fixture
def bob_client(bob: User) -> Client:
    return sign_in_client(bob)


@pytest.fixture
def charlie_client(charlie: User) -> Client:
    return sign_in_client(charlie)


@pytest.fixture
def anon_client(db: None) -> Client:
    return Client()


def _member(email: str, team: Team, role: Role) -> User:
    user = create_account(email, PASSWORD)
    Membership.objects.create(team=team, user=user, role=role)
    return user


def sign_in_client(user: User) -> Client:
    """Give a browser in which the person has just signed in with the password."""
    client, request = Client(), HttpRequest()
    request.session = SessionStore()  # as `force_login` does, which writes twice as often
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    record_authentication(request, user, method="password")
    request.session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(request.session.session_key)
    return client
