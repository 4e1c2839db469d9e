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
TEAMS = 9


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


@pytest.fixture
def many_teams(db: None) -> list[Environment]:
    """Four of each of nine teams."""
    teams = [Team.objects.create(slug=f"team-{number}", name=f"Team {number}") for number in range(TEAMS)]
    return [environment for team in teams for environment in watched(team, 4)]


@pytest.mark.parametrize(("caller", "most"), [(Caller.COMMAND, 32), (Caller.BUTTON, 8)])
def test_the_command_fetches_more_at_once_than_a_page(
    many_teams: list[Environment], provider: Simulator, caller: Caller, most: int
) -> None:
    provider.fault(slow=0.5)
    outcomes = sync.refresh(many_teams, caller=caller)
    next(outcomes)
    assert provider.calls("/snapshots") == most
    outcomes.close()  # type: ignore[attr-defined]


@pytest.mark.proof
def test_few_long_lists_are_fetched_at_once_and_delay_no_short_one(
    many_teams: list[Environment], provider: Simulator
) -> None:
    long = many_teams[::4]
    for environment in long:
        environment.most_rows = sync.LONG_ROWS + 1
        environment.save()
    provider.fault(slow=0.5)
    outcomes = sync.refresh(many_teams, caller=Caller.COMMAND)
    next(outcomes)
    under_way = Environment.objects.filter(lease_until__isnull=False)
    assert under_way.filter(most_rows__gt=sync.LONG_ROWS).count() in (sync.AT_ONCE_OF_LONG - 1, sync.AT_ONCE_OF_LONG)
    assert under_way.filter(most_rows=0).count() in (TEAMS * 3 - 1, TEAMS * 3)
    assert len([*outcomes]) == len(many_teams) - 1


@pytest.mark.proof
def test_silent_teams_delay_no_other(many_teams: list[Environment], rival: Team, provider: Simulator) -> None:
    """Seven environments do not answer: all of another team's are written before the first of those ends."""
    others = watched(rival, 9)[1:]
    provider.fault(environment="compute-on/place-0", slow=2)
    silent = [environment for environment in many_teams[: 4 * 7] if environment.name == "place-0"]
    ended = [one.environment for one in sync.refresh([*silent, *others], caller=Caller.COMMAND)]
    assert set(ended[: len(others)]) == set(others)
    assert len(ended) == len(silent) + len(others)
