"""One team whose three pages all have more than a page of rows, of every kind that their filters tell apart."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.cloudca.records import SnapshotRecord
from snapshots.lists import export
from snapshots.models import Policy
from tests.views.snapshots.conftest import NOW, OTHER_PATH, Fill, clock, environment, fill, key, taken

__all__ = ["clock", "environment", "fill", "key"]
STATES = ("BackedUp", "BackedUp", "BackedUp", "Error", "Creating", "Zebra")
TYPES = ("DAILY", "HOURLY", "MANUAL", "WEEKLY")
VOLUMES = 34
MANY = 60
DAY = timedelta(days=1)


def volume_id(number: int) -> str:
    return str(UUID(int=2**64 + number))


def made(number: int, days: float = 0) -> SnapshotRecord:
    """A snapshot of one of the volumes, taken this many days ago; every ninth has no time, every eleventh no volume."""
    at = (NOW - DAY * days - timedelta(minutes=number)).replace(microsecond=0)
    of = number % VOLUMES
    fields = {"volume_id": volume_id(of), "volume": f"disk-{of:02}", "volume_type": "ROOT"}
    if number % 11 == 0:
        fields = {"volume_id": "", "volume": "", "volume_type": ""}
    if number % 9 == 0:
        fields["name"] = f"by hand {number}"
    return taken(number, at, state=STATES[number % 6], interval_type=TYPES[number % 4], **fields)


@pytest.fixture
def world(team: Team, fill: Fill, clock: time_machine.Traveller) -> Team:
    """Rows of two days in two environments: some were left out, some are gone, many came at once."""
    Policy.objects.create(team=team, target_hours=48)
    old = [made(number, number % 40) for number in range(1, 91)]
    clock.move_to(NOW - DAY)
    fill(old)
    fill([made(1001), made(1002)], path=OTHER_PATH)
    clock.move_to(NOW - DAY / 2)
    for _ in range(2):
        fill([*old[6:], *(made(number) for number in range(101, 120))])
        clock.shift(60)
    fill([made(number) for number in range(1001, 1003 + MANY)], path=OTHER_PATH)
    clock.move_to(NOW)
    fill([*old[9:], *(made(number) for number in range(101, 125))])
    fill([made(number) for number in range(1001, 1003 + MANY)], path=OTHER_PATH)
    return team


@pytest.fixture
def in_rival(rival: Team, fill: Fill) -> Team:
    """A stranger's team with the same environment, volumes and snapshots, and other names."""
    ApiKey.replace(rival, Secret("a-key-of-rival"))
    fill(
        [taken(number, NOW - DAY, name=f"RIVALS-{number}", volume_id=volume_id(number)) for number in range(9)],
        of=rival,
    )
    return rival


@pytest.fixture(autouse=True)
def places() -> Iterator[None]:
    """Every test must release the slots of its exports."""
    yield
    assert export.SLOTS.taken().total() == 0
