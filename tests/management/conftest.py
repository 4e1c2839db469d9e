from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.management.steps import KEY, PASSWORD, TEAM, Ran, run, write

Provision = Callable[..., Ran]


@pytest.fixture(autouse=True)
def secrets_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", KEY)
    monkeypatch.setenv("ALICE_PASSWORD", PASSWORD)


@pytest.fixture
def provision(db: None, tmp_path: Path) -> Provision:
    """Run `provision` on a file with this text."""

    def provision(text: str = TEAM, *options: str) -> Ran:
        return run("provision", write(tmp_path, text), *options)

    return provision


@pytest.fixture
def sim(settings: Settings) -> Iterator[Simulator]:
    world = World(seed=1, environments=["compute-on/prod", "compute-qc/prod"], volumes=4, snapshots=24)
    with Simulator(world, keys={KEY: None}) as simulator:
        settings.CLOUDCA_API_URL = simulator.url
        yield simulator


@pytest.fixture
def acme(provision: Provision, sim: Simulator) -> Simulator:
    """The provider of a team that has just been provisioned."""
    assert provision().status == 0
    return sim
