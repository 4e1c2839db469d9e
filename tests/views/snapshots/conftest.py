"""A team's mirror as the pages find it: written through the mirror's own code; the clock stands until it is moved."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from inspect import signature
from itertools import count
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from snapshots.sync import leases, refresh
from snapshots.sync.leases import Caller, Claim
from snapshots.sync.store_snapshots import store_listing
from tests.kept import keeping

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEY = "CANARY-key-of-acme"
PATH, OTHER_PATH = "compute-on/prod", "compute-qc/prod"
LIST = "/t/acme/snapshots/"
VOLUME = "c779ca42-6966-41af-a7dc-23db4e41d4ee"
OTHER_VOLUME = "0b1f8a52-52a9-4f4e-9d51-3a1f5c6c7a10"
MOST_KEPT = 1000
HTMX = {"HX-Request": "true"}
Fill = Callable[..., Environment]
_numbers = count(1)


def next_number() -> int:
    """Give another number of a snapshot in each call, and the same ones in each test."""
    return next(_numbers)


def snapshot_id(number: int) -> str:
    return str(UUID(int=number))


def detail(number: int, path: str = PATH) -> str:
    return f"{LIST}{path}/{snapshot_id(number)}/"


def record(number: int, **fields: Any) -> SnapshotRecord:
    """A completed daily snapshot of the one volume, taken `number` days ago by its name."""
    return taken(number, timezone.now() - timedelta(days=number, minutes=1), **fields)


def taken(number: int, at: datetime, **fields: Any) -> SnapshotRecord:
    values: dict[str, Any] = {
        "id": snapshot_id(number),
        "name": f"web-01_{fields.get('volume', 'ROOT-35545')}_{at:%Y%m%d%H%M%S}",
        "state": "BackedUp",
        "interval_type": "DAILY",
        "volume_id": VOLUME,
        "volume": "ROOT-35545",
        "volume_type": "ROOT-35545",
        "raw": f'{{"id": "{snapshot_id(number)}"}}',
    }
    return SnapshotRecord(**values | fields)


def listing(records: Sequence[SnapshotRecord], record_count: int | None = None) -> Listing[SnapshotRecord]:
    """A list as the client gives it, complete unless another count is given."""
    rows = tuple(records)
    return Listing(rows, len(rows), 0, 0, 0, len(rows) if record_count is None else record_count, body_hash="")


def claimed(environment: Environment) -> Claim:
    environment.team = Team.objects.get(pk=environment.team_id)
    held = leases.claim(environment, caller=Caller.FORCE)
    assert isinstance(held, Claim)
    return held


def fail(environment: Environment, kind: str = "unavailable", **fault: Any) -> Environment:
    """The provider's last answer was a fault."""
    values: dict[str, Any] = {
        "sentence": "The provider is not available at the moment.",
        "status": 503,
        "retry_after": None,
    }
    leases.record_fault(claimed(environment), kind=kind, **values | fault)
    environment.refresh_from_db()
    return environment


def refuse(environment: Environment) -> Environment:
    return fail(environment, "refused", sentence="The provider rejected this API key.", status=403)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def key(team: Team) -> ApiKey:
    return ApiKey.replace(team, Secret(KEY))


@pytest.fixture
def fill(request: pytest.FixtureRequest, team: Team, key: ApiKey) -> Fill:
    """Give the team an environment that listed these records."""
    global _numbers
    _numbers = count(1)  # so that the same stories are the same records, which `keeping` knows
    # If a test replaces a part of the product, everything is created again.
    is_altered = "monkeypatch" in signature(request.function).parameters or "settings" in request.fixturenames
    is_keeping = connection.vendor == "sqlite" and not is_altered

    def fill(
        records: Sequence[SnapshotRecord],
        *,
        path: str = PATH,
        of: Team = team,
        received_at: datetime | None = None,
        record_count: int | None = None,
    ) -> Environment:
        service_code, name = path.split("/")
        environment, _created = Environment.objects.get_or_create(team=of, service_code=service_code, name=name)
        received_at, listed = received_at or timezone.now(), listing(records, record_count)

        def make() -> None:
            store_listing(claimed(environment), listed, received_at=received_at, ask=dict.fromkeys)

        if is_keeping and len(records) <= MOST_KEPT:
            given = (environment.pk, listed, received_at, timezone.now())
            keeping(make, given, f"{of.api_key.pk}:{of.api_key.generation}")
        else:
            make()
        return Environment.objects.get(pk=environment.pk)

    return fill


@pytest.fixture
def environment(key: ApiKey) -> Environment:
    """The team's environment, never fetched."""
    return Environment.objects.create(team=key.team, service_code="compute-on", name="prod")


@pytest.fixture
def other(key: ApiKey) -> Environment:
    """The team's second environment, never fetched."""
    return Environment.objects.create(team=key.team, service_code="compute-qc", name="prod")


@pytest.fixture
def sim(clock: time_machine.Traveller, settings: Settings) -> Iterator[Simulator]:
    """The provider, on real sockets."""
    world = World(seed=1, environments=[PATH, OTHER_PATH], volumes=4, snapshots=24)
    with Simulator(world, keys={KEY: None}) as simulator:
        settings.CLOUDCA_API_URL = simulator.url
        yield simulator


@pytest.fixture
def seen(environment: Environment, sim: Simulator, clock: time_machine.Traveller) -> Environment:
    """The environment, listed by the provider a minute and a second ago; no call is counted yet."""
    (outcome,) = refresh.refresh([environment], caller=Caller.BUTTON)
    assert outcome.written is not None
    sim.clear()
    clock.shift(61)
    environment.refresh_from_db()
    return environment
