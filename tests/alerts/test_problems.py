"""Problems begin at their deadline, go through their kinds, and end: each is stored once, also after an outage."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.teams.models import Team, User
from snapshots.alerts import tick
from snapshots.alerts.problems import settle
from snapshots.alerts.tick import Ticker
from snapshots.models import Environment, Problem, Volume
from snapshots.policy.exclusions import Exclusion, exclude, exclude_environment, resume
from snapshots.setup.environments import remove
from snapshots.simulator.faults import Fault
from snapshots.simulator.server import Simulator
from tests.alerts.conftest import Records
from tests.sync.steps import failed, refreshed
from tests.views.snapshots.conftest import Fill, fail, refuse
from tests.views.volumes.home.steps import disk, volume

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def stored(**of: object) -> dict[str, str]:
    """The open problems by their volumes' names."""
    found = Problem.objects.current().filter(volume__isnull=False, **of).select_related("volume")
    return {str(problem.volume): problem.code for problem in found}


def problem(name: str) -> Problem:
    return Problem.objects.get(volume=volume(name), ended_at__isnull=True)


def test_those_of_each_kind_are_stored_once(begun: Environment) -> None:
    expected = {"none": "none", "late": "late", "stuck": "stuck", "failing": "failing", "mixed": "late"}
    assert stored() == expected
    for _again in range(2):
        assert settle(begun).is_empty
        Ticker().tick()
    assert Problem.objects.count() == len(expected)


def test_it_begins_at_its_deadline_and_not_when_it_is_noticed(begun: Environment) -> None:
    late = problem("late")
    # A daily one of three days ago: due a day later, with six hours of grace.
    assert late.began_at == late.began_after == timezone.now() - timedelta(hours=72) + timedelta(days=1, hours=6)
    assert late.steps == [["late", late.began_at.isoformat()]]


