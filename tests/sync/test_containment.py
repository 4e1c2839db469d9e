"""What nobody expected in one environment: it is that environment's fault, and nobody else's."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.api.metrics import FAULTS
from snapshots.cloudca import decode
from snapshots.cloudca.client import CloudClient
from snapshots.management.retention import forget
from snapshots.management.rounds import News, round_once
from snapshots.models import Environment, Snapshot, Volume
from snapshots.setup import key_trial
from snapshots.simulator.server import Simulator
from snapshots.sync import bulk_sql, leases, proof, single, store_snapshots, store_volumes, write_plan
from snapshots.sync import refresh as sync
from snapshots.sync.leases import Caller, Why
from snapshots.sync.refresh import Outcome
from snapshots.verdicts import day_notes, evaluate
from tests.sync.steps import KEY, PATH, denied, failed, ids, refresh, refreshed
from tests.views.snapshots.asking import press

ROWS = 24
ERRORS = [ValueError, OverflowError, KeyError, MemoryError, RecursionError, UnicodeError, TypeError]
# Where an exception may come from: the name that is called, and whether the call is one of the first team.
STAGES: dict[str, tuple[object, str]] = {
    "claim": (leases, "claim"),
    "key": (ApiKey, "open"),
    "volumes due": (sync, "volumes_are_due"),
    "fetch": (CloudClient, "list_snapshots"),
    "decode": (decode, "read_snapshots"),
    "diff": (store_snapshots, "_plan"),
    "rows": (bulk_sql, "values_of"),
    "judge": (evaluate, "judge"),
    "store": (store_snapshots, "_stamp"),
    "daily": (day_notes, "note"),
}
Break = Callable[..., None]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Let a call raise, the first time or always."""

    def broken(where: object, name: str, error: BaseException, *, times: int = 1) -> None:
        called, left = getattr(where, name), [times]

        def raising(*args: object, **options: object) -> object:
            left[0] -= 1
            if left[0] >= 0:
                raise error
            return called(*args, **options)

        monkeypatch.setattr(where, name, raising)

    return broken


@pytest.fixture
def second(environment: Environment, rival: Team) -> Environment:
    """Another team's environment, refreshed after the first one's."""
    ApiKey.replace(rival, Secret(KEY))
    return Environment.objects.create(team=rival, service_code="compute-qc", name="prod")


def both(*environments: Environment, caller: Caller = Caller.COMMAND) -> list[Outcome]:
    """Refresh one after another, as one process does whose threads are slow."""
    outcomes = [outcome for each in environments for outcome in sync.refresh([each], caller=caller)]
    for environment in environments:
        environment.refresh_from_db()
    return outcomes


@pytest.mark.parametrize("stage", STAGES)
def test_it_is_the_environments_fault_and_the_round_goes_on(
    environment: Environment, second: Environment, broken: Break, stage: str
) -> None:
    broken(*STAGES[stage], ValueError("boom"))
    bad, good = both(environment, second)
    assert bad.fault is not None
    assert (bad.fault.kind, environment.fault_kind, environment.lease_until) == ("internal", "internal", None)
    assert environment.next_try_at == bad.fault.next_try_at == timezone.now() + timedelta(seconds=60)
    assert good.written is not None
    assert Snapshot.objects.filter(environment=second).count() == ROWS


@pytest.mark.parametrize("error", ERRORS)
def test_every_exception_is_contained(environment: Environment, broken: Break, error: type[Exception]) -> None:
    broken(decode, "read_snapshots", error())
    assert failed(environment).kind == "internal"
    assert denied(environment) is Why.BACK_OFF


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_wish_to_stop_passes(environment: Environment, broken: Break, stop: type[BaseException]) -> None:
    broken(bulk_sql, "values_of", stop())
    with pytest.raises(stop):
        refresh(environment)


@pytest.mark.both_databases
def test_environments_that_are_refreshed_together(environment: Environment, second: Environment, broken: Break) -> None:
    broken(bulk_sql, "values_of", ValueError())
    outcomes = list(sync.refresh([environment, second], caller=Caller.COMMAND))
    assert [bool(outcome.fault) for outcome in outcomes] == [True, False]


