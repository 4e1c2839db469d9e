"""What is judged before the write lock is taken is what would be judged under it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.models import Environment, Policy, Snapshot, Volume
from snapshots.rules.clock_skew import Clocks
from snapshots.rules.thresholds import TARGET_GRACE
from snapshots.sync import counting, leases, prejudge, store_snapshots
from snapshots.sync.counting import recount
from snapshots.sync.leases import Caller, Claim
from snapshots.sync.prejudge import foresee
from snapshots.sync.store_snapshots import store_listing
from snapshots.verdicts import evaluate
from snapshots.verdicts.evaluate import FIELDS, judge_volumes
from tests.proof import first

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TYPES = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "MANUAL", "DAILY,WEEKLY")
STATES = ("Allocated", "BackingUp", "BackedUp", "BackedUp", "BackedUp", "Copying", "Error", "Destroying")
Rows = dict[str, SnapshotRecord]
Store = Callable[..., None]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def environment(clock: time_machine.Traveller, team: Team) -> Environment:
    ApiKey.replace(team, Secret("CANARY-key"))
    return Environment.objects.create(team=team, service_code="compute-on", name="prod")


@pytest.fixture
def store(environment: Environment) -> Store:
    def store(rows: Rows, *, complete: bool = True, **more: Any) -> None:
        held = leases.claim(environment, caller=Caller.FORCE)
        assert isinstance(held, Claim)
        listed = tuple(sorted(rows.values(), key=lambda row: row.name, reverse=True))
        whole = Listing(listed, len(rows) + (not complete), 0, 0, 0, len(rows) + (not complete), body_hash="")
        store_listing(held, whole, received_at=timezone.now(), **more, ask=dict.fromkeys)
        environment.refresh_from_db()

    return store


def record(id: str, dice: Random) -> SnapshotRecord:
    began, volume = timezone.now() - dice.random() * 2 * DAY, f"disk-{dice.randrange(5)}"
    name = f"web-01_{volume}_{began:%Y%m%d%H%M%S}" if dice.random() < 0.8 else f"by hand {id}"
    # One in a while belongs to no volume.
    of_volume = "" if dice.random() < 0.05 else volume
    return SnapshotRecord(id, name, dice.choice(STATES), dice.choice(TYPES), of_volume, volume, volume, "{}")


def moved(row: SnapshotRecord, dice: Random) -> SnapshotRecord:
    volume = row.volume_id if dice.random() < 0.9 else f"disk-{dice.randrange(5)}"
    return SnapshotRecord(
        row.id, row.name, dice.choice(STATES), row.interval_type, volume, row.volume, row.volume_type, "{}"
    )


def next_list(rows: Rows, number: int, dice: Random) -> Rows:
    """Some move on, some are left out, some are new; once in a while nothing is listed."""
    if dice.random() < 0.05:
        return {}
    kept = {id: moved(row, dice) if dice.random() < 0.3 else row for id, row in rows.items() if dice.random() < 0.9}
    new = (record(f"snapshot-{number}-{each}", dice) for each in range(dice.randrange(4)))
    return kept | {row.id: row for row in new}


def judged() -> list[tuple[object, ...]]:
    return list(Volume.objects.order_by("pk").values_list("volume_id", *(field.attname for field in FIELDS)))


def counted(environment: Environment) -> list[object]:
    return [
        environment.facets,
        *Volume.objects.order_by("volume_id").values_list("volume_id", "snapshot_count", "name"),
    ]


def counts_are_right(environment: Environment) -> None:
    """Compare the counts, and the volumes' names, with those of the stored rows."""
    stored = counted(environment)
    recount(environment, list(Volume.objects.values_list("volume_id", flat=True)), timezone.now())
    assert stored == counted(environment)


@pytest.mark.both_databases(proof=True)
@pytest.mark.parametrize("seed", first(1, range(4)))
def test_what_is_foreseen_is_what_the_rows_say(
    store: Store, clock: time_machine.Traveller, environment: Environment, seed: int
) -> None:
    dice = Random(seed)
    listed = {f"old-{number}": record(f"old-{number}", dice) for number in range(20)}
    known: Rows = {}
    for number in range(25 if seed else 15):
        with patch.object(store_snapshots, "foresee", side_effect=foresee) as asked:
            ahead = dice.choice((0, 0, 600))
            store(listed, complete=dice.random() < 0.9, clocks=Clocks(timezone.now(), ahead, ahead))
        # The first list is judged after its rows are written.
        touched, foreseen = asked.call_args.args[1] if asked.called else None, judged()
        judge_volumes(environment, touched, at=environment.data_at or NOW)
        assert foreseen == judged() or environment.data_at is None
        counts_are_right(environment)
        known |= listed
        clock.shift(dice.choice((300, 7200, 90_000)))
        back = dice.sample(sorted(known), min(2, len(known)))
        listed = next_list(listed, number, dice) | {id: known[id] for id in back}
    assert Snapshot.objects.no_longer_listed().exists()


