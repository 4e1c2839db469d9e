"""The SQL gives every volume the status that the reference gives it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.teams.models import Team
from snapshots.models import Environment, Volume
from snapshots.rules.verdict import Thresholds, Verdict
from snapshots.verdicts.sql import FOR_EVER, DataAges, volumes_of_team, with_status
from snapshots.verdicts.status import thresholds_of, verdict_under
from tests.proof import SHORT_AND_FULL
from tests.verdicts.reference import expected

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
# Most moments stand where something changes, as chance alone would seldom hit them.
MINUTES = st.sampled_from([-3000, -1441, -400, -361, -61, -16, -11, -9, -1, 0, 0, 1, 9, 11, 400]) | st.integers(
    -2000, 2000
)
MOMENTS = st.none() | st.none() | st.none() | MINUTES.map(lambda minutes: NOW + timedelta(minutes=minutes))
AGES = st.builds(
    lambda minutes, more: timedelta(minutes=minutes, microseconds=more),
    st.sampled_from([0, 0, 1, 14, 15, 16, 30, 31, 360, 361, 1440, 1441, -3]) | st.integers(0, 2000),
    # Half a second more than somebody's patience is more.
    st.sampled_from([0, 0, 1, 500_000]),
)
NAMES = ("none", "late", "stuck", "failing", "unknown", "new", "running")
THRESHOLDS = st.builds(Thresholds, **dict.fromkeys(NAMES, MOMENTS))
UNTIL = st.sampled_from([NOW - timedelta(seconds=1), NOW, NOW + timedelta(seconds=1), FOR_EVER])
EXCLUDED = st.none() | st.none() | st.none() | UNTIL
ENVIRONMENTS = st.tuples(AGES, st.sampled_from([0, 0, 600, -600]), st.none() | EXCLUDED)
BLIND = st.tuples(st.none(), st.just(0), st.none())
PATIENCE = st.sampled_from([900, 1800, 21600])
OF_DATA = [{"unknown_state": 1}, {"hidden": 1, "left_out": 2}, {"unknown_type": 2}, {"undated": {"": 1}}]
DOUBTS = st.sampled_from([{}, {}, *OF_DATA])
VOLUMES = st.tuples(
    st.integers(0, 3), THRESHOLDS, PATIENCE, EXCLUDED, st.sampled_from([False] * 7 + [True]), DOUBTS, MOMENTS
)


Drawn = tuple[Any, ...]
ANNOTATED = ("verdict", "verdict_by_data", "verdict_reason", "verdict_since")


def _name(verdict: int) -> str:
    return Verdict(verdict).name.lower()


@pytest.mark.both_databases
@pytest.mark.django_db
@SHORT_AND_FULL
def test_sql_and_reference_agree(full: bool) -> None:
    tried = settings(
        max_examples=40 if full else 15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    drawn = given(
        st.tuples(ENVIRONMENTS, ENVIRONMENTS, ENVIRONMENTS, BLIND), st.lists(VOLUMES, min_size=30, max_size=60)
    )
    tried(drawn(agree))()


def agree(environments: tuple[Drawn, ...], volumes: list[Drawn]) -> None:
    Team.objects.all().delete()
    team = Team.objects.create(slug="acme", name="Acme")
    places = [_environment(team, number, *each) for number, each in enumerate(environments)]
    rows = [_volume(team, places[place], number, *rest) for number, (place, *rest) in enumerate(volumes)]
    Volume.objects.bulk_create(rows)
    found = with_status(volumes_of_team(places), DataAges.of(places, NOW)).values_list("volume_id", *ANNOTATED)
    status = {id: (_name(verdict), _name(by_data), *rest) for id, verdict, by_data, *rest in found}
    for row in rows:
        wanted = expected(row, row.environment, NOW)
        # Without a list there is no data to give a verdict.
        by_data = status[row.volume_id][1] if row.environment.data_at is None else wanted.by_data
        assert status[row.volume_id] == wanted._replace(by_data=by_data)
    for place in places:
        place.excluded_until = None
    for row in rows:
        row.deleted_at = row.excluded_until = None
        under = verdict_under(thresholds_of(row), timedelta(seconds=row.patience), row.environment, NOW)
        assert _name(under) == expected(row, row.environment, NOW).verdict


def _environment(team: Team, number: int, age: timedelta | None, ahead: int, excluded: datetime | None) -> Environment:
    listed_at = None if age is None else NOW - age
    return Environment.objects.create(
        team=team,
        service_code="compute-on",
        name=f"prod{number}",
        listed_at=listed_at,
        # Without a complete list there was an incomplete one: else no row is shown.
        partial_at=None if listed_at else NOW,
        data_at=listed_at and listed_at + timedelta(seconds=ahead),
        clock_ahead=ahead,
        excluded_until=excluded,
    )


def _volume(
    team: Team,
    environment: Environment,
    number: int,
    thresholds: Thresholds,
    patience: int,
    excluded: datetime | None,
    is_deleted: bool,
    doubts: dict[str, Any],
    newest: datetime | None,
) -> Volume:
    return Volume(
        team=team,
        environment=environment,
        volume_id=str(number),
        patience=patience,
        excluded_until=excluded,
        deleted_at=NOW if is_deleted else None,
        doubts=doubts,
        newest_before=newest,
        doubt_from=thresholds.first_doubt,
        **{f"{name}_from": getattr(thresholds, name) for name in NAMES},
    )
