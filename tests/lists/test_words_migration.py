"""An upgrade indexes the words of the rows that are there; the way back leaves nothing that writes would need."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps

from dashboard.teams.models import Team
from snapshots.models import Snapshot, words

BEFORE, AFTER = [("snapshots", "0017_half_written_since")], [("snapshots", "0021_words_of_new_rows")]
AT = datetime(2026, 11, 1, tzinfo=UTC)


def migrate(targets: list[tuple[str, str]]) -> StateApps:
    words.is_there.cache_clear()
    executor = MigrationExecutor(connection)
    return executor.migrate(targets).apps


@pytest.fixture
def old(transactional_db: None) -> Iterator[StateApps]:
    yield migrate(BEFORE)
    migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())


@pytest.mark.proof
@pytest.mark.both_databases(proof=True)
def test_rows_of_before_are_indexed_and_the_way_back_works(old: StateApps) -> None:
    team = Team.objects.create(name="Acme", slug="acme")
    place = old.get_model("snapshots", "Environment").objects.create(team_id=team.pk, service_code="c", name="prod")
    rows = old.get_model("snapshots", "Snapshot").objects
    values = {"team_id": team.pk, "environment": place, "volume": "DATA-7"}
    moments = dict.fromkeys(("taken_before", "taken_key", "first_seen_at", "changed_at"), AT)
    for name in ("Größe-nightly", "weekly"):
        rows.create(snapshot_id=name, name=name, **values, **moments)
    nightly, weekly = rows.order_by("pk").values_list("pk", flat=True)
    assert words.rows_with(team.pk, "nightly", 9) is None
    migrate(AFTER)
    assert words.rows_with(team.pk, "NIGHTLY", 9) == [nightly]
    assert sorted(words.rows_with(team.pk, "data-7", 9) or ()) == [nightly, weekly]
    migrate(BEFORE)
    Snapshot.objects.filter(pk=weekly).update(name="nightly")
    migrate(AFTER)
    assert sorted(words.rows_with(team.pk, "nightly", 9) or ()) == [nightly, weekly]
