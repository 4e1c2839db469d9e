"""The database says of every volume what the pure function says of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.teams.models import Team
from snapshots.models import Environment, Volume
from snapshots.rules.verdict import Thresholds, Verdict, status
from snapshots.verdicts.sql import FOR_EVER, DataAges, age_of_data, judged, volumes_of_team

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
EXEMPT = st.none() | st.none() | st.none() | UNTIL
ENVIRONMENTS = st.tuples(AGES, st.sampled_from([0, 0, 600, -600]), st.none() | EXEMPT)
BLIND = st.tuples(st.none(), st.just(0), st.none())
PATIENCE = st.sampled_from([900, 1800, 21600])
VOLUMES = st.tuples(st.integers(0, 3), THRESHOLDS, PATIENCE, EXEMPT, st.sampled_from([False] * 7 + [True]))


@pytest.mark.django_db
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.tuples(ENVIRONMENTS, ENVIRONMENTS, ENVIRONMENTS, BLIND), st.lists(VOLUMES, min_size=30, max_size=60))
def test_sql_and_function_agree(environments: tuple[tuple, ...], volumes: list[tuple]) -> None:
    Team.objects.all().delete()
    team = Team.objects.create(slug="acme", name="Acme")
    places = [_environment(team, number, *each) for number, each in enumerate(environments)]
    Volume.objects.bulk_create(
        _volume(team, places[place], number, *rest) for number, (place, *rest) in enumerate(volumes)
    )
    found = judged(volumes_of_team(places), DataAges.of(places, NOW)).values_list("volume_id", "said", "then")
    said = {int(number): (Verdict(now), Verdict(then)) for number, now, then in found}
    expected = {number: _expected(places[place], *rest) for number, (place, *rest) in enumerate(volumes)}
    blind = {number for number, (place, *_) in enumerate(volumes) if places[place].data_at is None}
    assert {number: pair[0] for number, pair in said.items()} == {number: pair[0] for number, pair in expected.items()}
    assert all(said[number][1] == pair[1] for number, pair in expected.items() if number not in blind)


def _environment(team: Team, number: int, age: timedelta | None, ahead: int, exempt: datetime | None) -> Environment:
    listed_at = None if age is None else NOW - age
    return Environment.objects.create(
        team=team,
        service_code="compute-on",
        name=f"prod{number}",
        listed_at=listed_at,
        data_at=listed_at and listed_at + timedelta(seconds=ahead),
        clock_ahead=ahead,
        exempt_until=exempt,
    )


def _volume(team, environment, number, thresholds, patience, exempt, is_gone) -> Volume:
    return Volume(
        team=team,
        environment=environment,
        volume_id=str(number),
        patience=patience,
        exempt_until=exempt,
        deleted_at=NOW if is_gone else None,
        doubt_from=thresholds.first_doubt,
        **{f"{name}_from": getattr(thresholds, name) for name in NAMES},
    )


def _expected(environment, thresholds, patience, exempt, is_gone) -> tuple[Verdict, Verdict]:
    """What is said, and what the data gave."""
    said, then = status(
        thresholds,
        patience=timedelta(seconds=patience),
        data_at=environment.data_at,
        age=age_of_data(environment, NOW),
    )
    if is_gone:
        return Verdict.DELETED, then
    if any(until is not None and until > NOW for until in (exempt, environment.exempt_until)):
        return Verdict.EXCLUDED, then
    return said, then
