"""The volumes page's mirror: a volume of each story, under a clock that stands until it is moved."""

from collections.abc import Iterator, Sequence

import pytest
import time_machine
from pytest_django import Settings

from dashboard.secrets import Secret, seal_webhook_secret
from dashboard.teams.models import Team
from snapshots.alerts.problems import settle
from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Channel, Environment, Policy
from tests.alerts.receiver import HOST, Receiver
from tests.faults.certificates import Authority
from tests.views.snapshots.conftest import Fill
from tests.views.volumes.home.conftest import clock, environment, fill, in_rival, key, other, sim, week
from tests.views.volumes.home.steps import stories

__all__ = ["clock", "environment", "fill", "in_rival", "key", "other", "sim", "week"]
Records = Sequence[SnapshotRecord]
SECRET = "CANARY-secret-of-the-webhook"


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


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def receiver(authority: Authority, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that this machine trusts, and that the operator allows."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    settings.ALERT_PRIVATE_HOSTS = frozenset({HOST})
    with Receiver(authority.certificate(HOST)) as receiver:
        yield receiver


@pytest.fixture
def hook(team: Team, receiver: Receiver) -> Channel:
    sealed = seal_webhook_secret(Secret(SECRET), team_pk=team.pk)
    return Channel.objects.create(team=team, type="webhook", name="pager", url=receiver.url, sealed=sealed)
