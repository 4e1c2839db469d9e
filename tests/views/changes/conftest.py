"""A team whose lists come one after another; what was told of them is read from the table of changes."""

from collections.abc import Callable, Sequence

import pytest
import time_machine

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Change, Environment
from tests.views.snapshots.conftest import Fill, clock, environment, fill, key, other

__all__ = ["clock", "environment", "fill", "key", "other"]
CHANGES = "/t/acme/changes/"
MINUTE = 60
Lists = Callable[..., Environment]
Told = tuple[str, int | str]


@pytest.fixture
def lists(fill: Fill, clock: time_machine.Traveller) -> Lists:
    """Let the provider list one after another, a minute (or `apart` seconds) between two."""

    def lists(*records: Sequence[SnapshotRecord], apart: int = MINUTE) -> Environment:
        for each in records:
            environment = fill(each)
            clock.shift(apart)
        return environment

    return lists


def told(**chosen: object) -> list[Told]:
    """What was told since the first list, oldest first: the kind, and the snapshot's number or the volume's id."""
    rows = Change.objects.exclude(kind="began").filter(**chosen).order_by("pk")
    return [
        (kind, int(snapshot_id.replace("-", ""), 16) if snapshot_id else volume_id)
        for kind, snapshot_id, volume_id in rows.values_list("kind", "snapshot__snapshot_id", "volume_id")
    ]


def only(**chosen: object) -> Change:
    return Change.objects.exclude(kind="began").get(**chosen)