@pytest.mark.both_databases
def test_other_names_are_not_judged_and_change_no_verdict(store: Store) -> None:
    dice = Random(7)
    listed = {f"{number}": record(f"{number}", dice) for number in range(30)}
    store(listed)
    stored, volumes = judged(), Volume.objects.count()
    other = {
        id: SnapshotRecord(id, f"other {id}", row.state, row.interval_type, row.volume_id, "other", "other", "{1}")
        for id, row in listed.items()
    }
    with patch.object(store_snapshots, "foresee", side_effect=foresee) as asked:
        store(other)
    assert asked.call_args.args[1] == set()
    assert set(Snapshot.objects.values_list("volume", "raw")) == {("other", "{1}")}
    environment = Environment.objects.get()
    judge_volumes(environment, at=environment.data_at or NOW)
    assert (judged(), Volume.objects.count()) == (stored, volumes)
    counts_are_right(environment)


@pytest.mark.both_databases
def test_a_later_list_is_judged_outside_of_the_lock(store: Store, clock: time_machine.Traveller) -> None:
    held = []

    def judged_again(*facts: Any, **more: Any) -> object:
        held.append(len(connection.savepoint_ids) > outer)
        return kept(*facts, **more)

    dice = Random(1)
    store({"1": record("1", dice)})
    clock.shift(60)
    kept, outer = evaluate.judged_again, len(connection.savepoint_ids)
    with patch.object(prejudge, "judged_again", judged_again), patch.object(store_snapshots, "judge_volumes", None):
        store({"2": record("2", dice)})
    assert held == [False]


@pytest.mark.both_databases
def test_a_list_is_counted_outside_of_the_lock(
    store: Store, clock: time_machine.Traveller, environment: Environment
) -> None:
    dice = Random(1)
    store({"1": record("1", dice)})
    clock.shift(60)
    with patch.object(counting, "count", None):
        store({"2": record("2", dice)})
    assert environment.facets["listed"] == 2


@pytest.mark.both_databases
def test_a_volume_that_is_deleted_while_a_list_is_counted_gets_a_row(
    store: Store, clock: time_machine.Traveller, environment: Environment
) -> None:
    row = SnapshotRecord("1", "by hand", "BackedUp", "MANUAL", "disk-1", "disk", "disk", "{}")
    for rows in ({"1": row}, {}, {}, {}, {}):
        store(rows)
        clock.shift(660)
    assert (Volume.objects.get().snapshot_count, environment.facets["gone"]) == (0, 1)

    def judged_again(*facts: Any, **more: Any) -> object:
        found = list(kept(*facts, **more))
        Volume.objects.all().delete()
        return found

    kept = evaluate.judged_again
    with patch.object(prejudge, "judged_again", judged_again):
        store({"1": row})
    volume = Volume.objects.get()
    assert (volume.snapshot_count, volume.name, volume.usable_count) == (1, "disk", 1)


@pytest.mark.both_databases
@pytest.mark.parametrize("is_known", [True, False])
def test_a_target_that_is_set_while_a_list_is_judged_counts(
    store: Store, clock: time_machine.Traveller, team: Team, is_known: bool
) -> None:
    row = SnapshotRecord("1", "by hand", "BackedUp", "MANUAL", "disk-1", "disk", "disk", "{}")
    new = SnapshotRecord("2", "by hand", "BackedUp", "MANUAL", "disk-1" if is_known else "disk-2", "disk", "disk", "{}")
    store({"1": row})
    clock.shift(60)

    def judged_again(*facts: Any, **more: Any) -> object:
        found = list(kept(*facts, **more))
        Policy.objects.get_or_create(team=team, defaults={"target_hours": 24})
        return found

    kept = evaluate.judged_again
    with patch.object(prejudge, "judged_again", judged_again):
        store({"1": row, "2": new})
    assert Volume.objects.get(volume_id=new.volume_id).late_from == NOW + timedelta(seconds=60) + DAY + TARGET_GRACE
