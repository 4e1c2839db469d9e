"""Lists that are cut off without a word: what they leave out may still be there, and may never have been new."""

from datetime import UTC, datetime, timedelta

import pytest
from time_machine import Traveller

from snapshots.models import Environment, Snapshot, Volume
from snapshots.rules.verdict import Verdict
from snapshots.simulator.server import Simulator
from snapshots.sync.questions import MOST_ASKED
from tests.sync.steps import MINUTE, PATH, history, refreshed, row
from tests.sync.test_witnesses import said, taken

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CAP = 24


@pytest.fixture
def golden(environment: Environment, sim: Simulator) -> str:
    """The oldest of all, and the only one of its volume."""
    volume_id = str(sim.world.add_volume(PATH, name="V11", creationDate="2026-01-01T10:00:00+0000")["id"])
    added = sim.world.add_snapshot(PATH, name="golden-image", volume_id=volume_id, created=NOW - 300 * DAY)
    refreshed(environment)
    return str(added["id"])


def cap(sim: Simulator, rows: int) -> None:
    """Let lists hold the newest rows alone, and count them alone."""
    sim.clear_faults()
    there = len(sim.world.snapshots(PATH))
    sim.fault(path="/snapshots", shrink=1 - rows / there)


def more(sim: Simulator, number: int) -> None:
    for _ in range(number):
        sim.world.add_snapshot(PATH, interval_type="HOURLY")


def test_the_last_usable_one_that_answers_for_itself_stays(
    environment: Environment, golden: str, sim: Simulator, clock: Traveller
) -> None:
    for _ in range(5):
        more(sim, 1)
        cap(sim, CAP)
        clock.shift(MINUTE)
        refreshed(environment)
    stored = row(environment, golden)
    assert (stored.listed, stored.is_usable, stored.found_at) == (True, True, sim.world.clock())
    assert said(environment, stored.volume_id, sim.world.clock()) is Verdict.FRESH
    assert environment.capped_rows == CAP
    assert "capped" in environment.list_notes


def test_it_is_missing_once_its_own_address_answers_404(
    environment: Environment, golden: str, sim: Simulator, clock: Traveller
) -> None:
    for turn in range(6):
        more(sim, 1)
        if turn == 3:
            sim.world.remove_snapshot(PATH, golden)
        cap(sim, CAP)
        clock.shift(MINUTE)
        refreshed(environment)
    assert not row(environment, golden).listed
    assert said(environment, row(environment, golden).volume_id, sim.world.clock()) is Verdict.NONE


def test_while_nobody_could_ask_it_is_unknown(
    environment: Environment, golden: str, sim: Simulator, clock: Traveller
) -> None:
    more(sim, 1)
    cap(sim, CAP)
    sim.fault(path="/snapshots/[^/]+", status=503)
    for _ in range(4):
        clock.shift(MINUTE)
        refreshed(environment)
    stored = row(environment, golden)
    assert (stored.listed, stored.is_candidate) == (True, True)
    assert said(environment, stored.volume_id, sim.world.clock()) is Verdict.UNKNOWN


def test_an_answer_does_not_count_for_ever(
    environment: Environment, golden: str, sim: Simulator, clock: Traveller
) -> None:
    more(sim, 1)
    cap(sim, CAP)
    for _ in range(3):
        clock.shift(MINUTE)
        refreshed(environment)
    sim.fault(path="/snapshots/[^/]+", status=503)
    for _ in range(2):
        clock.shift(31 * MINUTE)
        refreshed(environment)
    assert row(environment, golden).is_candidate


def test_when_it_is_listed_again_nothing_is_left_of_it(
    environment: Environment, golden: str, sim: Simulator, clock: Traveller
) -> None:
    more(sim, 1)
    cap(sim, CAP)
    for _ in range(3):
        clock.shift(MINUTE)
        refreshed(environment)
    sim.clear_faults()
    clock.shift(MINUTE)
    refreshed(environment)
    stored = row(environment, golden)
    assert (stored.found_at, stored.missing_since, environment.capped_rows) == (None, None, 0)
    assert not history(environment, golden)


