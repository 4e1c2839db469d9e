"""Two teams that watch the same environment share nothing: rows, leases, calls, faults."""

import pytest
from time_machine import Traveller

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.models import Environment, Snapshot, Volume
from snapshots.simulator.server import Simulator
from snapshots.sync import refresh
from snapshots.sync.leases import Caller, Claim, claim
from tests.sync.steps import KEY, MINUTE, PATH, failed, ids, refreshed, row


@pytest.fixture
def theirs(environment: Environment, rival: Team) -> Environment:
    """The rival's mirror of the same environment, with the very same key."""
    ApiKey.replace(rival, Secret(KEY))
    return Environment.objects.create(team=rival, service_code="compute-on", name="prod")


def test_each_team_has_its_own_rows_and_its_own_call(
    environment: Environment, theirs: Environment, sim: Simulator
) -> None:
    outcomes = list(refresh.refresh([environment, theirs], caller=Caller.PAGE))
    assert [outcome.written and outcome.written.added for outcome in outcomes] == [24, 24]
    assert sim.calls("/snapshots") == 2
    for mirror in (environment, theirs):
        rows = Snapshot.objects.of_team(mirror.team)
        assert {each.environment_id for each in rows} == {mirror.pk}
        assert set(rows.values_list("snapshot_id", flat=True)) == set(ids(sim))
        assert Volume.objects.of_team(mirror.team).count() == Volume.objects.filter(environment=mirror).count() > 0


@pytest.mark.both_databases
def test_a_lease_and_a_gap_of_one_team_bind_no_other(environment: Environment, theirs: Environment) -> None:
    assert isinstance(claim(environment, caller=Caller.COMMAND), Claim)
    refreshed(theirs)
    assert Snapshot.objects.of_team(environment.team).count() == 0


def test_what_one_team_learns_changes_nothing_for_the_other(
    environment: Environment, theirs: Environment, sim: Simulator, clock: Traveller
) -> None:
    refreshed(environment)
    refreshed(theirs)
    gone, state = ids(sim)[0], row(theirs, ids(sim)[1]).state
    sim.world.remove_snapshot(PATH, gone)
    sim.world.set_state(PATH, ids(sim)[0], "Error")
    for _ in range(2):
        clock.shift(MINUTE)
        refreshed(environment)
    assert not row(environment, gone).listed
    assert row(theirs, gone).listed
    assert row(theirs, ids(sim)[0]).state == state


def test_another_teams_wrong_key_is_its_own_fault(
    environment: Environment, theirs: Environment, sim: Simulator
) -> None:
    ApiKey.replace(theirs.team, Secret("CANARY-wrong"))
    assert failed(theirs).kind == "refused"
    refreshed(environment)
    assert Snapshot.objects.of_team(theirs.team).count() == 0


def test_a_team_that_leaves_takes_only_its_own_rows(
    environment: Environment, theirs: Environment, sim: Simulator
) -> None:
    refreshed(environment)
    refreshed(theirs)
    theirs.team.delete()
    assert Snapshot.objects.count() == Snapshot.objects.of_team(environment.team).count() == 24
