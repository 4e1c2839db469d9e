"""A team whose key may be replaced: three environments, and a provider that knows several keys."""

from collections.abc import Iterator

import pytest
import time_machine
from pytest_django import Settings

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.views.settings.steps import OLD_KEY, PARTLY_KEY, PATHS, UNUSED_PATH, WORKING_KEY
from tests.views.snapshots.conftest import clock

__all__ = ["clock"]


@pytest.fixture
def sim(clock: time_machine.Traveller, settings: Settings) -> Iterator[Simulator]:
    world = World(seed=1, environments=[*PATHS, UNUSED_PATH], volumes=4, snapshots=24)
    keys = {OLD_KEY: None, WORKING_KEY: None, PARTLY_KEY: frozenset(PATHS[:2])}
    with Simulator(world, keys=keys) as simulator:
        settings.CLOUDCA_API_URL = simulator.url
        yield simulator


@pytest.fixture
def environments(team: Team) -> list[Environment]:
    parts = [path.split("/") for path in PATHS]
    return [Environment.objects.create(team=team, service_code=code, name=name) for code, name in parts]


@pytest.fixture
def old_key(team: Team, environments: list[Environment]) -> ApiKey:
    return ApiKey.replace(team, Secret(OLD_KEY))
