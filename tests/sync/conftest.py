"""A team with a key, two environments and a provider on real sockets; the clock stands until it is moved."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from pytest_django import Settings

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.sync.steps import KEY, OTHER_PATH, PATH, refreshed

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def sim(clock: time_machine.Traveller, settings: Settings) -> Iterator[Simulator]:
    world = World(seed=1, environments=[PATH, OTHER_PATH], volumes=4, snapshots=24)
    with Simulator(world, keys={KEY: None}) as simulator:
        settings.CLOUDCA_API_URL = simulator.url
        yield simulator


@pytest.fixture
def key(team: Team) -> ApiKey:
    return ApiKey.replace(team, Secret(KEY))


@pytest.fixture
def environment(clock: time_machine.Traveller, team: Team, key: ApiKey, sim: Simulator) -> Environment:
    return Environment.objects.create(team=team, service_code="compute-on", name="prod")


@pytest.fixture
def other(environment: Environment) -> Environment:
    """The team's second environment."""
    return Environment.objects.create(team=environment.team, service_code="compute-qc", name="prod")


@pytest.fixture
def seen(environment: Environment, clock: time_machine.Traveller) -> Environment:
    """The environment after its first complete list, a minute later."""
    refreshed(environment)
    clock.shift(60)
    return environment
