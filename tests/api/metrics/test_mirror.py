"""What the mirror says of itself: the numbers of the pages, and nothing that grows without bound."""

from collections.abc import Callable
from math import inf
from time import perf_counter
from urllib.parse import parse_qs

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.teams.models import Team
from snapshots.alerts.problems import settle
from snapshots.api.metrics import FAULTS, MOST_NAME, MOST_VOLUMES
from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Problem, Volume
from snapshots.rules.verdict import ALWAYS
from tests.api.conftest import Script
from tests.api.metrics.conftest import told_to
from tests.views.snapshots.conftest import Fill, fail, record
from tests.views.volumes.home.steps import HOSTILE, change, disk, home, tile_links, volume, volume_id

pytestmark = pytest.mark.django_db
AGE = "snapshots_volume_newest_usable_age_seconds"
MANY = 10_000


@pytest.mark.both_databases
def test_volumes_add_up_with_the_tiles(told: Environment, fill: Fill, asker: Script, bob_client: Client) -> None:
    fill(disk("shop", 3, 27), path="compute-qc/shop")
    change("undated", excluded_until="2027-01-01T00:00Z")
    change("mixed", deleted_at="2026-11-24T00:00Z")
    counts = told_to(asker)
    links = list(tile_links(home(bob_client)))
    for address, number in links:
        statuses = parse_qs(address.partition("?")[2])["status"]
        assert sum(counts.total("snapshots_volumes", verdict=status) for status in statuses) == number
    assert sum(number for _address, number in links) == Volume.objects.count() - 2
    assert counts.total("snapshots_volumes", verdict="excluded") == 1
    assert counts.total("snapshots_volumes", verdict="deleted") == 1
    assert counts.total("snapshots_volumes") == Volume.objects.count()


def test_only_problems_are_named_with_their_age(told: Environment, asker: Script) -> None:
    ages = told_to(asker).values(AGE, "volume")
    assert {name: age if age == inf else age / 3600 for name, age in ages.items()} == {
        "none": inf, "late": 72, "stuck": 28, "failing": 25, "mixed": pytest.approx(0.5)
    }  # fmt: skip
    assert told_to(asker).values(AGE, "volume_id", volume="late").keys() == {volume_id("late")}


@pytest.mark.both_databases
def test_open_problems_by_kind(told: Environment, asker: Script) -> None:
    settle(told)
    Problem.objects.filter(volume=volume("none")).update(ended_at=timezone.now())
    counts = told_to(asker).values("snapshots_problems", "kind")
    assert counts == {"none": 0, "late": 2, "stuck": 1, "failing": 1, "silent": 0, "refused": 0}


@pytest.mark.both_databases
def test_ages_follow_the_providers_clock(told: Environment, asker: Script) -> None:
    Environment.objects.update(clock_ahead=600)
    assert told_to(asker).value(AGE, volume="late") == 72 * 3600 + 600


@pytest.fixture
def many(told: Environment) -> None:
    """Ten thousand copies of the one that is late, made by the database itself."""
    columns = [
        field.column
        for field in Volume._meta.fields
        if field.column and field.column not in ("id", "volume_id", "name")
    ]
    names, pk = ", ".join(columns), volume("late").pk
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO snapshots_volume (volume_id, name, {names}) {numbers} "
            f"SELECT CAST(i AS text), 'copy-' || CAST(i AS text), {names} FROM snapshots_volume, n WHERE id = %s",
            [pk],
        )


@pytest.mark.both_databases
def test_ten_thousand_problems_make_few_series(many: None, asker: Script, figures: Callable[..., None]) -> None:
    began = perf_counter()
    told = told_to(asker)
    figures(
        "/metrics of 10,000 late volumes",
        ms=round((perf_counter() - began) * 1000),
        series=len(told.samples),
        KiB=len(told.text) // 1024,
    )
    assert told.value("snapshots_volumes", verdict="late") == MANY + 2
    assert told.number(AGE) == MOST_VOLUMES
    assert told.value("snapshots_volume_ages_left_out") == MANY + 5 - MOST_VOLUMES
    assert len(told.samples) <= 102


def test_the_oldest_are_named(many: None, asker: Script) -> None:
    Volume.objects.filter(name="copy-4711").update(newest_before=ALWAYS)
    ages = told_to(asker).values(AGE, "volume")
    assert {"none", "copy-4711"} <= ages.keys()
    assert "failing" not in ages
    assert "mixed" not in ages


