"""A volume's verdict over several syncs: hanging runs, repeated attempts, targets, unknown states."""

import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
import time_machine
from django.test import Client

from dashboard.teams.models import User
from snapshots.models import Environment, Volume
from snapshots.policy import targets
from snapshots.rules.verdict import Verdict
from snapshots.simulator.server import Simulator
from snapshots.text.verdict_reason import why
from snapshots.verdicts.sql import Reason
from tests.api.conftest import JUDGED, Script, made, mia
from tests.api.metrics.conftest import operator, told_to
from tests.proof import first
from tests.sync.conftest import NOW
from tests.sync.steps import PATH, refreshed
from tests.verdicts.current import status_at
from tests.views.volumes.home.steps import cell, home, rows

__all__ = ["mia", "operator"]
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
FRESH, RUNNING, UNKNOWN, FAILING = Verdict.FRESH, Verdict.RUNNING, Verdict.UNKNOWN, Verdict.FAILING
STUCK, LATE = Verdict.STUCK, Verdict.LATE


class Disk:
    """A volume that is synced; moments are what the provider and we have on the clock."""

    def __init__(self, sim: Simulator, environment: Environment, clock: time_machine.Traveller) -> None:
        self.sim, self.environment, self.clock = sim, environment, clock
        self.id = str(sim.world.add_volume(PATH, name="ledger", instance_name="db-01")["id"])

    def add(self, began: datetime, state: str = "BackedUp", kind: str = "DAILY") -> str:
        row = self.sim.world.add_snapshot(PATH, state=state, interval_type=kind, volume_id=self.id, created=began)
        return str(row["id"])

    def sync(self, moment: datetime) -> Verdict:
        self.clock.move_to(moment)
        refreshed(self.environment)
        return self.said

    @property
    def row(self) -> Volume:
        return Volume.objects.get(volume_id=self.id)

    @property
    def said(self) -> Verdict:
        return status_at(datetime.now(UTC), self.row, None).verdict


@pytest.fixture
def disk(sim: Simulator, environment: Environment, clock: time_machine.Traveller) -> Disk:
    return Disk(sim, environment, clock)


def words(said: list[Verdict]) -> list[Verdict]:
    """Each word that follows another."""
    return [verdict for verdict, _ in groupby(said)]


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("hours", "said"), first(3, [(8.9, RUNNING), (9.1, STUCK), (247, STUCK), (3.5, RUNNING), (33, STUCK)])
)
def test_a_run_that_hangs_is_stuck_and_not_late(disk: Disk, hours: float, said: Verdict) -> None:
    run = disk.add(MIDNIGHT - 21 * HOUR, "BackingUp")
    disk.sync(MIDNIGHT - 21 * HOUR + MINUTE)
    disk.sim.world.set_state(PATH, run, "BackedUp")
    disk.sync(MIDNIGHT - 20 * HOUR)
    disk.add(MIDNIGHT + 3 * HOUR, "BackingUp")
    assert disk.sync(MIDNIGHT + hours * HOUR) is said
    # Neither does it change while no list comes, nor with what else is listed.
    disk.add(MIDNIGHT - 3 * HOUR, kind="MANUAL")
    assert disk.sync(MIDNIGHT + hours * HOUR + MINUTE) is said


def test_page_script_and_metric_say_stuck(disk: Disk, operator: Script, request: pytest.FixtureRequest) -> None:
    disk.add(MIDNIGHT - 21 * HOUR)
    disk.add(MIDNIGHT + 3 * HOUR, "BackingUp")
    assert disk.sync(MIDNIGHT + 10 * DAY) is STUCK
    page = request.getfixturevalue("alice_client").get("/t/acme/volumes/?status=stuck").content.decode()
    assert disk.id in page
    script = made(request.getfixturevalue("mia"))[1]
    stuck = json.loads(script.get(f"{JUDGED}?status=stuck").content)["data"]
    assert {row["id"]: row["verdict"] for row in stuck}[disk.id] == "stuck"
    assert told_to(operator).value("snapshots_volumes", verdict="stuck", environment=PATH) == len(stuck)


