"""A team with a member besides its admin and its viewer, and a mirror of every kind of volume."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.teams.core.create_account import create_account
from dashboard.teams.models import Membership, Role, Team, User
from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Volume
from snapshots.verdicts.evaluate import judge_volumes
from tests.conftest import PASSWORD
from tests.views.snapshots.conftest import Fill, clock, fill, key, taken

__all__ = ["clock", "fill", "key"]
CUSTOM = {"name": "before the upgrade", "interval_type": "MANUAL"}


def volume_id(number: int) -> str:
    return str(UUID(int=1000 + number))


def shot(volume: int, number: int, *, days: float, **fields: str) -> SnapshotRecord:
    """A daily snapshot of volume `volume`, whose name tells its time."""
    own = {"volume_id": volume_id(volume), "volume": f"disk-{volume}"}
    at = timezone.now() - timedelta(days=days)
    return taken(100 * volume + number, at, **own | {"name": f"web_disk-{volume}_{at:%Y%m%d%H%M%S}"} | fields)


@pytest.fixture
def dora(team: Team) -> User:
    user = create_account("dora@example.com", PASSWORD)
    Membership.objects.create(team=team, user=user, role=Role.MEMBER)
    return user


@pytest.fixture
def dora_client(dora: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(dora)


@pytest.fixture
def mixture(fill: Fill) -> Environment:
    """Volumes of which each target says something else, and some of which nothing can be told."""
    manual = {"interval_type": "MANUAL"}
    first = [
        shot(1, 1, days=0.1),
        shot(2, 1, days=3, **manual),
        shot(3, 1, days=10, **manual),
        shot(4, 1, days=40, **manual),
        shot(5, 1, days=2, **CUSTOM),
        shot(6, 1, days=10, **manual),
        shot(6, 2, days=2, **CUSTOM),
        shot(7, 1, days=2, state="Error", **manual),
        shot(8, 1, days=2, state="Copying", **manual),
        shot(9, 1, days=5),
        shot(10, 1, days=2, **manual),
        shot(10, 2, days=9, **manual),
    ]
    fill(first)
    # Made two days ago, as the volumes endpoint says, and without a usable snapshot: new by some targets only.
    Volume.objects.filter(name="disk-7").update(from_endpoint=True, created="2026-11-22T06:00:00+0000")
    # Absent from one list: uncertain.
    environment = fill([row for row in first if row.id != shot(10, 1, days=2).id])
    assert environment.data_at is not None
    judge_volumes(environment, at=environment.data_at)
    return environment
