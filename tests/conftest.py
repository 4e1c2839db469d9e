"""The people of every test: alice leads the team, bob belongs to it, charlie is a stranger with a team of his own."""

from collections.abc import Callable

import pytest
from allauth.account.internal.flows.login import record_authentication
from django.core.cache import caches
from django.http import HttpRequest
from django.test import Client

from dashboard.teams.accounts import create_account
from dashboard.teams.models import Membership, Role, Team, User

PASSWORD = "three-horses-and-a-stapler"


@pytest.fixture(autouse=True)
def empty_caches(request: pytest.FixtureRequest) -> None:
    caches["fragments"].clear()
    if request.node.get_closest_marker("django_db") or "db" in request.fixturenames:
        request.getfixturevalue("db")
        caches["default"].clear()


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
    return _client_for


@pytest.fixture
def alice_client(alice: User) -> Client:
    return _client_for(alice)


@pytest.fixture
def bob_client(bob: User) -> Client:
    return _client_for(bob)


@pytest.fixture
def charlie_client(charlie: User) -> Client:
    return _client_for(charlie)


@pytest.fixture
def anon_client(db: None) -> Client:
    return Client()


def _member(email: str, team: Team, role: Role) -> User:
    user = create_account(email, PASSWORD)
    Membership.objects.create(team=team, user=user, role=role)
    return user


def _client_for(user: User) -> Client:
    client = Client()
    client.force_login(user)
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, user, method="password")
    request.session.save()
    return client