def test_what_is_stuck_is_explained(disk: Disk) -> None:
    disk.add(MIDNIGHT - 21 * HOUR)
    disk.add(MIDNIGHT + 3 * HOUR, "BackingUp")
    disk.sync(MIDNIGHT + 10 * DAY)
    part = disk.row.answers[0]
    assert (part["late"], datetime.fromisoformat(part["stuck"])) == (None, MIDNIGHT + 9 * HOUR)
    stands = status_at(datetime.now(UTC), disk.row, None)
    assert "A snapshot has been in progress since 24 Nov 03:00." in why(stands)


@pytest.mark.parametrize("end", ["Error", "gone"])
def test_a_run_that_is_freed_without_success_is_failing_and_then_late(disk: Disk, end: str) -> None:
    disk.add(MIDNIGHT - 21 * HOUR)
    run = disk.add(MIDNIGHT + 3 * HOUR, "BackingUp")
    said = [disk.sync(MIDNIGHT + 4 * HOUR)]
    if end == "gone":
        disk.sim.world.remove_snapshot(PATH, run)
        disk.sync(MIDNIGHT + 5 * HOUR)
    else:
        disk.sim.world.set_state(PATH, run, end)
    said += [disk.sync(MIDNIGHT + hours * HOUR) for hours in (6, 8.9, 9, 30)]
    assert said == [RUNNING, FAILING, FAILING, LATE, LATE]


def test_what_is_freed_with_success_is_fresh_again(disk: Disk) -> None:
    disk.add(MIDNIGHT - 21 * HOUR)
    run = disk.add(MIDNIGHT + 3 * HOUR, "BackingUp")
    said = [disk.sync(MIDNIGHT + hours * HOUR) for hours in (8, 9.5)]
    disk.sim.world.set_state(PATH, run, "BackedUp")
    assert [*said, disk.sync(MIDNIGHT + 10 * HOUR)] == [RUNNING, STUCK, FRESH]


def retries(disk: Disk, until: datetime, phases: Collection[int] = range(5)) -> list[Verdict]:
    """Try every five minutes from 02:00 on: Creating for a minute, Error for a minute, gone.

    `phases`: the minutes of a try in which a sync runs.
    """
    said: list[Verdict] = []
    current, moment = "", MIDNIGHT + 2 * HOUR
    while moment < until:
        phase = (moment - MIDNIGHT) // MINUTE % 5
        if phase == 0:
            current = disk.add(moment, "Creating")
        elif phase == 1:
            disk.sim.world.set_state(PATH, current, "Error")
        elif phase == 2:
            disk.sim.world.remove_snapshot(PATH, current)
        if phase in phases:
            said.append(disk.sync(moment))
        moment += MINUTE
    return said


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ({0, 1, 2, 3, 4}, [RUNNING, FAILING]),
        # The tries are never seen to fail, only to vanish: two lists must agree that one has.
        ({0, 3}, [RUNNING, UNKNOWN, FAILING]),
        ({1}, [FAILING]),
        pytest.param({1, 2, 3, 4}, [FAILING], marks=pytest.mark.proof),
        pytest.param({0, 2, 3, 4}, [RUNNING, UNKNOWN, FAILING], marks=pytest.mark.proof),
    ],
    ids=str,
)
def test_tries_without_end_are_failing_without_a_break(disk: Disk, phases: set[int], expected: list[Verdict]) -> None:
    disk.add(MIDNIGHT - 22 * HOUR)
    disk.sync(MIDNIGHT)
    said = retries(disk, MIDNIGHT + 2.25 * HOUR, phases)
    assert words(said) == expected


