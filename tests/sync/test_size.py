"""Ten thousand snapshots: the first list, the same again, and one percent changed."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from time_machine import Traveller

from snapshots.models import Environment, Snapshot, Volume
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.sync.steps import KEY, MINUTE, PATH, backed_up, ids, refreshed, usable_ids

MANY = 10_000
# Part of the statements that read the rows of volumes that are judged again.
READ = '"snapshots_snapshot"."volume_id" IN ('


@pytest.fixture
def sim(clock: Traveller, settings: Settings) -> Iterator[Simulator]:
    world = World(environments=[PATH], volumes=100, snapshots=MANY)
    with Simulator(world, keys={KEY: None}) as simulator:
        settings.CLOUDCA_API_URL = simulator.url
        yield simulator


@pytest.mark.proof
@pytest.mark.both_databases(proof=True)
def test_ten_thousand_snapshots_are_mirrored_and_kept_up(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    assert (seen.facets["listed"], Snapshot.objects.count()) == (MANY, MANY)
    assert usable_ids(seen) == backed_up(sim)
    assert sum(Volume.objects.values_list("snapshot_count", flat=True)) + seen.facets["no_volume"] == MANY
    assert refreshed(seen).total == 0
    for snapshot_id in ids(sim)[::100]:
        sim.world.set_state(PATH, snapshot_id, "Error")
    clock.shift(MINUTE)
    with CaptureQueriesContext(connection) as log:
        assert refreshed(seen).changed in range(90, 101)  # the rest had failed before
    assert usable_ids(seen) == backed_up(sim)
    assert len(log) < 60
    if connection.vendor == "sqlite":
        plans = [plan(query["sql"]) for query in log.captured_queries if READ in query["sql"]]
        assert plans
        assert all("of_volume" in each or "by_missing" in each for each in plans), plans


def plan(sql: str) -> str:
    with connection.cursor() as cursor:
        return " ".join(row[-1] for row in cursor.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall())
