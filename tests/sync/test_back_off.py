"""Who may call the provider when: TTL, gap, back-off, refusal and Retry-After."""

from datetime import datetime

import pytest
from django.utils import timezone
from pytest_django import Settings
from time_machine import Traveller

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.sync import refresh, single
from snapshots.sync.leases import Caller, Why, is_due
from tests.sync.steps import KEY, MINUTE, OTHER_PATH, PATH, backed_up, denied, failed, refreshed, usable_ids

LIST = "/snapshots"
EVERYONE_BUT_FORCE = [caller for caller in Caller if caller is not Caller.FORCE]


def minutes_to(moment: datetime | None) -> float:
    assert moment is not None
    return (moment - timezone.now()).total_seconds() / MINUTE


# --- refused


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_environment_waits_longer_each_time_up_to_six_hours(
    seen: Environment, sim: Simulator, clock: Traveller, status: int
) -> None:
    sim.fault(path=LIST, refuse=status)
    waits = []
    for _ in range(7):
        assert failed(seen).kind == "refused"
        waits.append(minutes_to(seen.next_try_at))
        clock.shift(waits[-1] * MINUTE - 1)
        assert denied(seen) is Why.REFUSED
        clock.shift(1)
    assert waits == [15, 30, 60, 120, 240, 360, 360]
    assert (seen.fault_status, seen.is_refused, sim.calls(LIST)) == (status, True, 1 + 7)


@pytest.mark.parametrize("caller", [Caller.PAGE, Caller.BUTTON, Caller.COMMAND])
def test_a_refusal_binds_pages_members_and_the_command(seen: Environment, sim: Simulator, caller: Caller) -> None:
    sim.fault(path=LIST, refuse=403)
    failed(seen)
    sim.clear()
    assert denied(seen, caller) is Why.REFUSED
    assert sim.calls() == 0


@pytest.mark.parametrize("caller", [Caller.ADMIN_BUTTON, Caller.FORCE])
def test_an_admin_may_ask_at_once(seen: Environment, sim: Simulator, clock: Traveller, caller: Caller) -> None:
    sim.fault(path=LIST, refuse=403, times=1)
    failed(seen)
    clock.shift(11)
    assert refreshed(seen, caller).total == 0
    assert not seen.fault_kind


@pytest.mark.parametrize("caller", [Caller.PAGE, Caller.COMMAND])
def test_another_key_is_tried_at_once(seen: Environment, sim: Simulator, clock: Traveller, caller: Caller) -> None:
    sim.keys = {"CANARY-key-second": None}
    clock.shift(MINUTE)
    assert failed(seen).kind == "refused"
    ApiKey.replace(seen.team, Secret("CANARY-key-second"))
    clock.shift(11)
    assert refreshed(seen, caller).total == 0


