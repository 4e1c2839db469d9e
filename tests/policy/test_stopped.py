"""An intentionally stopped schedule: no run of it is due until a run of its type appears."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import Team
from snapshots.models import Environment, Snapshot, Volume
from snapshots.rules.verdict import Verdict
from tests.policy.conftest import shot
from tests.policy.steps import STOPPED, audited, pk, said, verdicts
from tests.views.snapshots.conftest import Fill
from tests.views.snapshots.reading import tree

pytestmark = pytest.mark.django_db


@pytest.fixture
def late(team: Team, fill: Fill) -> Environment:
    """One daily volume, late since long."""
    return fill([shot(1, 1, days=5), shot(1, 2, days=6)])


def stop(client: Client, number: int = 1, **values: str) -> list[str]:
    form = {"volume": str(pk(number)), "schedule": "DAILY"} | values
    return said(client.post(STOPPED, form, follow=True))


def test_it_is_late_until_a_member_says_so(dora_client: Client, team: Team, late: Environment) -> None:
    assert verdicts(team) == {"disk-1": Verdict.LATE}
    assert stop(dora_client) == ["Nothing is expected of it until a new run appears."]
    assert verdicts(team) == {"disk-1": Verdict.FRESH}
    assert audited() == [("schedule_stopped", "disk-1 · prod · compute-on", "DAILY")]


def test_the_same_lists_again_do_not_wake_it(dora_client: Client, team: Team, late: Environment, fill: Fill) -> None:
    stop(dora_client)
    fill([shot(1, 1, days=5), shot(1, 2, days=6, name="renamed")])
    assert verdicts(team) == {"disk-1": Verdict.FRESH}


def test_a_new_run_wakes_it(
    dora_client: Client, team: Team, late: Environment, fill: Fill, clock: time_machine.Traveller
) -> None:
    stop(dora_client)
    clock.shift(timedelta(hours=1))
    fill([shot(1, 3, days=0.01), shot(1, 1, days=5), shot(1, 2, days=6)])
    clock.shift(timedelta(days=3))
    fill([shot(1, 3, days=3), shot(1, 1, days=8), shot(1, 2, days=9)])
    assert verdicts(team) == {"disk-1": Verdict.LATE}


def test_what_was_woken_once_does_not_fall_asleep_again(
    dora_client: Client, team: Team, late: Environment, fill: Fill, clock: time_machine.Traveller
) -> None:
    old, woken = [shot(1, 1, days=5), shot(1, 2, days=6)], shot(1, 3, days=0.01)
    stop(dora_client)
    clock.shift(timedelta(hours=1))
    fill([woken, *old])
    for days in (3, 1, 40):
        # The run that woke it is gone, and after some weeks no judgement reads its row any more.
        clock.shift(timedelta(days=days))
        fill([*old, shot(2, days, days=0)])
    fill([old[0], shot(2, 40, days=0)])
    assert verdicts(team)["disk-1"] is Verdict.LATE


def test_it_can_be_taken_back(dora_client: Client, team: Team, late: Environment) -> None:
    stop(dora_client)
    assert stop(dora_client, undo="1") == ["Its runs are expected again."]
    assert verdicts(team) == {"disk-1": Verdict.LATE}
    assert audited()[-1] == ("schedule_resumed", "disk-1 · prod · compute-on", "DAILY")


def test_taken_back_when_no_row_of_it_counts_any_more(dora_client: Client, team: Team, late: Environment) -> None:
    long_ago = timezone.now() - timedelta(days=90)
    gone = {"listed": False, "missing_since": long_ago, "taken_key": long_ago, "taken_before": long_ago}
    stop(dora_client)
    Snapshot.objects.filter(environment=late).update(**gone)
    stop(dora_client, undo="1")
    assert Volume.objects.get().schedules == "D"
    assert verdicts(team)["disk-1"] in (Verdict.LATE, Verdict.NONE)
    assert Volume.objects.get().late_from is not None


@pytest.mark.both_databases
def test_nothing_happens_twice(dora_client: Client, late: Environment) -> None:
    assert stop(dora_client, undo="1") == ["Nothing was changed: someone else was faster."]
    stop(dora_client)
    assert stop(dora_client) == ["Nothing was changed: someone else was faster."]
    assert len(audited()) == 1


@pytest.mark.parametrize("form", [{}, {"volume": "0"}, {"volume": "x"}, {"schedule": "MANUAL"}, {"schedule": "daily"}])
def test_what_is_not_there_is_said(dora_client: Client, late: Environment, form: dict[str, str]) -> None:
    values = {"volume": str(pk(1)), "schedule": "DAILY"} | form if form else {}
    page = dora_client.post(STOPPED, values, follow=True)
    assert said(page) == ["There is no such volume or schedule."]
    assert Volume.objects.get().ended == {}


def test_a_schedule_that_it_never_had_is_not_ended(dora_client: Client, late: Environment) -> None:
    assert stop(dora_client, schedule="HOURLY") == ["Nothing was changed: someone else was faster."]
    assert Volume.objects.get().ended == {}


def test_only_members_say_so(bob_client: Client, charlie_client: Client, team: Team, late: Environment) -> None:
    form = {"volume": str(pk(1)), "schedule": "DAILY"}
    assert bob_client.post(STOPPED, form).status_code == 403
    assert charlie_client.post(STOPPED, form).status_code == 404
    assert charlie_client.post("/t/rival/volumes/stopped/", form).status_code == 302
    assert verdicts(team) == {"disk-1": Verdict.LATE}


def test_without_a_page_of_its_own_it_answers_posts_alone(dora_client: Client, team: Team) -> None:
    assert dora_client.get(STOPPED)["Location"] == "/t/acme/volumes/"
    assert tree(dora_client.get("/t/acme/views/")).one("h1").text == "Saved views"
