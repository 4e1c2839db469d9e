"""A snapshot, who may share it, and a way of opening a link that knows nobody."""

from collections.abc import Callable
from secrets import token_hex
from typing import Any

import pytest
from django.test import Client

from dashboard.teams.core.create_account import create_account
from dashboard.teams.models import Membership, Role, Team, User
from snapshots.models import Snapshot
from snapshots.sharing import links
from tests.conftest import PASSWORD, Answer
from tests.views.snapshots.conftest import Fill, clock, environment, fill, key, record, sim

__all__ = ["clock", "environment", "fill", "key", "sim"]
Make = Callable[..., str]


@pytest.fixture
def mia(team: Team) -> Membership:
    """A member, who may share."""
    user = create_account("mia@example.com", PASSWORD)
    return Membership.objects.create(team=team, user=user, role=Role.MEMBER)


@pytest.fixture
def mia_client(mia: Membership, client_for: Callable[[User], Client]) -> Client:
    return client_for(mia.user)


@pytest.fixture
def snapshot(fill: Fill) -> Snapshot:
    fill([record(1), record(2)])
    return Snapshot.objects.get(snapshot_id=record(1).id)


@pytest.fixture
def make(snapshot: Snapshot, mia: Membership) -> Make:
    """Make a link and give the path of its address."""

    def make(of: Snapshot = snapshot, *, maker: Membership = mia, days: int = 7, **more: Any) -> str:
        _link, address = links.make(of, maker=maker, days=days, form_id=token_hex(8), **more)
        return address.removeprefix("http://localhost:8000")

    return make


def visit(path: str, *, address: str = "192.0.2.1", method: str = "GET", client: Client | None = None) -> Answer:
    """Ask as a stranger somewhere."""
    return (client or Client()).generic(method, path, REMOTE_ADDR=address)
