""" "Never had one" is shown only for a volume without a usable snapshot in any list."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from time_machine import Traveller

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Policy, Snapshot, Volume
from tests.views.snapshots.conftest import NOW, VOLUME, Fill, clock, fill, key, taken
from tests.views.snapshots.reading import tree
from tests.views.volumes.home.steps import home, rows

__all__ = ["clock", "fill", "key"]
pytestmark = pytest.mark.django_db
MANUAL = {"interval_type": "MANUAL", "name": "golden"}
OTHER = taken(99, NOW, volume_id="0b1f8a52-52a9-4f4e-9d51-3a1f5c6c7a10", volume="other")
# The rows of the lists that follow, an hour apart: how a volume may be left without a usable one.
LOST: dict[str, list[list[SnapshotRecord]]] = {
    "deleted": [[], []],
    "volume id emptied": [[taken(1, NOW, volume_id="", **MANUAL)]],
    "moved to another volume": [[taken(1, NOW, volume_id=OTHER.volume_id, **MANUAL)]],
    "failed": [[taken(1, NOW, state="Error", **MANUAL)]],
    "being removed": [[taken(1, NOW, state="Destroying", **MANUAL)]],
    "removed, then deleted": [[taken(1, NOW, state="Destroying", **MANUAL)], [], []],
}
NEVER = {
    "failed": [[taken(2, NOW, state="Error")]],
    "vanished while it was made": [[taken(2, NOW, state="Creating")], [], []],
}


def told(client: Client) -> tuple[str, str]:
    """The one volume's verdict, and the newest list that had a usable one."""
    (row,) = rows(home(client, f"?q={VOLUME}"))
    return row.attributes["data-verdict"], row.attributes["data-last-usable"]


def follow(fill: Fill, clock: Traveller, lists: list[list[SnapshotRecord]]) -> None:
    for records in lists:
        clock.shift(3600)
        fill([OTHER, *records])


@pytest.fixture
def policy(key: object, fill: Fill) -> Policy:
    environment = fill([OTHER])
    return Policy.objects.create(team=environment.team, target_hours=24)


@pytest.mark.few(3)
@pytest.mark.parametrize("how", LOST)
def test_a_lost_one_is_remembered(how: str, policy: Policy, fill: Fill, clock: Traveller, bob_client: Client) -> None:
    follow(fill, clock, [[taken(1, NOW, **MANUAL)], *LOST[how]])
    last_with_it = NOW + timedelta(hours=1)
    assert told(bob_client) == ("none", last_with_it.isoformat())


@pytest.mark.parametrize("how", NEVER)
def test_what_was_never_usable(how: str, policy: Policy, fill: Fill, clock: Traveller, bob_client: Client) -> None:
    follow(fill, clock, NEVER[how])
    assert told(bob_client) == ("none", "never")


def test_first_seen_while_it_is_removed(policy: Policy, fill: Fill, clock: Traveller, bob_client: Client) -> None:
    follow(fill, clock, [[taken(1, NOW, state="Destroying", **MANUAL)]])
    assert told(bob_client)[1] != "never"


def test_it_outlives_the_rows(policy: Policy, fill: Fill, clock: Traveller) -> None:
    follow(fill, clock, [[taken(1, NOW, **MANUAL)], [], []])
    Volume.objects.filter(volume_id=VOLUME).update(listed=True, from_endpoint=True)
    clock.shift(86_400 * (max(settings.HISTORY_DAYS, settings.CHANGES_DAYS) + 2))
    call_command("prune")
    assert not Snapshot.objects.filter(volume_id=VOLUME).exists()
    fill([OTHER])
    assert Volume.objects.get(volume_id=VOLUME).last_usable_at == NOW + timedelta(hours=1)


def test_the_tile_counts_both(policy: Policy, fill: Fill, clock: Traveller, bob_client: Client) -> None:
    follow(fill, clock, [[taken(1, NOW, **MANUAL), taken(2, NOW, volume_id="v" * 36, state="Error")], [], []])
    detail = tree(home(bob_client)).all(css="tile-detail")[0].text
    assert detail == "1 never had one, 1 lost its last one"


def test_an_upgrade_finds_what_was_usable(policy: Policy, fill: Fill, clock: Traveller) -> None:
    follow(fill, clock, [[taken(1, NOW, **MANUAL), *NEVER["failed"][0]], [taken(1, NOW, volume_id="", **MANUAL)]])
    before = dict(Volume.objects.values_list("volume_id", "last_usable_at"))
    Volume.objects.update(last_usable_at=None)
    import_module("snapshots.migrations.0008_volume_last_usable").remember_usable(apps, None)
    found = dict(Volume.objects.values_list("volume_id", "last_usable_at"))
    assert {name: at is None for name, at in found.items()} == {name: at is None for name, at in before.items()}
    assert Environment.objects.count() == 1
