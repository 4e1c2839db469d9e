"""Problems by the API: from their beginning to their end, filtered, and page by page."""

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from dashboard.teams.models import Team
from snapshots.alerts.problems import settle
from snapshots.models import Environment, Problem
from tests.api.conftest import PROBLEMS, ROOT, Script, add_problems
from tests.loops import in_turn
from tests.views.snapshots.conftest import OTHER_VOLUME, VOLUME, refuse

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def settled(script: Script, clock: time_machine.Traveller) -> None:
    """The late volume's problem, one that ended, and one of an environment."""
    prod = Environment.objects.get(team__slug="acme", service_code="compute-on")
    add_problems(prod)
    settle(refuse(prod))


def body(script: Script, query: str = "") -> dict[str, Any]:
    answer = script.get(f"{PROBLEMS}?{query}")
    assert answer.status_code == 200, answer.content
    read: dict[str, Any] = json.loads(answer.content)
    return read


def kinds(script: Script, query: str = "") -> list[str]:
    return [row["kind"] for row in body(script, query)["data"]]


def test_one_with_its_steps_and_its_end(script: Script) -> None:
    (row,) = body(script, "state=ended")["data"]
    assert (row["kind"], row["volumeId"], row["end"], row["began"]) == (
        *("stuck", VOLUME, "recovered"),
        {"before": "2026-11-21T12:00:00Z"},
    )
    assert [step["kind"] for step in row["steps"]] == ["failing", "stuck"]
    assert row["ended"] == "2026-11-21T14:00:00Z"


def test_one_of_an_environment_names_no_volume(script: Script) -> None:
    (row,) = body(script, "kind=refused")["data"]
    assert (row["environmentName"], row.get("volumeId"), row.get("ended")) == ("prod", None, None)


@in_turn(
    ("query", "found"),
    [
        ("", ["refused", "stuck", "late"]),
        ("state=open", ["refused", "late"]),
        ("state=acknowledged", []),
        ("kind=late&kind=stuck", ["stuck", "late"]),
        (f"volume_id={OTHER_VOLUME}", ["late"]),
        ("environment=compute-on/prod&kind=none", []),
    ],
)
def test_filters(script: Script, query: str, found: list[str]) -> None:
    assert kinds(script, query) == found


@in_turn("query", ["state=all", "kind=Late", "kind=unknown", "limit=0", "cursor=x", "page=2"])
def test_what_is_not_valid_is_refused(script: Script, query: str) -> None:
    assert script.get(f"{PROBLEMS}?{query}").status_code == 400


def test_pages_have_each_once(script: Script) -> None:
    found, query = list[str](), "limit=1"
    while True:
        read = body(script, query)
        assert read["metadata"]["recordCount"] == 3
        found += [row["kind"] for row in read["data"]]
        if "nextCursor" not in read["metadata"]:
            break
        query = f"limit=1&cursor={read['metadata']['nextCursor']}"
    assert found == ["refused", "stuck", "late"]


def test_an_acknowledgement_is_told_while_it_holds(script: Script, clock: time_machine.Traveller) -> None:
    until = timezone.now() + timedelta(hours=1)
    Problem.objects.filter(kind=Problem.Kind.LATE).update(acknowledged_until=until, note="moves", ticket="OPS-1")
    (row,) = body(script, "state=acknowledged")["data"]
    assert (row["acknowledgedUntil"], row["note"], row["ticket"]) == ("2026-11-24T13:00:00Z", "moves", "OPS-1")
    clock.shift(timedelta(hours=2))
    assert kinds(script, "state=acknowledged") == []


def test_nothing_of_another_team_is_there(script: Script, rival: Team) -> None:
    other = Environment.objects.create(team=rival, service_code="compute-on", name="theirs")
    now = timezone.now()
    Problem.objects.create(team=rival, environment=other, kind=Problem.Kind.NONE, began_at=now, noticed_at=now)
    assert "none" not in kinds(script)
    assert script.get(f"{ROOT}/teams/rival/problems").status_code == 404
    assert script.get(f"{PROBLEMS}?environment=compute-on/theirs").status_code == 404
