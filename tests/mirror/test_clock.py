"""The provider's clock and ours: how far they are apart is told by each answer, and the data's moment follows it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from snapshots.clocks import clock_ahead, followed
from snapshots.models import Environment, Snapshot
from snapshots.simulator.server import Simulator
from tests.mirror.steps import PATH, refreshed

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
Off = Callable[[timedelta], None]


@pytest.fixture
def off(sim: Simulator) -> Off:
    """Put the provider's clock so much ahead of ours."""

    def off(ahead: timedelta) -> None:
        sim.stop()
        sim.world.clock = lambda: datetime.now(UTC) + ahead
        sim.start()

    return off


def test_of_clocks_that_agree_nothing_is_stored(environment: Environment, off: Off) -> None:
    off(119 * timedelta(seconds=1))
    refreshed(environment)
    assert environment.clock_ahead == 0
    assert environment.data_at == environment.listed_at == NOW


@pytest.mark.parametrize("minutes", [10, -10])
def test_the_data_is_of_the_providers_moment(environment: Environment, off: Off, minutes: int) -> None:
    off(minutes * MINUTE)
    refreshed(environment)
    assert environment.clock_ahead == minutes * 60
    assert environment.listed_at == NOW
    assert environment.data_at == NOW + minutes * MINUTE


def test_a_clock_that_is_put_right_is_forgotten(
    environment: Environment, off: Off, clock: time_machine.Traveller
) -> None:
    off(10 * MINUTE)
    refreshed(environment)
    clock.shift(60)
    off(timedelta())
    refreshed(environment)
    assert environment.clock_ahead == 0
    assert environment.data_at == NOW + MINUTE


def test_a_name_of_the_providers_time_is_believed(
    seen: Environment, off: Off, sim: Simulator, clock: time_machine.Traveller
) -> None:
    off(10 * MINUTE)
    clock.shift(60)
    row = sim.world.add_snapshot(PATH)
    clock.shift(60)
    refreshed(seen)
    snapshot = Snapshot.objects.get(snapshot_id=row["id"])
    assert snapshot.taken_before == snapshot.taken_after == NOW + 12 * MINUTE


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (None, 0),
        (NOW + 2 * MINUTE, 0),
        (NOW - 2 * MINUTE, 0),
        (NOW + 2 * MINUTE + timedelta(seconds=1), 121),
        (NOW - 2 * MINUTE - timedelta(seconds=1), -121),
        (NOW - 15 * MINUTE, -900),
        (NOW - 16 * MINUTE, -960),
        (datetime(1970, 1, 1, tzinfo=UTC), -3650 * 86400),
        (NOW + 30 * DAY, 30 * 86400),
        (datetime(9999, 12, 31, tzinfo=UTC), 3650 * 86400),
    ],
)
def test_how_far_it_is_ahead(told: datetime | None, seconds: int) -> None:
    assert clock_ahead(told, NOW) == seconds


@pytest.mark.parametrize(("ahead", "seconds"), [(0, 0), (86_400, 86_400), (-900, -900), (-901, 0)])
def test_what_is_followed(ahead: int, seconds: int) -> None:
    assert followed(ahead) == seconds


def test_what_is_not_followed_is_kept_to_be_said(environment: Environment, off: Off) -> None:
    off(-20 * MINUTE)
    refreshed(environment)
    assert (environment.clock_ahead, environment.clock_unfollowed) == (0, -1200)
    assert environment.data_at == environment.listed_at == NOW
