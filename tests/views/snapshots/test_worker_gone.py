"""Pages show that nobody syncs, once their data is old."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from snapshots.models.chore import note_round
from tests.views.snapshots.conftest import LIST, Fill, record
from tests.views.snapshots.reading import tree

pytestmark = pytest.mark.django_db


def banners(client: Client) -> list[str]:
    return [each.text for each in tree(client.get(LIST)).one(id="banners").all(css="banner")]


def test_three_missed_rounds_are_a_banner(fill: Fill, alice_client: Client, clock: time_machine.Traveller) -> None:
    fill([record(1)])
    note_round(timezone.now(), timedelta(seconds=60))
    assert banners(alice_client) == []
    clock.shift(181)
    (banner,) = banners(alice_client)
    assert "12:03 UTC" in banner
    fill([record(1)])  # a page refreshed it: its data is current
    assert banners(alice_client) == []


def test_without_a_worker_ever_there_is_none(fill: Fill, alice_client: Client, clock: time_machine.Traveller) -> None:
    fill([record(1)])
    clock.shift(3600)
    assert banners(alice_client) == []
