"""The report of a month by the API: its figures, whose they are, and months that there are not."""

import json
from datetime import timedelta

import pytest
import time_machine

from dashboard.teams.models import Membership
from snapshots.models import Environment
from snapshots.verdicts.rule_times import note
from tests.api.conftest import ROOT, Script, made
from tests.views.snapshots.conftest import OTHER_VOLUME, VOLUME

pytestmark = pytest.mark.django_db
REPORTS = f"{ROOT}/teams/acme/reports"


@pytest.fixture(autouse=True)
def stored(script: Script, clock: time_machine.Traveller) -> None:
    """Half an hour in which one volume of each environment is late."""
    for environment in Environment.objects.all():
        note(environment, is_listed=True)
    clock.shift(timedelta(minutes=30))


def test_the_figures_of_a_month_in_progress(script: Script) -> None:
    answer = script.get(f"{REPORTS}/2026-11")
    assert answer.status_code == 200, answer.content
    report = json.loads(answer.content)["data"]
    assert (report["since"], report["until"]) == ("2026-11-01T00:00:00Z", "2026-11-24T12:30:00Z")
    places = [(row["environmentName"], row["id"]) for row in report["volumes"]]
    assert {id for _place, id in places} == {VOLUME, OTHER_VOLUME}
    assert len({*places}) == len(places)
    late = [row for row in report["volumes"] if row["id"] == OTHER_VOLUME]
    assert [(row["hoursNotMet"] + row["hoursMet"], row["hoursUnknown"]) for row in late] == [(0.5, 0)] * len(late)
    for name in ("hoursMet", "hoursNotMet", "hoursUnknown", "runsExpected", "runsMade", "runsMissed"):
        assert report["total"][name] == sum(row[name] for row in report["volumes"])
    assert (report["gaps"], "X-Data-As-Of" in answer.headers) == ([], True)


def test_a_token_reads_its_own_environments_and_its_own_team_alone(mia: Membership, script: Script) -> None:
    of_one = made(mia, "compute-on/prod")[1]
    report = json.loads(of_one.get(f"{REPORTS}/2026-11").content)["data"]
    assert {(row["serviceCode"], row["environmentName"]) for row in report["volumes"]} == {("compute-on", "prod")}
    assert script.get(f"{ROOT}/teams/rival/reports/2026-11").status_code == 404


@pytest.mark.parametrize("month", ["2026-12", "1999-12", "2026-13", "2026-1", "nonsense"])
def test_a_month_that_there_is_not(script: Script, month: str) -> None:
    assert script.get(f"{REPORTS}/{month}").status_code == 404


def test_a_month_without_figures_is_empty(script: Script) -> None:
    report = json.loads(script.get(f"{REPORTS}/2026-10").content)["data"]
    assert (report["volumes"], report["total"]["percentMet"]) == ([], 0)
