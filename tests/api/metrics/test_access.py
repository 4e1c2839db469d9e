"""Whose token shows what: a team's its own, the operator's all; nobody else's anything."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from dashboard.teams.access import issue_tokens
from dashboard.teams.models import AuditEvent, Membership
from snapshots.models import Environment
from tests.api.conftest import LIST, Script, furnish, made
from tests.api.metrics.conftest import METRICS, OPERATORS, Told, told_to

pytestmark = pytest.mark.django_db


def test_a_teams_token_shows_its_own_alone(script: Script, foreign: Environment, rita: Membership) -> None:
    """Both teams watch compute-on/prod."""
    _token, theirs = made(rita)
    own, other = told_to(script), told_to(theirs)
    assert own.all_of("team") == {"acme"}
    assert other.all_of("team") == {"rival"}
    assert own.total("snapshots_in_state") == 4
    assert other.total("snapshots_in_state") == 6
    assert "snapshots_requests" not in own.text


def test_a_token_of_environments_shows_these(script: Script, prod: Environment, mia: Membership) -> None:
    furnish(prod.team, "compute-qc/shop", 2)
    _token, bound = made(mia, "compute-qc/shop")
    assert told_to(script).all_of("environment") == {"compute-on/prod", "compute-qc/shop"}
    assert told_to(bound).all_of("environment") == {"compute-qc/shop"}


def test_the_operators_token_shows_all_teams_and_the_web(
    operator: Script, prod: Environment, foreign: Environment
) -> None:
    Script().get(METRICS)
    told = told_to(operator)
    assert told.all_of("team") == {"acme", "rival"}
    assert told.total("snapshots_in_state") == 10
    assert told.number("snapshots_requests_total") > 0
    answer = Script().get(METRICS, Authorization=f"Bearer {OPERATORS}")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"


def refused(mia: Membership, clock: time_machine.Traveller) -> list[tuple[int, bytes]]:
    """What is answered to every token that opens nothing, and to none."""
    ended, dead = made(mia)
    issue_tokens.revoke(ended, actor=mia.user)
    _old, expired = made(mia, days=30)
    clock.shift(timedelta(days=31))
    wrong = ["", "x", OPERATORS[:-1] + "k", OPERATORS.upper(), f"{OPERATORS}é", dead.token, expired.token]
    answers = [Script(token).get(METRICS) for token in wrong]
    return [(answer.status_code, answer.content) for answer in answers]


def test_every_wrong_token_gets_the_same_bytes(
    operator: Script, prod: Environment, mia: Membership, clock: time_machine.Traveller
) -> None:
    found = refused(mia, clock)
    assert len(found) == 7
    assert {status for status, _content in found} == {401}
    assert len({content for _status, content in found}) == 1


def test_without_an_operators_token_none_opens_it(prod: Environment, settings: Settings) -> None:
    assert settings.METRICS_TOKEN_DIGEST == ""
    for token in ("", " ", OPERATORS):
        assert Script().get(METRICS, Authorization=f"Bearer {token}").status_code == 401


def test_a_session_opens_nothing(prod: Environment, alice_client: Client, charlie_client: Client) -> None:
    for client in (alice_client, charlie_client):
        assert client.get(METRICS).status_code == 401


def test_the_operators_token_opens_nothing_else(operator: Script, prod: Environment) -> None:
    for url in (LIST, "/api/v1/environments", "/t/acme/volumes/"):
        assert operator.get(url).status_code in (401, 302)


def test_only_reading(operator: Script, script: Script) -> None:
    for asking in (operator, script):
        statuses = {asking.get(METRICS, method=method).status_code for method in ("POST", "PUT", "DELETE", "OPTIONS")}
        assert statuses == {405}
        assert asking.get(METRICS, method="HEAD").status_code == 200


def test_no_session_and_no_secret(operator: Script, script: Script, caplog: pytest.LogCaptureFixture) -> None:
    said = told_to(operator).text + told_to(script).text
    assert Session.objects.count() == 0
    assert "CANARY" not in said + caplog.text
    assert script.token not in said + caplog.text


def test_its_first_use_is_in_the_audit_and_the_operators_in_none(operator: Script, script: Script) -> None:
    told_to(operator)
    assert not AuditEvent.objects.filter(kind="token_used").exists()
    told_to(script)
    assert AuditEvent.objects.filter(kind="token_used").count() == 1


def queries_of(asking: Script) -> int:
    with CaptureQueriesContext(connection) as asked:
        told_to(asking)
    return len(asked)


@pytest.mark.proof
def test_as_many_queries_for_many_as_for_one(
    operator: Script, script: Script, prod: Environment, foreign: Environment, figures: Callable[..., None]
) -> None:
    told_to(script)
    few = [queries_of(operator), queries_of(script)]
    for number in range(6):
        furnish(prod.team, f"compute-qc/shop-{number}", 3)
        furnish(foreign.team, f"compute-qc/shop-{number}", 3)
    assert [queries_of(operator), queries_of(script)] == few
    figures("queries of /metrics", operator=few[0], team=few[1])
    assert few == [4, 5]


def test_a_removed_environment_is_not_told(script: Script, prod: Environment) -> None:
    Environment.objects.update(removed_at=prod.listed_at)
    assert told_to(script).all_of("environment") == set()
    assert isinstance(told_to(script), Told)