@pytest.mark.django_db(transaction=True)
def test_a_round_tells_it_and_goes_on(environment: Environment, second: Environment, broken: Break) -> None:
    broken(day_notes, "note", ValueError())
    told: list[str] = []
    assert not round_once(None, Caller.COMMAND, told.append, news=News(all_of_it=True))
    assert (len(told), "Next try" in told[0], "+24 new" in told[1]) == (2, True, True)


def test_the_old_rows_stay(seen: Environment, sim: Simulator, broken: Break) -> None:
    before = set(Snapshot.objects.values_list("snapshot_id", "state"))
    sim.world.add_snapshot(PATH)
    broken(store_snapshots, "_stamp", ValueError())
    assert failed(seen).kind == "internal"
    assert set(Snapshot.objects.values_list("snapshot_id", "state")) == before


@pytest.mark.both_databases
def test_a_fault_while_the_fault_is_stored(environment: Environment, second: Environment, broken: Break) -> None:
    broken(bulk_sql, "values_of", ValueError())
    broken(leases, "record_fault", ValueError())
    bad, good = both(environment, second)
    assert bad.fault is not None
    assert (bad.fault.kind, environment.lease_until) == ("internal", None)
    assert good.written is not None


def test_nothing_of_the_fault_can_be_stored(environment: Environment, second: Environment, broken: Break) -> None:
    broken(leases, "claim", ValueError())
    broken(leases, "record_fault_unclaimed", ValueError())
    assert [bool(outcome.fault) for outcome in both(environment, second)] == [True, False]


def test_the_next_success_ends_it(environment: Environment, broken: Break, clock: time_machine.Traveller) -> None:
    broken(evaluate, "judge", ValueError(), times=2)
    failed(environment)
    clock.shift(61)
    failed(environment)
    assert (environment.fault_count, environment.fault_totals) == (2, {"internal": 2})
    clock.shift(121)
    refreshed(environment)
    assert environment.fault_kind == ""


def test_volumes_that_cannot_be_stored_keep_no_snapshot_away(environment: Environment, broken: Break) -> None:
    broken(store_volumes, "_stamp", ValueError())
    assert refreshed(environment).added == ROWS
    assert (environment.volumes_fault, environment.fault_kind) == ("internal", "")


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_the_database_fails_for_one_environment(environment: Environment, second: Environment) -> None:
    def busy(execute: Callable[..., object], sql: str, params: Any, *rest: object) -> object:
        if 'INSERT INTO "snapshots_snapshot"' in sql and params[0][1] == environment.pk:
            raise OperationalError("disk is full")
        return execute(sql, params, *rest)

    told: list[str] = []
    with connection.execute_wrapper(busy):
        assert not round_once(None, Caller.COMMAND, told.append, news=News(all_of_it=True))
    environment.refresh_from_db()
    assert (environment.fault_kind, "disk" in environment.fault_sentence) == ("internal", False)
    assert ("+24 new" in told[0], told[1]) == (True, "The database could not be used (disk is full).")


# --- messages to people, to scripts and in the log


@pytest.mark.parametrize("stage", ["fetch", "store"])
def test_the_log_has_the_lines_of_code_and_no_secret(
    environment: Environment, broken: Break, caplog: pytest.LogCaptureFixture, stage: str
) -> None:
    broken(*STAGES[stage], ValueError(f"header {KEY!r}"))
    with caplog.at_level(logging.ERROR):
        failed(environment)
    assert ("Traceback" in caplog.text, "ValueError" in caplog.text, PATH in caplog.text) == (True, True, True)
    assert KEY not in caplog.text
    assert [record.exc_info[2] for record in caplog.records if record.exc_info] == [None]


def test_a_refresh_from_a_page_says_it(alice_client: Client, environment: Environment, broken: Break) -> None:
    broken(evaluate, "judge", OverflowError("date value out of range"))
    page = press(alice_client).content.decode()
    assert ("could not be refreshed" in page, "date value" in page) == (True, False)