def test_each_environment_has_its_own_fifty(told: Environment, fill: Fill, asker: Script) -> None:
    fill([row for number in range(MOST_VOLUMES + 2) for row in disk(f"disk-{number}", 72)], path="compute-qc/shop")
    found = told_to(asker)
    assert found.number(AGE, environment="compute-on/prod") == 5
    assert found.number(AGE, environment="compute-qc/shop") == MOST_VOLUMES
    assert found.values("snapshots_volume_ages_left_out", "environment") == {
        "compute-on/prod": 0,
        "compute-qc/shop": 2,
    }


def test_unknown_states_are_one(fill: Fill, asker: Script) -> None:
    states = ["BackedUp", "Error", "Error", "", "New", HOSTILE]
    fill([record(number, state=state) for number, state in enumerate(states, 1)])
    found = told_to(asker).values("snapshots_in_state", "state")
    assert {state: number for state, number in found.items() if number} == {"BackedUp": 1, "Error": 2, "other": 3}
    assert len(found) == 10


HOSTILE_NAMES = (HOSTILE, 'a"} 1\nsnapshots_volumes{team="rival"} 7', "\\", "back\\n", "x" * 255, "é\u2028ü\t", "")


def with_names() -> list[SnapshotRecord]:
    return [row for number, name in enumerate(HOSTILE_NAMES) for row in disk(f"disk-{number}", 72, volume=name)]


@pytest.mark.both_databases
def test_hostile_names_stay_labels(fill: Fill, asker: Script) -> None:
    fill(with_names())
    found = told_to(asker)
    kept = {name[:MOST_NAME] for name in Volume.objects.values_list("name", flat=True)}
    assert found.values(AGE, "volume").keys() == kept
    assert found.all_of("team") == {"acme"}
    assert found.number(AGE) == len(HOSTILE_NAMES)


def test_what_was_never_listed_does_not_look_fine(environment: Environment, asker: Script) -> None:
    found = told_to(asker)
    assert found.value("snapshots_data_age_seconds") == inf
    assert found.value("snapshots_listed_timestamp_seconds") == 0
    assert found.total("snapshots_volumes") == 0
    assert found.number("snapshots_sync_duration_seconds") == 0


def test_data_grows_old(told: Environment, asker: Script, clock: time_machine.Traveller) -> None:
    clock.shift(3600)
    found = told_to(asker)
    assert found.value("snapshots_data_age_seconds") == 3600
    assert told.listed_at is not None
    assert found.value("snapshots_listed_timestamp_seconds") == told.listed_at.timestamp()


def test_a_silent_mirror_cannot_tell(told: Environment, asker: Script, clock: time_machine.Traveller) -> None:
    """Old data does not keep its verdict: the verdict changes, and the age of the data shows why."""
    clock.shift(25 * 3600)
    found = told_to(asker)
    assert found.value("snapshots_volumes", verdict="unknown") == Volume.objects.count()
    assert found.value("snapshots_data_age_seconds") == 25 * 3600
    assert found.number(AGE) == 0


def test_the_last_sync_tells_how_long_it_took(seen: Environment, asker: Script) -> None:
    assert 0 < told_to(asker).value("snapshots_sync_duration_seconds") < 60


@pytest.mark.both_databases
def test_failures_are_counted_for_ever(told: Environment, fill: Fill, asker: Script) -> None:
    for kind in ("unavailable", "timeout", "timeout", "of another version"):
        fail(told, kind)
    found = told_to(asker)
    assert found.value("snapshots_sync_failures_in_a_row") == 4
    assert found.value("snapshots_sync_next_try_timestamp_seconds") > timezone.now().timestamp()
    fill([])
    found = told_to(asker)
    counted = {kind: n for kind, n in found.values("snapshots_sync_failures_total", "fault").items() if n}
    assert counted == {"unavailable": 1, "timeout": 2, "other": 1}
    assert found.number("snapshots_sync_failures_total") == len(FAULTS)
    assert found.value("snapshots_sync_failures_in_a_row") == 0
    assert found.number("snapshots_sync_next_try_timestamp_seconds") == 0


def test_a_team_without_an_environment_has_no_numbers(team: Team, asker: Script, settings: Settings) -> None:
    found = told_to(asker)
    assert {sample.name for sample in found.samples} == {"snapshots_build_info"}
    assert found.values("snapshots_build_info", "version") == {settings.RELEASE: 1}
