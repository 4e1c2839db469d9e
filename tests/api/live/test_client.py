"""Our own client of the provider, pointed at the dashboard: it reads the same from both."""

from collections.abc import Sequence

import msgspec
import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Membership
from snapshots.cloudca.client import CloudClient
from snapshots.cloudca.errors import NotFound, Refused, Unavailable
from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment
from snapshots.rules.taken_time import NAME_TIME
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from snapshots.sync import refresh
from snapshots.sync.leases import Caller
from tests.api.conftest import ROOT, made

KEY = "CANARY-key-of-acme"
PLACE = ("compute-on", "test_area")


@pytest.fixture
def world() -> World:
    return World(seed=3, environments=["/".join(PLACE)], volumes=6, snapshots=60)


def test_it_reads_the_same_from_both(
    live_server: LiveServer, mia: Membership, world: World, settings: Settings
) -> None:
    environment = Environment.objects.create(team=mia.team, service_code=PLACE[0], name=PLACE[1])
    ApiKey.replace(mia.team, Secret(KEY))
    with Simulator(world, keys={KEY: None}) as provider:
        settings.CLOUDCA_API_URL = provider.url
        assert all(outcome.written for outcome in refresh.refresh([environment], caller=Caller.COMMAND))
        provider.clear()
        script = Secret(made(mia)[1].token)
        with CloudClient(live_server.url + ROOT, script) as here, CloudClient(provider.url, Secret(KEY)) as there:
            compare(here, there)


def compare(here: CloudClient, there: CloudClient) -> None:
    own, listed = here.list_snapshots(*PLACE), there.list_snapshots(*PLACE)
    assert {bare(row) for row in own.rows} == {bare(row) for row in listed.rows}
    assert dated(own.rows) == dated(listed.rows)
    assert (own.complete, own.record_count) == (listed.complete, listed.record_count)
    one = listed.rows[0]
    assert bare(here.get_snapshot(*PLACE, one.id)) == bare(there.get_snapshot(*PLACE, one.id))
    of_volume = [client.list_snapshots(*PLACE, one.volume_id).rows for client in (here, there)]
    assert dated(of_volume[0]) == dated(of_volume[1]) != []
    volumes = [{bare(row) for row in client.list_volumes(*PLACE).rows} for client in (here, there)]
    assert volumes[0] == volumes[1] != set()
    assert [row.name for row in here.list_environments().rows] == [PLACE[1]]
    assert [row.service_code for row in here.list_connections().rows] == [PLACE[0]]


def dated(rows: Sequence[SnapshotRecord]) -> list[str]:
    """The order of snapshots with a time in their names; the position of others is not specified."""
    return [row.id for row in rows if NAME_TIME.search(row.name)]


def bare(record: msgspec.Struct) -> tuple[object, ...]:
    """A record without the text that it was read from."""
    return tuple(getattr(record, name) for name in record.__struct_fields__ if name != "raw")


def test_its_faults_are_the_ones_it_knows(live_server: LiveServer, mia: Membership) -> None:
    Environment.objects.create(team=mia.team, service_code=PLACE[0], name=PLACE[1])
    with CloudClient(live_server.url + ROOT, Secret(made(mia)[1].token)) as client:
        with pytest.raises(NotFound):
            client.list_snapshots("compute-on", "nowhere")
        with pytest.raises(Unavailable) as never_listed:
            client.list_snapshots(*PLACE)
    assert (never_listed.value.retry_after, never_listed.value.code) == (60.0, "503")
    with CloudClient(live_server.url + ROOT, Secret("wrong")) as stranger, pytest.raises(Refused):
        stranger.list_snapshots(*PLACE)