def test_the_metrics_count_it() -> None:
    assert "internal" in FAULTS


# --- questions about one snapshot or volume, and keys on trial


@pytest.mark.parametrize("where", [(CloudClient, "get_snapshot"), (write_plan, "prepare"), (evaluate, "judge")])
def test_a_check_of_one_snapshot(
    alice_client: Client, seen: Environment, sim: Simulator, broken: Break, where: tuple[object, str]
) -> None:
    broken(*where, RecursionError())
    address = reverse("snapshots:check", args=["acme", "compute-on", "prod", ids(sim)[0]])
    assert alice_client.post(address).status_code == 302
    seen.refresh_from_db()
    assert (seen.lease_until, seen.fault_kind) == (None, "")


@pytest.mark.parametrize("where", [(CloudClient, "list_snapshots"), (store_snapshots, "known_rows"), (leases, "claim")])
def test_a_check_of_one_volume(seen: Environment, broken: Break, where: tuple[object, str]) -> None:
    broken(*where, KeyError("volumeId"))
    volume = Volume.objects.filter(environment=seen).first()
    assert volume is not None
    checked = single.check_volume(seen, volume.volume_id, caller=Caller.BUTTON)
    assert checked.fault is not None
    seen.refresh_from_db()
    assert (checked.fault.kind, seen.lease_until) == ("internal", None)


@pytest.mark.parametrize("name", ["list_snapshots", "list_environments"])
def test_a_key_on_trial(environment: Environment, broken: Break, name: str) -> None:
    broken(CloudClient, name, ValueError(), times=9)
    trial = key_trial.try_key(Secret(KEY), [environment])
    assert [answer.kind for answer in trial.answers] == (["internal"] if name == "list_snapshots" else [""])
    assert key_trial.look_again(environment.team).kind in ("internal", "")


# --- what is removed between plan and write


def during_the_sync(
    monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object], after: tuple[Any, str] = (proof, "keep_proof")
) -> None:
    """Let something happen between the plan and the write."""
    prepare = getattr(*after)

    def prepared(*args: Any, **options: Any) -> object:
        made = prepare(*args, **options)
        happens()
        return made

    monkeypatch.setattr(*after, prepared)


def removals(environment: Environment) -> Sequence[Callable[[], object]]:
    everything = Environment.everything.filter(pk=environment.pk)
    return (
        everything.delete,
        lambda: everything.update(removed_at=timezone.now()),
        lambda: Team.objects.filter(pk=environment.team_id).delete(),
    )


@pytest.mark.both_databases(proof=True)
@pytest.mark.parametrize("number", range(3))
def test_an_environment_that_is_removed_meanwhile(
    environment: Environment, second: Environment, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    during_the_sync(monkeypatch, removals(environment)[number])
    outcomes = list(sync.refresh([environment, second], caller=Caller.COMMAND))
    # The one whose list comes first is written first.
    bad, good = sorted(outcomes, key=lambda outcome: outcome.environment.pk)
    assert bad.fault is not None
    assert bad.fault.kind == "removed"
    assert good.written is not None


@pytest.mark.parametrize("number", range(3))
def test_a_page_whose_environment_is_removed_meanwhile(
    alice_client: Client, environment: Environment, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    during_the_sync(monkeypatch, removals(environment)[number])
    assert press(alice_client).status_code in (200, 302, 404)


@pytest.mark.both_databases
def test_rows_that_are_forgotten_meanwhile(
    seen: Environment, sim: Simulator, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    again = ids(sim)[0]
    old = timezone.now() - timedelta(days=9999)
    Snapshot.objects.filter(snapshot_id=again).update(listed=False, missing_since=old, last_seen_at=old)
    during_the_sync(monkeypatch, lambda: list(forget(timezone.now())), (write_plan, "prepare"))
    Environment.objects.update(body_hash="")
    assert failed(seen).kind == "late"
    clock.shift(61)
    assert refreshed(seen).added == 1