def test_tries_without_end_are_late_from_the_deadline_on_and_fresh_at_the_first_success(disk: Disk) -> None:
    disk.add(MIDNIGHT - 22 * HOUR)
    disk.sync(MIDNIGHT)
    before = retries(disk, MIDNIGHT + 2.2 * HOUR)
    after = []
    for minutes in range(475, 490):
        state = {0: "Creating", 1: "Error"}.get(minutes % 5)
        run = disk.add(MIDNIGHT + (minutes - minutes % 5) * MINUTE, state) if state else ""
        after.append(disk.sync(MIDNIGHT + minutes * MINUTE))
        if run:
            disk.sim.world.remove_snapshot(PATH, run)
    disk.add(MIDNIGHT + 490 * MINUTE)
    assert words([*before, *after, disk.sync(MIDNIGHT + 500 * MINUTE)]) == [RUNNING, FAILING, LATE, FRESH]


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("runs", "late_from"),
    first(3, [({1460: 1505}, None), ({1471: 1516}, 1470), ({}, 1470), ({1440: 1485}, None), ({1440: 9999}, None)]),
    ids=str,
)
def test_a_target_of_a_day_and_a_daily_schedule(
    disk: Disk, alice: User, runs: dict[int, int], late_from: int | None
) -> None:
    """`runs`: begin and end of the next run, in minutes after the newest usable one."""
    disk.add(MIDNIGHT)
    disk.sync(MIDNIGHT + MINUTE)
    targets.set_of_volume(disk.row, 24, person=alice)
    late, run = [], ""
    for minutes in (1439, 1441, 1469, 1470, 1472, 1484, 1486, 1504, 1506):
        for begin, end in runs.items():
            if begin <= minutes and not run:
                run = disk.add(MIDNIGHT + begin * MINUTE, "BackingUp")
            if end <= minutes:
                disk.sim.world.set_state(PATH, run, "BackedUp")
        if disk.sync(MIDNIGHT + minutes * MINUTE) is LATE:
            late.append(minutes)
    assert late[:1] == ([] if late_from is None else [late_from])


def test_a_manual_run_that_hangs_past_its_target_is_stuck(disk: Disk, alice: User) -> None:
    disk.add(MIDNIGHT, kind="MANUAL")
    disk.sync(MIDNIGHT + MINUTE)
    targets.set_of_volume(disk.row, 24, person=alice)
    disk.add(MIDNIGHT + 23 * HOUR, "Creating", "MANUAL")
    said = [disk.sync(MIDNIGHT + hours * HOUR) for hours in (23.1, 24.1, 28.9, 29, 300)]
    assert said == [FRESH, RUNNING, RUNNING, STUCK, STUCK]
    assert status_at(datetime.now(UTC), disk.row, DAY).is_waiting


@pytest.mark.few(1)
@pytest.mark.parametrize("state", ["Processing", "", "Hidden"])
def test_a_state_that_is_not_known_is_no_no(disk: Disk, state: str) -> None:
    run = disk.add(NOW - 2 * HOUR)
    said = [disk.sync(NOW)]
    disk.sim.world.set_state(PATH, run, state)
    said.append(disk.sync(NOW + MINUTE))
    stands = status_at(NOW + MINUTE, disk.row, None)
    assert (stands.reason, disk.row.usable_count) == (Reason.UNKNOWN_STATE, 0)
    disk.add(NOW - 3 * HOUR)
    said.append(disk.sync(NOW + 2 * MINUTE))
    assert said == [FRESH, UNKNOWN, FRESH]


def test_the_reason_of_a_state_goes_with_it(disk: Disk) -> None:
    run = disk.add(NOW - 2 * HOUR, "Processing")
    assert (disk.sync(NOW), disk.row.doubts) == (UNKNOWN, {"unknown_state": 1})
    disk.sim.world.set_state(PATH, run, "BackedUp")
    assert (disk.sync(NOW + MINUTE), disk.row.doubts) == (FRESH, {})


def test_an_interval_type_that_is_not_known_is_not_no_schedule(disk: Disk, alice: User) -> None:
    disk.add(NOW - 2 * HOUR, kind="NIGHTLY")
    said = [disk.sync(NOW)]
    stands = status_at(NOW, disk.row, None)
    assert (stands.reason, "nothing is due" in why(stands)) == (Reason.UNKNOWN_TYPE, False)
    targets.set_of_volume(disk.row, 24, person=alice)
    assert [*said, disk.said] == [UNKNOWN, FRESH]


def test_the_list_does_not_say_none_usable_of_what_is_not_known(disk: Disk, alice_client: Client) -> None:
    disk.add(NOW - 2 * HOUR, "Processing", "MANUAL")
    disk.sync(NOW)
    page = home(alice_client, f"?q={disk.id[:8]}")
    (row,) = rows(page)
    assert (row.attributes["data-verdict"], row.attributes["data-doubt"]) == ("unknown", "unknown_state")
    assert "none" not in cell(page, "ledger", "newest")


def test_a_volume_that_was_never_judged_is_unknown(seen: Environment) -> None:
    volume = Volume.objects.create(team=seen.team, environment=seen, volume_id="0" * 36, target_hours=24)
    status = status_at(NOW, volume, None)
    assert [status.verdict, status.verdict_by_data] == [UNKNOWN, UNKNOWN]
