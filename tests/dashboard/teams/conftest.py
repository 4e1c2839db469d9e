import pytest
from pytest_django import Settings


@pytest.fixture
def probes(settings: Settings) -> None:
    """Serve the probe views; all but one have a level beside their address."""
    settings.ROOT_URLCONF = "tests.dashboard.teams.probe"