def test_what_moves_up_from_behind_the_end_is_not_new(
    environment: Environment, sim: Simulator, clock: Traveller
) -> None:
    hidden = sim.world.add_snapshot(PATH, name="by-hand", created=NOW - 200 * DAY)
    cap(sim, CAP)
    refreshed(environment)
    newest = sim.world.snapshots(PATH)[0]
    sim.world.remove_snapshot(PATH, str(newest["id"]))
    cap(sim, CAP)
    clock.shift(MINUTE)
    refreshed(environment)
    stored = row(environment, hidden["id"])
    assert taken(stored) == (None, sim.world.clock(), "syncs")
    assert not history(environment, hidden["id"])


def test_rotation_at_an_even_length_is_told_apart_by_a_question(
    seen: Environment, sim: Simulator, clock: Traveller
) -> None:
    oldest = str(sim.world.snapshots(PATH)[-1]["id"])
    sim.world.remove_snapshot(PATH, oldest)
    more(sim, 1)
    for _ in range(2):
        clock.shift(MINUTE)
        refreshed(seen)
    assert (seen.capped_rows, row(seen, oldest).listed) == (0, False)


def test_of_many_the_questions_are_bounded_and_all_have_their_turn(
    environment: Environment, sim: Simulator, clock: Traveller
) -> None:
    volumes = [str(sim.world.add_volume(PATH, name=f"v{number}")["id"]) for number in range(45)]
    for number, volume_id in enumerate(volumes):
        sim.world.add_snapshot(PATH, volume_id=volume_id, created=NOW - (100 + number) * DAY)
    refreshed(environment)
    cap(sim, CAP)
    found = []
    for _ in range(6):
        clock.shift(11 * MINUTE)
        before = len(sim.requests)
        refreshed(environment)
        asked = [request for request in sim.requests[before:] if "/snapshots/" in request.target]
        assert len(asked) <= MOST_ASKED
        found.append(Snapshot.objects.filter(volume_id__in=volumes, found_at__isnull=False).count())
    assert found[-1] == 45
    assert not Snapshot.objects.filter(volume_id__in=volumes, listed=False).exists()
    assert Volume.objects.filter(volume_id__in=volumes).count() == 45


def test_a_list_that_lacked_older_rows_dates_nothing(
    environment: Environment, sim: Simulator, clock: Traveller
) -> None:
    """The first list held the newest rows alone, at a length that gave no hint of it."""
    volume_id = str(sim.world.add_volume(PATH, name="V12")["id"])
    old = [sim.world.add_snapshot(PATH, name=name, volume_id=volume_id, created=NOW - 40 * DAY) for name in ("a", None)]
    cap(sim, CAP)
    refreshed(environment)
    assert not Snapshot.objects.filter(volume_id=volume_id).exists()
    sim.clear_faults()
    clock.shift(MINUTE)
    refreshed(environment)
    assert [row(environment, each["id"]).taken_after for each in old] == [None, NOW - 40 * DAY]
    added = sim.world.add_snapshot(PATH, name="b", volume_id=volume_id)
    clock.shift(MINUTE)
    refreshed(environment)
    assert row(environment, added["id"]).taken_after == NOW + timedelta(seconds=MINUTE)


def test_a_time_that_a_person_typed_proves_nothing_about_a_list(seen: Environment, sim: Simulator) -> None:
    volume_id = str(sim.world.add_volume(PATH, name="V13")["id"])
    names = (f"before_{NOW - 40 * DAY:%Y%m%d%H%M%S}", "by hand")
    added = [sim.world.add_snapshot(PATH, name=name, volume_id=volume_id) for name in names]
    refreshed(seen)
    assert row(seen, added[1]["id"]).taken_after == NOW
