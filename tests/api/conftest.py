"""Two teams with a mirror each, and scripts that ask with access tokens."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.secrets import Secret
from dashboard.teams.access import issue_tokens
from dashboard.teams.models import AccessToken, ApiKey, Membership, Role, Team, User
from snapshots.alerts.problems import settle
from snapshots.cloudca.records import Listing, SnapshotRecord, VolumeRecord
from snapshots.models import Environment, Problem, Volume
from snapshots.sync import leases
from snapshots.sync.leases import Caller, Claim
from snapshots.sync.store_snapshots import store_listing
from snapshots.sync.store_volumes import store_volumes
from tests.conftest import Answer
from tests.views.snapshots.conftest import NOW, OTHER_VOLUME, VOLUME, claimed, listing, record

ROOT = "/api/v1"
PROD = f"{ROOT}/services/compute-on/prod"
LIST = f"{PROD}/snapshots"
VOLUMES = f"{PROD}/volumes"
JUDGED = f"{ROOT}/teams/acme/volumes"
PROBLEMS = f"{ROOT}/teams/acme/problems"
INSTANCE = "7d1f4c3a-5a27-42a5-aec4-37606e372bda"


@dataclass
class Script:
    """A script that sends a token; without one, a script that sends none."""

    token: str = ""

    def get(self, url: str, method: str = "GET", **headers: str) -> Answer:
        shown = {"MC-Api-Key": self.token} if self.token else {}
        client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        answer: Answer = client.generic(method, url, headers=shown | headers)
        assert answer.cookies == {}
        return answer


def volume_record(volume_id: str, **fields: Any) -> VolumeRecord:
    values: dict[str, Any] = {
        "id": volume_id,
        "name": f"disk-{volume_id[:4]}",
        "type": "data",
        "state": "Ready",
        "size_in_gb": 20,
        "created": "2026-10-19T14:25:41-0400",
        "instance_id": INSTANCE,
        "instance_name": "web-01",
        "zone_name": "QC-1",
        "raw": "{}",
    }
    return VolumeRecord(**values | fields)


def fill_volumes(environment: Environment, *records: VolumeRecord) -> None:
    environment.team = Team.objects.get(pk=environment.team_id)
    held = leases.claim(environment, caller=Caller.FORCE)
    assert isinstance(held, Claim)
    whole = Listing(records, len(records), 0, 0, 0, len(records), body_hash="")
    store_volumes(held, whole, received_at=timezone.now())
    Environment.objects.filter(pk=environment.pk).update(lease_until=None)


def named(team: Team, number: int, **fields: str) -> SnapshotRecord:
    """A snapshot that says by its name when it was taken, and whose it is."""
    at = timezone.now() - timedelta(days=number, minutes=1)
    name = f"{team.slug}_{fields.get('volume', 'ROOT-35545')}_{at:%Y%m%d%H%M%S}"
    return record(number, name=name, **fields)


def furnish(team: Team, path: str, count: int) -> Environment:
    """An environment with two volumes, one of them without a young snapshot."""
    service_code, name = path.split("/")
    environment = Environment.objects.create(team=team, service_code=service_code, name=name)
    rows = [named(team, number) for number in range(1, count)]
    rows.append(named(team, 90, volume_id=OTHER_VOLUME, volume="DATA-7"))
    store_listing(claimed(environment), listing(rows), received_at=timezone.now())
    fill_volumes(
        environment, volume_record(VOLUME, type="os"), volume_record(OTHER_VOLUME, instance_id="", instance_name="")
    )
    environment.refresh_from_db()
    return environment


def add_problems(environment: Environment) -> None:
    """Store the late volume's problem, and one of the other volume that ended three days ago."""
    settle(environment)
    then = timezone.now() - timedelta(days=3)
    Problem.objects.create(
        team_id=environment.team_id,
        environment=environment,
        volume=Volume.objects.get(environment=environment, volume_id=VOLUME),
        kind=Problem.Kind.STUCK,
        began_at=then,
        noticed_at=then,
        ended_at=then + timedelta(hours=2),
        end=Problem.End.RECOVERED,
        steps=[["failing", then.isoformat()], ["stuck", (then + timedelta(hours=1)).isoformat()]],
    )


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def prod(team: Team) -> Environment:
    ApiKey.replace(team, Secret("CANARY-key-of-acme"))
    return furnish(team, "compute-on/prod", 4)


@pytest.fixture
def foreign(rival: Team) -> Environment:
    ApiKey.replace(rival, Secret("CANARY-key-of-rival"))
    return furnish(rival, "compute-on/prod", 6)


@pytest.fixture
def mia(team: Team) -> Membership:
    user = User.objects.create_user("mia@example.com")
    return Membership.objects.create(team=team, user=user, role=Role.MEMBER)


@pytest.fixture
def rita(rival: Team) -> Membership:
    user = User.objects.create_user("rita@example.com")
    return Membership.objects.create(team=rival, user=user, role=Role.MEMBER)


def made(maker: Membership, *environments: str, days: int = 30) -> tuple[AccessToken, Script]:
    number = AccessToken.objects.count()
    token, text = issue_tokens.make(
        maker, name=f"script {number}", days=days, environments=environments, form_id=f"form-{number}"
    )
    return token, Script(text)


@pytest.fixture
def script(mia: Membership, prod: Environment) -> Script:
    return made(mia)[1]
