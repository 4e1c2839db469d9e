"""A simulator with a still world of two environments, and the calls that the tests make to it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World

KEY = "all-seeing-key"
NARROW_KEY = "narrow-key"
AREA = "compute-on/test_area"
LIST = f"/services/{AREA}/snapshots"
EXAMPLE_ID = "33a27b8d-5a27-42a5-aec4-37606e372bda"
EXAMPLE_VOLUME = "c779ca42-6966-41af-a7dc-23db4e41d4ee"
START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

Get = Callable[..., requests.Response]


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sim(clock: Clock) -> Iterator[Simulator]:
    world = World(volumes=12, snapshots=60, clock=clock)
    with Simulator(world, keys={KEY: None, NARROW_KEY: frozenset({AREA})}) as simulator:
        yield simulator


@pytest.fixture
def get(sim: Simulator) -> Iterator[Get]:
    """Give a function that asks the simulator as the all-seeing key, over one kept connection."""
    with requests.Session() as session:
        session.trust_env = False

        def ask(path: str, *, key: str = KEY, method: str = "GET", **more: Any) -> requests.Response:
            headers = {"MC-Api-Key": key}
            return session.request(method, sim.url + path, headers=headers, timeout=10, allow_redirects=False, **more)

        yield ask