def test_what_no_deadline_dates_has_a_range(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    before = timezone.now()
    clock.shift(600)
    fill([*records, *disk("fresh", 0.05, state="Error")])
    settle(Environment.objects.get(), listed_before=before)
    broken = problem("fresh")
    assert (broken.code, broken.began_after, broken.began_at) == ("failing", before, timezone.now())


def test_its_kinds_are_its_steps(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    began, due = problem("failing").began_at, timezone.now() - timedelta(hours=25) + timedelta(days=1, hours=6)
    clock.shift(8 * HOUR)
    fill(records)
    settle(Environment.objects.get())
    now_late = problem("failing")
    assert now_late.steps == [["failing", began.isoformat()], ["late", due.isoformat()]]
    assert (now_late.code, now_late.began_at) == ("late", began)


def test_it_is_confirmed_by_the_next_list_alone(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    assert problem("late").confirmed_at is None
    clock.shift(60)
    settle(begun)
    assert problem("late").confirmed_at is None
    fill(records)
    settle(Environment.objects.get())
    assert problem("late").confirmed_at == timezone.now()


def test_a_usable_one_ends_it(begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller) -> None:
    before = timezone.now()
    clock.shift(600)
    fill([*records, *disk("late", 0)])
    settle(Environment.objects.get(), listed_before=before)
    (ended,) = Problem.objects.ended()
    assert (ended.volume, ended.end, ended.ended_at) == (volume("late"), "recovered", timezone.now())
    assert (ended.facts_at_begin["usable"], ended.facts["usable"]) == (2, 3)
    assert "late" not in stored()


def test_without_data_it_neither_begins_nor_ends(begun: Environment, clock: time_machine.Traveller) -> None:
    before = stored()
    clock.shift(2 * timedelta(days=1))
    Ticker().tick()
    assert stored() == before
    assert not Problem.objects.ended().exists()


def test_after_an_outage_it_began_when_it_began(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    deadline = timezone.now() - timedelta(hours=3) + timedelta(days=1, hours=6)
    clock.shift(timedelta(days=3))
    fill(records)
    settle(Environment.objects.get())
    assert problem("fresh").began_at == deadline


def test_it_ends_with_an_exclusion_and_begins_with_its_end(
    begun: Environment, team: Team, alice: User, clock: time_machine.Traveller
) -> None:
    ticker, until = Ticker(), timezone.now() + HOUR / 4
    ticker.tick()
    exclude(team, [volume("late").pk], Exclusion(until, "moves"), person=alice)
    ticker.tick()
    (ended,) = Problem.objects.ended()
    assert (ended.end, ended.ended_at) == ("excluded", timezone.now())
    clock.shift(HOUR / 5)
    ticker.tick()
    assert "late" not in stored()
    clock.move_to(until + timedelta(seconds=1))
    ticker.tick()
    assert problem("late").began_at >= until


@pytest.mark.parametrize("is_of_environment", [True, False])
def test_it_begins_again_when_a_member_resumes_it(
    begun: Environment, team: Team, alice: User, clock: time_machine.Traveller, is_of_environment: bool
) -> None:
    exclusion = Exclusion(timezone.now() + 9 * HOUR, "moves")
    if is_of_environment:
        exclude_environment(begun, exclusion, person=alice)
    else:
        exclude(team, [volume("late").pk], exclusion, person=alice)
    Ticker().tick()
    assert "late" not in stored()
    clock.shift(60)
    if is_of_environment:
        exclude_environment(begun, None, person=alice)
    else:
        resume(team, [volume("late").pk], person=alice)
    Ticker().tick()
    assert problem("late").began_at == timezone.now()


def test_a_deleted_volume_has_none(begun: Environment) -> None:
    Volume.objects.filter(name="late").update(deleted_at=timezone.now())
    settle(begun)
    assert Problem.objects.get(ended_at__isnull=False).end == "deleted"


def test_it_ends_with_its_environment(begun: Environment, alice: User) -> None:
    ticker = Ticker()
    ticker.tick()
    remove(begun, person=alice)
    ticker.tick()
    assert not Problem.objects.current().exists()
    assert set(Problem.objects.values_list("end", flat=True)) == {"removed"}


def test_a_volume_has_one_open_problem_at_most(begun: Environment) -> None:
    late = problem("late")
    late.pk = None
    with pytest.raises(Exception, match=r"UNIQUE|unique"):
        late.save()


# --- the tick


def test_a_fault_is_made_up_for_at_the_next_tick(told: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    ticker = Ticker()
    with monkeypatch.context() as patched:
        patched.setattr(tick, "settle", broken)
        ticker.tick()
    assert stored() == {}
    ticker.tick()
    assert "late" in stored()


def test_it_reads_each_environment_once(begun: Environment) -> None:
    with CaptureQueriesContext(connection) as log:
        Ticker().tick()
    (places,) = [query["sql"] for query in log if '"service_code"' in query["sql"] and "removed_at" in query["sql"]][:1]
    with connection.cursor() as cursor:
        assert len(cursor.execute(places).fetchall()) == Environment.everything.count() == 1


def broken(*args: object, **kwargs: object) -> None:
    raise ValueError("broken")


# --- environments


def own(environment: Environment) -> list[tuple[str, datetime, bool]]:
    found = environment.problems.filter(volume__isnull=True).order_by("began_at")
    return [(each.code, each.began_at, each.is_open) for each in found]


def test_an_environment_is_silent_after_an_hour(begun: Environment, clock: time_machine.Traveller) -> None:
    ticker, listed = Ticker(), timezone.now()
    ticker.tick()
    clock.shift(HOUR - timedelta(seconds=1))
    ticker.tick()
    assert own(begun) == []
    clock.shift(60)
    ticker.tick()
    ticker.tick()
    assert own(begun) == [("silent", listed + HOUR, True)]


def test_a_refusal_is_sure_when_it_is_repeated(begun: Environment, clock: time_machine.Traveller) -> None:
    refused = refuse(begun)
    ticker = Ticker()
    ticker.tick()
    assert own(begun) == [("refused", timezone.now(), True)]
    assert Problem.objects.get(volume__isnull=True).confirmed_at is None
    clock.shift(900)
    refuse(refused)
    ticker.tick()
    assert Problem.objects.get(volume__isnull=True).confirmed_at == timezone.now()


def test_a_silent_environment_that_refuses_has_one_problem(begun: Environment, clock: time_machine.Traveller) -> None:
    fail(begun)
    ticker, listed = Ticker(), timezone.now()
    clock.shift(2 * HOUR)
    ticker.tick()
    refuse(Environment.objects.get())
    ticker.tick()
    assert own(begun) == [("refused", listed + HOUR, True)]
    (found,) = Problem.objects.filter(volume__isnull=True)
    assert [kind for kind, _at in found.steps] == ["silent", "refused"]


def test_a_list_ends_a_silence(begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller) -> None:
    clock.shift(2 * HOUR)
    Ticker().tick()
    fill(records)
    settle(Environment.objects.get())
    assert [is_open for _code, _at, is_open in own(begun)] == [False]


# --- through the sync


def test_a_sync_writes_them(environment: Environment, sim: Simulator, clock: time_machine.Traveller) -> None:
    refreshed(environment)
    clock.shift(timedelta(days=40))
    refreshed(environment)
    late = set(stored().values())
    assert late
    assert late <= {"late", "none", "stuck", "failing"}
    sim.add_fault(Fault(status=503))
    clock.shift(60)
    failed(environment)
    assert set(stored().values()) == late
    assert datetime.now(UTC) > min(Problem.objects.values_list("began_at", flat=True))


def test_a_fault_in_it_takes_no_list_away(
    environment: Environment, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("snapshots.alerts.problems.settle", broken)
    assert refreshed(environment).added > 0
    assert Environment.objects.get(pk=environment.pk).fault_kind == ""
