"""What nearly every test of the sync does: refresh by one door, and read the mirror by another."""

from snapshots.models import Change, Environment, Snapshot
from snapshots.simulator.server import Simulator
from snapshots.sync import refresh as sync
from snapshots.sync.failures import Fault
from snapshots.sync.leases import Caller, Why
from snapshots.sync.store_snapshots import Written

KEY = "CANARY-key-of-acme"
PATH = "compute-on/prod"
OTHER_PATH = "compute-qc/prod"
MINUTE = 60


def refresh(environment: Environment, caller: Caller = Caller.COMMAND) -> sync.Outcome:
    (outcome,) = sync.refresh([environment], caller=caller)
    environment.refresh_from_db()
    return outcome


def refreshed(environment: Environment, caller: Caller = Caller.COMMAND) -> Written:
    outcome = refresh(environment, caller)
    assert outcome.written is not None, outcome
    return outcome.written


def failed(environment: Environment, caller: Caller = Caller.COMMAND) -> Fault:
    outcome = refresh(environment, caller)
    assert outcome.fault is not None, outcome
    return outcome.fault


def denied(environment: Environment, caller: Caller = Caller.COMMAND) -> Why:
    outcome = refresh(environment, caller)
    assert outcome.denied is not None, outcome
    return outcome.denied.why


def row(environment: Environment, snapshot_id: object) -> Snapshot:
    return Snapshot.objects.get(environment=environment, snapshot_id=snapshot_id)


def usable_ids(environment: Environment) -> set[str]:
    return set(Snapshot.objects.filter(environment=environment).usable().values_list("snapshot_id", flat=True))


def backed_up(sim: Simulator, path: str = PATH) -> set[str]:
    return {str(each["id"]) for each in sim.world.snapshots(path) if each["state"] == "BackedUp"}


def ids(sim: Simulator, path: str = PATH) -> list[str]:
    """The ids that the provider lists, newest first."""
    return [str(each["id"]) for each in sim.world.snapshots(path)]


def gone_events(environment: Environment) -> int:
    """How many snapshots were recorded as missing, in any way."""
    left = ["deleted", "rotated", "vanished"]
    return Change.objects.one_by_one().filter(environment=environment, kind__in=left).count()


def history(environment: Environment, snapshot_id: object) -> list[tuple[str, str, str]]:
    changes = Change.objects.filter(environment=environment, snapshot__snapshot_id=snapshot_id).order_by("pk")
    return list(changes.values_list("kind", "before", "after"))
