"""The provider is down while a key is entered: it is kept aside, and used as soon as a trial succeeds."""

import pytest
import time_machine
from django.test import Client

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, AuditEvent, Membership, PendingKey, Role, Team
from snapshots.management.rounds import News, round_once
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.sync.leases import Caller
from tests.management.steps import run
from tests.views.settings.steps import (
    KEY_PAGE,
    OLD_KEY,
    STRANGE_KEY,
    WORKING_KEY,
    buttons,
    enter,
    headings,
    is_used,
    results,
    save,
    stored,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("old_key")]


@pytest.fixture
def down(sim: Simulator) -> Simulator:
    sim.fault(status=503)
    return sim


def a_round(clock: time_machine.Traveller, minutes: float = 2) -> list[str]:
    """Let some time pass and the command's next round come; return what it says of keys."""
    clock.shift(minutes * 60)
    told: list[str] = []
    round_once(None, Caller.COMMAND, told.append, news=News(all_of_it=False))
    return [line for line in told if "kept aside" in line]


def test_an_outage_keeps_the_key_aside_and_uses_the_old_one(alice_client: Client, down: Simulator, team: Team) -> None:
    page = enter(alice_client, WORKING_KEY)
    assert headings(page)[:2] == ["A key is kept aside", "Key in use"]
    assert buttons(page) == ["Forget it", "Try this key"]
    assert results(page)[0] == "✕ dev · compute-on: The provider is not available at the moment"
    assert (is_used(team, OLD_KEY), [pending.is_kept for pending in stored(team)]) == (True, [True])


def test_it_is_used_as_soon_as_a_trial_succeeds(
    alice_client: Client, down: Simulator, team: Team, clock: time_machine.Traveller
) -> None:
    enter(alice_client, WORKING_KEY, whose="robot")
    assert (a_round(clock), is_used(team, OLD_KEY)) == ([], True)
    down.clear_faults()
    assert a_round(clock) == ["acme: the API key kept aside works and is in use"]
    key = ApiKey.objects.get(team=team)
    assert (key.holds(Secret(WORKING_KEY)), key.whose, stored(team)) == (True, "robot", [])
    assert str(key.changed_by) == "alice@example.com"
    assert AuditEvent.objects.filter(kind="key_changed", actor=key.changed_by).count() == 1


def test_the_very_round_that_takes_it_fetches_with_it(
    alice_client: Client, down: Simulator, clock: time_machine.Traveller
) -> None:
    enter(alice_client, WORKING_KEY)
    down.clear_faults()
    down.clear()
    a_round(clock)
    assert {call.headers["MC-Api-Key"] for call in down.requests} == {WORKING_KEY}
    assert Environment.objects.filter(listed_at=None).count() == 0


def test_one_that_is_refused_is_thrown_away_and_said(
    alice_client: Client, down: Simulator, team: Team, clock: time_machine.Traveller
) -> None:
    enter(alice_client, STRANGE_KEY)
    down.clear_faults()
    assert a_round(clock) == ["acme: the API key kept aside is not accepted and was thrown away"]
    assert [pending.sealed for pending in stored(team)] == [""]
    assert a_round(clock) == []
    page = alice_client.get(KEY_PAGE)
    assert (headings(page)[0], is_used(team, OLD_KEY)) == ("The key kept aside was not accepted", True)


def test_an_outage_costs_one_trial_a_minute(
    alice_client: Client, down: Simulator, clock: time_machine.Traveller
) -> None:
    enter(alice_client, WORKING_KEY)

    def trials() -> int:
        return sum(call.headers["MC-Api-Key"] == WORKING_KEY for call in down.requests)

    first = trials()
    a_round(clock, minutes=0.5)
    assert trials() == first == 4
    a_round(clock, minutes=0.5)
    assert trials() == 2 * first


