"""Runs that stopped for many volumes at once are one sentence above the table."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Policy
from snapshots.verdicts.sql import FOR_EVER
from tests.views.snapshots.conftest import OTHER_PATH, Fill
from tests.views.snapshots.reading import links
from tests.views.volumes.home.steps import FAILED, change, disk, home, names, outage

pytestmark = pytest.mark.django_db
SENTENCE = "!Runs in prod · compute-on stopped about 22 Nov 08:00 UTC: %d volumes. Show them"


def stopped(number: int, hours: float = 76, step: float = 0.01) -> list[SnapshotRecord]:
    return [one for each in range(number) for one in disk(f"out-{hours}-{each}", hours - each * step)]


def going(number: int) -> list[SnapshotRecord]:
    return [one for each in range(number) for one in disk(f"on-{each}", 1)]


def test_what_stopped_is_said_and_shown(alice_client: Client, week: Policy, fill: Fill) -> None:
    fill([*stopped(6), *going(10)])
    page = home(alice_client)
    assert outage(page) == SENTENCE % 6
    assert len(names(alice_client.get(links(page)["Show them"]))) == 6


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("late", "good", "is_said"), [(5, 11, True), (5, 12, False), (4, 0, False), (5, 0, True), (3, 7, False)]
)
def test_thirty_percent_and_five(
    alice_client: Client, week: Policy, fill: Fill, late: int, good: int, is_said: bool
) -> None:
    fill([*stopped(late), *going(good)])
    assert bool(outage(home(alice_client))) is is_said


@pytest.mark.parametrize(("step", "is_said"), [(0.25, True), (0.2501, False)])
def test_within_an_hour(alice_client: Client, week: Policy, fill: Fill, step: float, is_said: bool) -> None:
    fill(stopped(5, step=step))
    assert bool(outage(home(alice_client))) is is_said


def test_those_that_fail_count_too(alice_client: Client, week: Policy, fill: Fill) -> None:
    failing = [one for each in range(5) for one in [*disk(f"f{each}", 25), *disk(f"f{each}", 0.9, state=FAILED)]]
    fill([*failing, *going(2)])
    assert outage(home(alice_client)).startswith("!Runs in prod · compute-on stopped about 11:00 UTC: 5 volumes.")


def test_each_environment_is_counted_alone(alice_client: Client, week: Policy, fill: Fill) -> None:
    fill([*stopped(3), *going(2)])
    fill(stopped(4), path=OTHER_PATH)
    assert outage(home(alice_client)) == ""


def test_what_is_excluded_stops_nothing(alice_client: Client, week: Policy, fill: Fill) -> None:
    fill([*stopped(6), *going(2)])
    change("out-76-5", excluded_until=FOR_EVER)
    assert outage(home(alice_client)) == SENTENCE % 5
    change("out-76-0", excluded_until=FOR_EVER)
    assert outage(home(alice_client)) == ""
    change("out-76-0", excluded_until=None, deleted_at=timezone.now() - timedelta(days=1))
    assert outage(home(alice_client, "?q=out")) == ""
    change("out-76-0", deleted_at=None)
    assert outage(home(alice_client)) == SENTENCE % 5
