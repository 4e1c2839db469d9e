"""Why a verdict is unknown: the page names the doubt that is the real one, and no time that is surer than the data."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from time_machine import Traveller

from dashboard.teams.models import Team, User
from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Policy, Volume
from snapshots.rules.taken_time import NAME_TIME
from tests.views.snapshots.conftest import NOW, VOLUME, Fill, clock, fill, key, taken
from tests.views.snapshots.reading import Element
from tests.views.volumes.home.steps import home, rows

__all__ = ["clock", "fill", "key"]
pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def hours_ago(number: int, hours: float, **fields: str) -> SnapshotRecord:
    return taken(number, NOW - hours * HOUR, **fields)


def by_hand(number: int, **fields: str) -> SnapshotRecord:
    """Its name tells no time."""
    return taken(number, NOW, name=f"by-hand-{number}", **fields)


OTHER = hours_ago(90, 1, volume_id="o" * 36, volume="other")
FRESH = hours_ago(91, 1, interval_type="MANUAL", name="web-01_ROOT-35545_20261124110000")
RUN, COPIED = hours_ago(1, 29), by_hand(2, state="Copying")
MANUAL = {"interval_type": "MANUAL"}
# Lists, each with the hours since the one before; and the doubt that follows.
STORIES: dict[str, tuple[list[tuple[float, list[SnapshotRecord]]], str]] = {
    "others without a time": ([(0, [hours_ago(1, 48), by_hand(2), by_hand(3)])], "undated"),
    "others of another type": ([(0, [hours_ago(1, 200, **MANUAL), by_hand(2)])], "no_time"),
    "others, by the target": ([(0, [hours_ago(1, 200, **MANUAL), by_hand(2, **MANUAL)])], "undated"),
    "none has a time": ([(0, [by_hand(2)])], "no_time"),
    "another range": ([(0, []), (31, [by_hand(2)])], "range"),
    "a run in progress": ([(0, [RUN]), (7, [RUN, by_hand(2, state="Creating")])], "run_in_progress"),
    "the first run": ([(0, [FRESH, by_hand(2, state="Creating")])], "first_run"),
    "left out": ([(0, [hours_ago(1, 5)]), (1, [])], "left_out"),
    "copied": ([(0, [by_hand(2, state="Copying", **MANUAL)])], "copied"),
    "left out, another copied": ([(0, [hours_ago(1, 5), COPIED]), (1, [COPIED])], "left_out copied"),
}


@pytest.fixture(autouse=True)
def policy(team: Team) -> Policy:
    return Policy.objects.create(team=team, target_hours=7 * 24)


def follow(fill: Fill, clock: Traveller, story: list[tuple[float, list[SnapshotRecord]]]) -> Environment:
    for hours, records in story:
        clock.shift(hours * HOUR)
        environment = fill([OTHER, *records])
    return environment


def row(client: Client) -> Element:
    client.force_login(User.objects.get(email="bob@example.com"))
    (found,) = rows(home(client, f"?q={VOLUME}"))
    return found


@pytest.mark.few(4)
@pytest.mark.parametrize("which", STORIES)
def test_the_real_doubt_is_named(which: str, fill: Fill, clock: Traveller, bob_client: Client) -> None:
    story, doubt = STORIES[which]
    follow(fill, clock, story)
    told = row(bob_client).attributes
    assert (told["data-verdict"], told["data-doubt"]) == ("unknown", doubt)


def test_when_the_volume_was_created(fill: Fill, clock: Traveller, bob_client: Client) -> None:
    environment = follow(fill, clock, [(0, [])])
    Environment.objects.filter(pk=environment.pk).update(volumes_listed_at=NOW - 20 * HOUR)
    Policy.objects.update(target_hours=24)
    failed = taken(1, NOW, state="Error", **MANUAL)
    follow(fill, clock, [(1, [failed]), (9, [failed])])
    assert row(bob_client).attributes["data-doubt"] == "created"


def test_what_is_known_has_no_doubt(fill: Fill, clock: Traveller, bob_client: Client) -> None:
    follow(fill, clock, [(0, [hours_ago(1, 3), by_hand(2)])])
    assert row(bob_client).attributes["data-doubt"] == ""


def test_the_newest_time_holds_for_all_that_may_be_the_newest(fill: Fill, clock: Traveller) -> None:
    follow(fill, clock, [(0, [hours_ago(1, 48), by_hand(2)])])
    volume = Volume.objects.get(volume_id=VOLUME)
    assert (volume.newest_after, volume.newest_before) == (NOW - 48 * HOUR, NOW)
    (answer,) = volume.answers
    assert datetime.fromisoformat(answer["due"]) == NOW + 24 * HOUR
    assert volume.newest_usable is not None
    assert NAME_TIME.search(volume.newest_usable.name)


def test_late_by_no_more_than_is_sure(fill: Fill, clock: Traveller, bob_client: Client) -> None:
    records = [hours_ago(1, 400), by_hand(2)]
    follow(fill, clock, [(0, records), (50, records)])
    assert row(bob_client).one(css="badge").text == "! Daily late by 1 d"
