"""Many environments in one round: a slow one delays nobody else, and the teams take turns."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from snapshots.sync import refresh as sync
from snapshots.sync.leases import Caller

pytestmark = pytest.mark.django_db
KEY = "CANARY-key-of-many"
NAMES = [f"place-{number}" for number in range(9)]


@pytest.fixture
def provider(settings: Settings) -> Iterator[Simulator]:
    world = World(seed=1, environments=[f"compute-on/{name}" for name in NAMES], volumes=1, snapshots=2)
    with Simulator(world, keys={KEY: None}) as simulator:
        settings.CLOUDCA_API_URL = simulator.url
        yield simulator


def watched(team: Team, number: int) -> list[Environment]:
    ApiKey.replace(team, Secret(KEY))
    return [Environment.objects.create(team=team, service_code="compute-on", name=name) for name in NAMES[:number]]


@pytest.fixture
def environments(team: Team, rival: Team) -> list[Environment]:
    """Nine of one team, then one of another."""
    return [*watched(team, 9), *watched(rival, 1)]


def test_a_slow_environment_delays_no_other(environments: list[Environment], provider: Simulator) -> None:
    provider.fault(environment="compute-on/place-0", slow=1.5)
    outcomes = [one.environment.name for one in sync.refresh(environments[:9], caller=Caller.COMMAND)]
    assert (sorted(outcomes), outcomes[-1]) == (NAMES, "place-0")
    assert Environment.objects.filter(listed_at__isnull=False).count() == 9


def test_teams_take_turns_and_none_has_more_than_its_share(
    environments: list[Environment], provider: Simulator
) -> None:
    provider.fault(slow=0.3)
    outcomes = sync.refresh(environments, caller=Caller.COMMAND)
    first = [next(outcomes) for _each in range(5)]
    assert "rival" in {one.environment.team.slug for one in first}
    assert provider.calls("/snapshots") <= sync.AT_ONCE_OF_TEAM + 1 + 4
    assert len([*first, *outcomes]) == 10


def test_who_stops_starts_no_more(environments: list[Environment], provider: Simulator) -> None:
    provider.fault(slow=0.2)
    ended: list[sync.Outcome] = []
    for outcome in sync.refresh(environments, caller=Caller.COMMAND, is_over=lambda: bool(ended)):
        ended.append(outcome)
    assert len(ended) == sync.AT_ONCE_OF_TEAM + 1
    assert all(one.written for one in ended)
    assert Environment.objects.filter(lease_until__isnull=False).count() == 0
