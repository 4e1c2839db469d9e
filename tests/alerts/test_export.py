"""The problems of an address of the alerts page as files: each problem is a row."""

import csv
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import User
from snapshots.alerts.acknowledge import Acknowledgement, acknowledge
from snapshots.alerts.tick import Ticker
from snapshots.lists.problem_filters import ProblemFilters
from snapshots.lists.problem_list import find_current
from snapshots.models import Environment, Problem
from tests.alerts.page import ALERTS, problem
from tests.views.snapshots.conftest import refuse
from tests.views.volumes.home.steps import HOSTILE, volume_id

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def content(client: Client, kind: str, query: str = "") -> bytes:
    answer = client.get(f"{ALERTS}export.{kind}{query}")
    assert answer.status_code == 200
    return answer.getvalue()


def rows(client: Client, query: str = "") -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(content(client, "json", query))["data"]
    return found


def test_each_problem_is_a_row_in_the_pages_order(begun: Environment, bob_client: Client) -> None:
    Problem.objects.filter(pk=problem("failing").pk).update(ended_at=timezone.now(), end="recovered")
    found = rows(bob_client)
    assert [row["kind"] for row in found] == ["none", "late", "late", "stuck", "failing"]
    assert found[0]["id"] == volume_id("none")
    assert found[-1]["end"] == "recovered"
    assert (found[0]["environmentName"], found[0]["endedAt"]) == ("prod", None)
    assert [row["kind"] for row in rows(bob_client, "?kind=late")] == ["late", "late"]
    assert [row["kind"] for row in rows(bob_client, "?show=ended")] == ["failing"]


def test_what_was_said_is_in_it(begun: Environment, alice: User, bob_client: Client) -> None:
    member, now = alice.memberships.get(), timezone.now()
    stuck = find_current(member.team, ProblemFilters(kinds=("stuck",)), member, now).open[0]
    acknowledge(member.team, stuck, Acknowledgement(now + HOUR, "=1+1", "OPS-1"), person=alice)
    text = content(bob_client, "csv", "?kind=stuck").decode("utf-8-sig")
    (row,) = csv.DictReader(StringIO(text))
    assert (row["note"], row["ticket"], row["acknowledgedBy"]) == ("'=1+1", "OPS-1", alice.email)
    assert row["acknowledgedUntil"] == f"{now + HOUR:%Y-%m-%dT%H:%M:%SZ}"
    assert row["filter"] == "kind=stuck"


def test_of_an_environments_own_problem_there_is_no_volume(begun: Environment, bob_client: Client) -> None:
    refuse(begun)
    Ticker().tick()
    (row,) = rows(bob_client)
    assert row["kind"] == "refused"
    assert row.keys().isdisjoint({"id", "name"})


def test_hostile_text_and_an_excel_file(begun: Environment, bob_client: Client) -> None:
    Problem.objects.update(note=HOSTILE, ticket=HOSTILE)
    assert {row["note"] for row in rows(bob_client)} == {HOSTILE}
    assert content(bob_client, "xlsx").startswith(b"PK")


def test_without_rows_there_is_a_note(begun: Environment, bob_client: Client) -> None:
    text = content(bob_client, "csv", "?q=no-such").decode("utf-8-sig")
    (row,) = csv.DictReader(StringIO(text))
    assert (row["kind"], row["environmentName"]) == ("", "prod")


def test_a_stranger_gets_none(begun: Environment, charlie_client: Client) -> None:
    assert charlie_client.get(f"{ALERTS}export.csv").status_code == 404
