"""An upgrade renames stored verdicts and exclusions and keeps their values; links with the old names still open."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps
from django.http import QueryDict

from snapshots.lists import volume_filters
from snapshots.models import Environment, SavedView, VerdictDay, Volume

BEFORE, AFTER = [("snapshots", "0011_witnesses")], [("snapshots", "0014_rename_exclusions")]
AT = datetime(2026, 11, 1, tzinfo=UTC)
OLD_ANSWER = {"schedule": "DAILY", "cannot_tell": AT.isoformat(), "under_way": None, "running_since": None}


def migrate(targets: list[tuple[str, str]]) -> StateApps:
    executor = MigrationExecutor(connection)
    return executor.migrate(targets).apps


@pytest.fixture
def old(transactional_db: None) -> Iterator[StateApps]:
    yield migrate(BEFORE)
    migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())


@pytest.mark.proof
@pytest.mark.both_databases(proof=True)
def test_stored_verdicts_and_exclusions_are_renamed_and_exclusions_back(old: StateApps) -> None:
    team = old.get_model("teams", "Team").objects.create(name="Acme", slug="acme")
    values = {"exempt_until": AT, "exempt_reason": "lab", "exempt_by": "alice@example.com"}
    places = old.get_model("snapshots", "Environment").objects
    environment = places.create(team=team, service_code="c", name="prod", **values)
    moments = {"cannot_tell_from": AT, "under_way_from": AT, "gone_at": AT, "exempt_at": AT}
    old.get_model("snapshots", "Volume").objects.create(
        team=team, environment=environment, answers=[OLD_ANSWER], **moments, **values
    )
    old.get_model("snapshots", "VerdictDay").objects.create(environment=environment, day=AT.date(), cannot_tell=3)
    query = "status=cannot_tell&status=late&status=gone&q=gone"
    old.get_model("snapshots", "SavedView").objects.create(team=team, name="x", page="volumes", query=query)
    migrate(AFTER)
    volume = Volume.objects.values_list("unknown_from", "running_from", "deleted_at", "answers").get()
    answer = {"schedule": "DAILY", "unknown": AT.isoformat(), "running": None, "running_since": None}
    assert volume == (AT, AT, AT, [answer])
    assert VerdictDay.objects.values_list("unknown").get() == (3,)
    assert SavedView.objects.values_list("query").get() == ("status=unknown&status=late&status=deleted&q=gone",)
    names = ("excluded_until", "exclusion_reason", "excluded_by")
    assert Environment.objects.values_list(*names).get() == tuple(values.values())
    assert Volume.objects.values_list(*names, "excluded_at").get() == (*values.values(), AT)
    before = migrate(BEFORE).get_model("snapshots", "Volume")
    assert before.objects.values_list(*values, "exempt_at").get() == (*values.values(), AT)


def test_links_with_old_values_open() -> None:
    query = QueryDict("status=cannot_tell&status=under_way&status=not_judged&status=gone&status=unknown")
    filters = volume_filters.parse(query, [])
    assert (filters.statuses, filters.problems) == (("unknown", "running", "excluded", "deleted"), ())
