"""Rows read past the ORM are the rows that the ORM returns."""

import pytest

from dashboard.backends.plain_rows import plain_rows
from snapshots.models import Environment, Snapshot
from snapshots.simulator.server import Simulator
from tests.sync.conftest import clock, environment, key, seen, sim
from tests.sync.steps import PATH, ids, refreshed

__all__ = ["clock", "environment", "key", "seen", "sim"]

COLUMNS = ("pk", *(field.attname for field in Snapshot._meta.concrete_fields))


@pytest.mark.both_databases
def test_they_are_those_of_the_orm(seen: Environment, sim: Simulator) -> None:
    sim.world.remove_snapshot(PATH, ids(sim)[0])
    refreshed(seen)
    rows = Snapshot.objects.filter(environment=seen).order_by("pk")
    found = list(plain_rows(rows, *COLUMNS))
    assert found == list(rows.values_list(*COLUMNS))
    assert [[type(value) for value in row] for row in found] == [
        [type(value) for value in row] for row in rows.values_list(*COLUMNS)
    ]
    assert {row[COLUMNS.index("missing_since")] is None for row in found} == {True, False}


@pytest.mark.both_databases
def test_a_query_that_finds_nothing(seen: Environment) -> None:
    assert list(plain_rows(Snapshot.objects.filter(pk__in=[]), "pk")) == []
