"""A missed run is shown only where the environment was watched: what breaks a watch, and what does not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.test import Client
from time_machine import Traveller

from dashboard.teams.models import User
from snapshots.models import Environment, VerdictDay
from snapshots.verdicts.watched_time import Watch
from tests.views.snapshots.conftest import NOW, PATH, VOLUME, Fill, clock, fail, fill, key, taken
from tests.views.snapshots.reading import tree

__all__ = ["clock", "fill", "key"]
pytestmark = pytest.mark.django_db
STEP, LONG_STEP, DAYS = timedelta(minutes=50), timedelta(hours=5), 3
OLD = [taken(number, NOW - timedelta(days=number)) for number in (1, 2)]
List = Callable[..., Environment]


def off(fill: List) -> None:
    """Our service does not run."""


def silent(fill: List) -> None:
    """The provider gives no list."""
    fail(Environment.objects.get())


def incomplete(fill: List) -> None:
    fill(OLD, record_count=9)


def watched(fill: List) -> None:
    fill(OLD)


@pytest.fixture
def went_by(request: pytest.FixtureRequest, fill: Fill, clock: Traveller) -> str:
    """Three days without a run, in this way; then a run."""
    fill(OLD)
    end = NOW + timedelta(days=DAYS)
    while datetime.now(UTC) < end:
        clock.shift(STEP if request.param is watched else LONG_STEP)
        request.param(fill)
    clock.move_to(end)
    fill([taken(3, end), *OLD])
    return str(request.param.__name__)


def days(client: Client) -> str:
    """The newest days of the strip, a letter each."""
    client.force_login(User.objects.get(email="bob@example.com"))
    page = client.get(f"/t/acme/volumes/{PATH}/{VOLUME}/")
    return tree(page).all("svg", css="strip")[0].attributes["data-days"][-5:]


@pytest.mark.parametrize("went_by", [off, silent, incomplete], indirect=True)
def test_nothing_is_missed_where_nobody_watched(went_by: str, bob_client: Client) -> None:
    assert days(bob_client) == "T...T"


@pytest.mark.parametrize("went_by", [watched], indirect=True)
def test_what_was_watched_is_missed(went_by: str, bob_client: Client) -> None:
    assert Environment.objects.get().silences == []
    assert days(bob_client) == "TMMMT"


def test_a_doubted_list_is_no_watch(fill: Fill, clock: Traveller) -> None:
    fill(OLD)
    for _ in range(2):
        clock.shift(timedelta(minutes=45))
        doubted = fill([])
    assert (doubted.suspect_since is not None, doubted.watched_at) == (True, NOW)


def test_only_the_last_weeks_are_kept(fill: Fill, clock: Traveller) -> None:
    fill(OLD)
    for _ in range(9):
        clock.shift(timedelta(days=5))
        last = fill(OLD)
    assert len(last.silences) == 7


def test_an_upgrade_knows_the_days_without_a_list(fill: Fill, clock: Traveller) -> None:
    fill(OLD)
    clock.shift(timedelta(days=4))
    environment = fill(OLD)
    Environment.objects.update(silences=[], watched_at=None)
    VerdictDay.objects.create(environment=environment, day=(NOW + timedelta(days=2)).date())
    import_module("snapshots.migrations.0008_volume_last_usable").remember_silences(apps, None)
    watch = Watch.of(Environment.objects.get())
    assert [watch.covers(NOW + timedelta(days=day)) for day in range(5)] == [True, False, True, False, True]
