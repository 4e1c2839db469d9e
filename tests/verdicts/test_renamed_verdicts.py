"""An upgrade renames the stored verdicts and keeps what they say; links with the old names still open."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps
from django.http import QueryDict

from snapshots.lists import volume_filters
from snapshots.models import SavedView, VerdictDay, Volume

BEFORE, AFTER = [("snapshots", "0011_witnesses")], [("snapshots", "0012_rename_verdicts")]
AT = datetime(2026, 11, 1, tzinfo=UTC)
OLD_ANSWER = {"schedule": "DAILY", "cannot_tell": AT.isoformat(), "under_way": None, "running_since": None}


def migrate(targets: list[tuple[str, str]]) -> StateApps:
    executor = MigrationExecutor(connection)
    return executor.migrate(targets).apps


@pytest.fixture
def old(transactional_db: None) -> Iterator[StateApps]:
    yield migrate(BEFORE)
    migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())


def test_stored_verdicts_are_renamed(old: StateApps) -> None:
    team = old.get_model("teams", "Team").objects.create(name="Acme", slug="acme")
    environment = old.get_model("snapshots", "Environment").objects.create(team=team, service_code="c", name="prod")
    of_both = {"team": team, "environment": environment}
    moments = {"cannot_tell_from": AT, "under_way_from": AT, "gone_at": AT}
    old.get_model("snapshots", "Volume").objects.create(**of_both, **moments, answers=[OLD_ANSWER])
    old.get_model("snapshots", "VerdictDay").objects.create(environment=environment, day=AT.date(), cannot_tell=3)
    query = "status=cannot_tell&status=late&status=gone&q=gone"
    old.get_model("snapshots", "SavedView").objects.create(team=team, name="x", page="volumes", query=query)
    migrate(AFTER)
    volume = Volume.objects.values_list("unknown_from", "running_from", "deleted_at", "answers").get()
    answer = {"schedule": "DAILY", "unknown": AT.isoformat(), "running": None, "running_since": None}
    assert volume == (AT, AT, AT, [answer])
    assert VerdictDay.objects.values_list("unknown").get() == (3,)
    assert SavedView.objects.values_list("query").get() == ("status=unknown&status=late&status=deleted&q=gone",)


def test_links_with_old_values_open() -> None:
    query = QueryDict("status=cannot_tell&status=under_way&status=not_judged&status=gone&status=unknown")
    filters = volume_filters.parse(query, [])
    assert (filters.statuses, filters.problems) == (("unknown", "running", "excluded", "deleted"), ())