def test_a_newer_key_ends_the_wait_of_an_older(
    alice_client: Client, down: Simulator, team: Team, clock: time_machine.Traveller
) -> None:
    enter(alice_client, STRANGE_KEY)
    down.clear_faults()
    page = enter(alice_client, WORKING_KEY)
    assert [pending.is_kept for pending in stored(team)] == [True, False]
    save(alice_client, page)
    assert (stored(team), a_round(clock), is_used(team, WORKING_KEY)) == ([], [], True)


def test_whoever_is_no_admin_any_more_changes_no_key(
    alice_client: Client, down: Simulator, team: Team, clock: time_machine.Traveller
) -> None:
    enter(alice_client, WORKING_KEY)
    Membership.objects.filter(team=team).update(role=Role.VIEWER)
    down.clear_faults()
    assert (a_round(clock), stored(team), is_used(team, OLD_KEY)) == ([], [], True)


def test_a_single_round_tries_it_for_a_team_without_environments(
    alice_client: Client, down: Simulator, team: Team, clock: time_machine.Traveller
) -> None:
    Environment.objects.all().delete()
    enter(alice_client, WORKING_KEY)
    down.clear_faults()
    clock.shift(120)
    ran = run("sync_snapshots")
    assert (ran.status, ran.lines[0]) == (0, "acme: the API key kept aside works and is in use")
    assert ran.lines[1].startswith("There is no environment yet.")
    assert is_used(team, WORKING_KEY)


def test_another_admin_may_forget_it(alice_client: Client, bob_client: Client, down: Simulator, team: Team) -> None:
    Membership.objects.filter(team=team).update(role=Role.ADMIN)
    enter(alice_client, WORKING_KEY)
    (pending,) = stored(team)
    bob_client.post(f"{KEY_PAGE}cancel/", {"pending": pending.pk})
    assert stored(team) == []


def test_a_stranger_forgets_nothing(alice_client: Client, charlie_client: Client, down: Simulator, team: Team) -> None:
    enter(alice_client, WORKING_KEY)
    (pending,) = stored(team)
    charlie_client.post("/t/rival/settings/key/cancel/", {"pending": pending.pk})
    assert stored(team) == [pending]


def test_keys_nobody_says_a_word_about_are_forgotten(
    alice_client: Client, sim: Simulator, clock: time_machine.Traveller
) -> None:
    enter(alice_client, WORKING_KEY)
    a_round(clock, minutes=9)
    assert PendingKey.objects.count() == 1
    a_round(clock, minutes=1)
    assert PendingKey.objects.count() == 0


def test_a_kept_key_waits_seven_days(alice_client: Client, down: Simulator, clock: time_machine.Traveller) -> None:
    enter(alice_client, WORKING_KEY)
    a_round(clock, minutes=7 * 24 * 60 - 1)
    assert PendingKey.objects.count() == 1
    a_round(clock, minutes=1)
    assert PendingKey.objects.count() == 0


def test_retry_after_is_obeyed_by_a_trial_too(
    alice_client: Client, sim: Simulator, environments: list[Environment], clock: time_machine.Traveller
) -> None:
    sim.fault(status=429, headers={"Retry-After": "600"}, environment="compute-on/dev")
    a_round(clock)
    sim.clear_faults()
    sim.clear()
    page = enter(alice_client, WORKING_KEY)
    assert results(page)[0] == "✕ dev · compute-on: The provider asks us to call less often"
    assert sim.calls("/snapshots") == 2


def test_the_wait_for_a_kept_key_is_as_long_as_the_provider_asks(
    alice_client: Client, sim: Simulator, team: Team, clock: time_machine.Traveller
) -> None:
    sim.fault(status=429, headers={"Retry-After": "600"}, key=WORKING_KEY)
    enter(alice_client, WORKING_KEY)
    sim.clear_faults()
    assert (a_round(clock, minutes=9.9), is_used(team, OLD_KEY)) == ([], True)
    assert a_round(clock, minutes=0.2) == ["acme: the API key kept aside works and is in use"]
