import pytest
from pytest_django import Settings

from dashboard.teams.access import guard
from tests.dashboard.teams import probe


@pytest.fixture
def probes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve the probe views, and enter all but one of them in the capability table."""
    settings.ROOT_URLCONF = "tests.dashboard.teams.probe"
    monkeypatch.setattr(guard, "CAPABILITIES", {**guard.CAPABILITIES, **probe.ENTRIES})
