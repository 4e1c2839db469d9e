"""The volumes page's fixtures: a mirror written through its own code, under a clock that stands until it is moved."""

from collections.abc import Sequence

import pytest

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Policy
from tests.views.snapshots.conftest import Fill, clock, environment, fill, key, other, sim
from tests.views.volumes.home.steps import stories

__all__ = ["clock", "environment", "fill", "key", "other", "sim"]


@pytest.fixture
def week(team: Team) -> Policy:
    """The team asks for a usable snapshot that is not older than seven days."""
    return Policy.objects.create(team=team, target_hours=7 * 24)


@pytest.fixture
def told(week: Policy, fill: Fill) -> Environment:
    """A volume of each story, in one environment."""
    return fill(stories())


@pytest.fixture
def in_rival(rival: Team, fill: Fill) -> Sequence[SnapshotRecord]:
    """The same volumes in a stranger's team."""
    ApiKey.replace(rival, Secret("a-key-of-rival"))
    records = stories()
    fill(records, of=rival)
    return records
