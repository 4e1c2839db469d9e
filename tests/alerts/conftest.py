"""The volumes page's mirror: a volume of each story, under a clock that stands until it is moved."""

from collections.abc import Sequence

import pytest
import time_machine

from snapshots.alerts.problems import settle
from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Policy
from tests.views.snapshots.conftest import Fill
from tests.views.volumes.home.conftest import clock, environment, fill, in_rival, key, other, sim, week
from tests.views.volumes.home.steps import stories

__all__ = ["clock", "environment", "fill", "in_rival", "key", "other", "sim", "week"]
Records = Sequence[SnapshotRecord]


@pytest.fixture
def records(clock: time_machine.Traveller) -> Records:
    return stories()


@pytest.fixture
def told(week: Policy, fill: Fill, records: Records) -> Environment:
    """A volume of each story, in one environment."""
    return fill(records)


@pytest.fixture
def begun(told: Environment) -> Environment:
    """The same, with its problems stored."""
    settle(told)
    return told