def test_another_refused_key_starts_no_storm(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    sim.keys = {}
    failed(seen)
    ApiKey.replace(seen.team, Secret("CANARY-wrong-too"))
    clock.shift(11)
    failed(seen)
    clock.shift(11)
    assert denied(seen) is Why.REFUSED


def test_the_other_environments_go_on(seen: Environment, other: Environment, sim: Simulator) -> None:
    sim.keys = {KEY: frozenset({OTHER_PATH})}
    outcomes = {each.environment.pk: each for each in refresh.refresh([seen, other], caller=Caller.COMMAND)}
    assert outcomes[seen.pk].fault is not None
    written = outcomes[other.pk].written
    assert written is not None
    assert written.added == 24
    assert usable_ids(seen) == backed_up(sim, PATH)


# --- down


def test_an_outage_of_an_hour_costs_one_attempt_a_try(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    sim.fault(path=LIST, status=503)
    sim.clear()
    tries = []
    for minute in range(61):
        before = sim.calls(LIST)
        list(refresh.refresh([seen], caller=Caller.COMMAND))
        tries += [(minute, sim.calls(LIST) - before)] if sim.calls(LIST) > before else []
        clock.shift(MINUTE)
    # Only the first, after a call that succeeded, is repeated within its claim.
    assert tries == [(0, 3), (1, 1), (3, 1), (7, 1), (15, 1), (30, 1), (45, 1), (60, 1)]


@pytest.mark.parametrize("caller", [Caller.PAGE, Caller.BUTTON, Caller.ADMIN_BUTTON])
def test_a_web_request_never_repeats_a_call(seen: Environment, sim: Simulator, caller: Caller) -> None:
    sim.fault(path=LIST, status=503)
    sim.clear()
    assert failed(seen, caller).kind == "unavailable"
    assert sim.calls(LIST) == 1


def test_a_fault_that_passes_in_a_moment_is_not_one_for_the_command(seen: Environment, sim: Simulator) -> None:
    sim.fault(path=LIST, status=502, html=True, times=2)
    assert refreshed(seen).total == 0
    assert not seen.fault_kind


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("caller", "passes"),
    [
        (Caller.PAGE, False),
        (Caller.COMMAND, False),
        (Caller.BUTTON, True),
        (Caller.ADMIN_BUTTON, True),
        (Caller.FORCE, True),
    ],
)
def test_the_button_passes_over_our_own_back_off(
    seen: Environment, sim: Simulator, clock: Traveller, caller: Caller, passes: bool
) -> None:
    sim.fault(path=LIST, errors_with_200=True, times=1)
    assert failed(seen).kind == "rejected"
    clock.shift(11)
    if passes:
        refreshed(seen, caller)
    else:
        assert denied(seen, caller) is Why.BACK_OFF


@pytest.mark.both_databases
def test_recovery_clears_the_fault_and_its_count(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    sim.fault(path=LIST, redirect="https://elsewhere.example/", times=2)
    for _ in range(2):
        failed(seen)
        clock.shift(2 * MINUTE)
    refreshed(seen)
    assert (seen.fault_kind, seen.fault_since, seen.next_try_at, seen.fault_count) == ("", None, None, 0)
    sim.fault(path=LIST, redirect="https://elsewhere.example/")
    clock.shift(MINUTE)
    failed(seen)
    assert minutes_to(seen.next_try_at) == 1


def test_the_first_failure_of_an_outage_stays_on_record(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    sim.fault(path=LIST, reset=True)
    began = timezone.now()
    failed(seen)
    clock.shift(MINUTE)
    failed(seen)
    assert (seen.fault_since, seen.fault_count, seen.fault_kind) == (began, 2, "interrupted")


def test_a_provider_that_is_not_there_is_a_fault(seen: Environment, sim: Simulator) -> None:
    sim.stop()
    assert failed(seen, Caller.PAGE).kind == "unreachable"
    assert seen.next_try_at is not None


def test_an_address_that_is_not_the_providers_is_a_fault(seen: Environment, settings: Settings) -> None:
    settings.CLOUDCA_API_URL = "http://api.example/v1"
    assert failed(seen).kind == "invalid_input"


# --- Retry-After


@pytest.mark.few(2)
@pytest.mark.parametrize("caller", EVERYONE_BUT_FORCE)
def test_retry_after_is_obeyed_by_everyone(seen: Environment, sim: Simulator, clock: Traveller, caller: Caller) -> None:
    sim.fault(path=LIST, status=429, headers={"Retry-After": "120"}, times=1)
    sim.clear()
    failed(seen)
    clock.shift(119)
    assert denied(seen, caller) is Why.RETRY_AFTER
    assert sim.calls(LIST) == 1
    clock.shift(1)
    refreshed(seen, caller)


def test_force_passes_over_retry_after(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    sim.fault(path=LIST, status=503, headers={"Retry-After": "600"}, times=1)
    failed(seen)
    refreshed(seen, Caller.FORCE)
    assert seen.retry_after_at is None


@pytest.mark.few(2)
@pytest.mark.parametrize(("header", "minutes"), [("5", 1), ("300", 5), ("86400", 15), ("-5", 1), ("soon", 1)])
def test_the_wait_is_the_longer_of_both_and_at_most_a_quarter_of_an_hour(
    seen: Environment, sim: Simulator, header: str, minutes: float
) -> None:
    sim.fault(path=LIST, status=429, headers={"Retry-After": header}, times=3)
    failed(seen, Caller.PAGE)
    assert minutes_to(seen.next_try_at) == minutes


def test_a_targeted_call_that_is_told_to_wait_keeps_everyone_off(
    seen: Environment, sim: Simulator, clock: Traveller
) -> None:
    snapshot_id = sim.world.snapshots(PATH)[0]["id"]
    sim.fault(status=429, headers={"Retry-After": "120"})
    checked = single.check_snapshot(seen, str(snapshot_id), caller=Caller.BUTTON)
    assert checked.fault is not None
    clock.shift(119)
    assert denied(seen) is Why.RETRY_AFTER
    assert not seen.fault_kind


# --- gap and TTL


def test_a_page_asks_again_when_its_data_is_older_than_the_ttl(
    environment: Environment, clock: Traveller, settings: Settings
) -> None:
    settings.SYNC_TTL_SECONDS = 60
    assert is_due(environment, timezone.now())
    refreshed(environment, Caller.PAGE)
    clock.shift(59)
    assert not is_due(environment, timezone.now())
    assert denied(environment, Caller.PAGE) is Why.FRESH
    clock.shift(1)
    assert is_due(environment, timezone.now())
    refreshed(environment, Caller.PAGE)


@pytest.mark.both_databases
@pytest.mark.parametrize("caller", [Caller.BUTTON, Caller.ADMIN_BUTTON, Caller.COMMAND])
def test_nobody_asks_twice_within_ten_seconds(environment: Environment, clock: Traveller, caller: Caller) -> None:
    refreshed(environment)
    clock.shift(9)
    assert denied(environment, caller) is Why.GAP
    clock.shift(1)
    refreshed(environment, caller)


def test_an_incomplete_list_counts_for_the_ttl(environment: Environment, sim: Simulator, clock: Traveller) -> None:
    sim.fault(path=LIST, record_count=1)
    refreshed(environment, Caller.PAGE)
    clock.shift(20)
    assert denied(environment, Caller.PAGE) is Why.FRESH


def test_a_clock_that_was_put_back_stops_nobody(seen: Environment, sim: Simulator, clock: Traveller) -> None:
    sim.fault(path=LIST, refuse=403, times=1)
    clock.shift(10 * 60 * MINUTE)
    failed(seen)
    clock.shift(-12 * 60 * MINUTE)
    refreshed(seen, Caller.PAGE)


def test_without_a_key_nobody_calls(environment: Environment, sim: Simulator, key: ApiKey) -> None:
    key.delete()
    assert denied(environment) is Why.NO_KEY
    assert not is_due(Environment.objects.get(pk=environment.pk), timezone.now())
    assert sim.calls() == 0


def test_a_key_that_cannot_be_read_is_told_and_another_one_tried_at_once(
    environment: Environment, sim: Simulator, clock: Traveller, key: ApiKey
) -> None:
    ApiKey.objects.update(sealed=key.sealed[:-8])
    assert failed(environment).kind == "key_unreadable"
    assert sim.calls() == 0
    ApiKey.replace(environment.team, Secret(KEY))
    clock.shift(11)
    refreshed(environment, Caller.PAGE)
