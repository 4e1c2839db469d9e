"""`sync_snapshots` once: a line for each environment, and exit status 1 if the data of one stays old."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from tests.management.conftest import Provision
from tests.management.steps import TEAM, Ran, run

PROD = "compute-on/prod"
LIST = "/compute-on/prod/snapshots"


def sync(*options: str) -> Ran:
    ran = run("sync_snapshots", *options)
    return Ran(ran.status, re.sub(r"\(\d+\.\d s\)", "(T)", ran.out), ran.err)


def later(minutes: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(minutes=minutes), tick=False)


def clock(minutes: float) -> str:
    return f"{timezone.now() + timedelta(minutes=minutes):%H:%M} UTC"


@pytest.fixture
def still() -> time_machine.travel:
    return later(0)


def test_a_line_for_each_environment(acme: Simulator) -> None:
    assert sync() == Ran(
        0,
        "acme  compute-on/prod  +24 new  0 changed  0 missing  (T)\n"
        "acme  compute-qc/prod  +24 new  0 changed  0 missing  (T)\n",
        "",
    )


def test_what_a_list_changed(acme: Simulator) -> None:
    sync()
    gone, changed, *_rest = (str(row["id"]) for row in acme.world.snapshots(PROD))
    acme.world.remove_snapshot(PROD, gone)
    acme.world.rename(PROD, changed, "renamed")
    acme.world.add_snapshot(PROD)
    with later(1):
        assert sync().lines[0] == f"acme  {PROD}  +1 new  1 changed  0 missing  1 left out, perhaps missing  (T)"
    with later(2):
        assert sync().lines[0] == f"acme  {PROD}  +0 new  0 changed  1 missing  (T)"


def test_one_team_alone(provision: Provision, acme: Simulator) -> None:
    provision(TEAM + TEAM.replace("acme", "globex"))
    assert sync("--team", "globex").lines == [
        "globex  compute-on/prod  +24 new  0 changed  0 missing  (T)",
        "globex  compute-qc/prod  +24 new  0 changed  0 missing  (T)",
    ]
    assert Environment.objects.filter(team__slug="acme", listed_at=None).count() == 2


def test_an_unknown_team(acme: Simulator) -> None:
    assert sync("--team", "nobody") == Ran(2, "", "There is no team 'nobody'.")


@pytest.mark.django_db
def test_nothing_to_do() -> None:
    assert sync() == Ran(0, "There is no environment yet. manage.py provision makes them from a file.\n", "")


def test_a_fault_says_when_it_is_tried_again(acme: Simulator, still: time_machine.travel) -> None:
    acme.fault(path=LIST, status=503)
    with still:
        ran = sync()
        assert ran.status == 1
        assert ran.lines[0] == (f"acme  {PROD}  The provider is not available at the moment. Next try: {clock(1)}.")
        assert ran.lines[1] == "acme  compute-qc/prod  +24 new  0 changed  0 missing  (T)"


def test_back_off_is_obeyed_and_force_passes_over_it(acme: Simulator) -> None:
    acme.fault(path=LIST, status=503)
    sync()
    until = clock(1)
    acme.clear_faults()
    with later(0.5):
        ran = sync()
        assert (ran.status, ran.lines[0]) == (
            1,
            f"acme  {PROD}  not asked: back-off until {until}. The provider is not available at the moment.",
        )
        assert sync("--force").lines[0] == f"acme  {PROD}  +24 new  0 changed  0 missing  (T)"


def test_retry_after_is_obeyed(acme: Simulator) -> None:
    acme.fault(path=LIST, status=429, headers={"Retry-After": "300"})
    sync()
    until = clock(5)
    with later(2):
        ran = sync()
    sentence = f"acme  {PROD}  not asked: the provider asks to wait until {until} (Retry-After)"
    assert (ran.status, ran.lines[0]) == (1, sentence)


def test_a_refused_key(acme: Simulator) -> None:
    acme.fault(path=LIST, refuse=403)
    assert sync().status == 1
    until = clock(15)
    with later(1):
        ran = sync()
    assert (ran.status, len(ran.lines)) == (1, 2)
    assert ran.lines[0].startswith(f"acme  {PROD}  not asked: refused, tried again at {until}. The provider rejected")


def test_no_key_and_one_that_cannot_be_read(acme: Simulator) -> None:
    ApiKey.objects.update(sealed="damaged")
    ran = sync("--force")
    assert (ran.status, ran.out.count("The stored API key cannot be read.")) == (1, 2)
    ApiKey.objects.all().delete()
    ran = sync()
    assert (ran.status, ran.lines[0]) == (1, f"acme  {PROD}  not asked: the team has no API key")


def test_the_gap_is_no_failure(acme: Simulator) -> None:
    sync()
    acme.clear()
    ran = sync()
    assert (ran.status, acme.calls()) == (0, 0)
    assert ran.lines[0] == f"acme  {PROD}  not asked: the last call was less than 10 seconds ago"


def test_a_lease_is_no_failure_and_binds_force(acme: Simulator) -> None:
    Environment.objects.update(lease_until=timezone.now() + timedelta(seconds=30))
    ran = sync("--force")
    assert (ran.status, acme.calls()) == (0, 0)
    assert ran.lines[0] == f"acme  {PROD}  not asked: another refresh is under way"


def test_an_incomplete_list_says_why(acme: Simulator) -> None:
    acme.fault(path=LIST, record_count="absent")
    ran = sync()
    assert (ran.status, ran.lines[0]) == (
        0,
        f"acme  {PROD}  +24 new  0 changed  0 missing  incomplete: it did not say how many records it has  (T)",
    )


def test_a_doubted_list_says_so(acme: Simulator) -> None:
    sync()
    acme.fault(path=LIST, empty_list=True)
    with later(1):
        line = sync().lines[0]
    assert "0 missing  24 left out, perhaps missing  doubted: too much is gone at once" in line


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--every", "9"], "--every needs at least 10 seconds: no environment is asked more often."),
        (["--every", "60", "--force"], "--force is for one round; it does not go with --every."),
    ],
)
def test_wrong_use(acme: Simulator, options: list[str], sentence: str) -> None:
    assert sync(*options) == Ran(2, "", sentence)


def test_another_key_is_tried_at_once(acme: Simulator) -> None:
    ApiKey.replace(Team.objects.get(), Secret("wrong-key"))
    assert sync().status == 1
    ApiKey.replace(Team.objects.get(), Secret("CANARY-key-of-acme"))
    with later(1):
        assert sync().status == 0
