"""Refreshes killed or stopped at any moment: the rows are old or new, whole, and the next one comes in time."""

import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from threading import Event

import pytest
from django.db import connection

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.faults.figures import LINES
from tests.faults.forked import Forks, copied
from tests.sync.races import LEASE_SECONDS, Shape, shape, wait_for_call
from tests.sync.steps import KEY, PATH

APART_SECONDS = 120
COMMIT_SECONDS = 0.006
SNAPSHOTS = 600
# How many rows a first list is written by at a time here.
ROWS = 20

pytestmark = pytest.mark.defaults
Moment = Callable[[Forks, Random, int, float, int], object]


@pytest.fixture
def provider() -> Iterator[Simulator]:
    with Simulator(World(environments=[PATH], volumes=6, snapshots=SNAPSHOTS), keys={KEY: None}) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def program() -> Iterator[Forks]:
    program = Forks()
    yield program
    program.end()


@pytest.fixture
def other(forks: Forks) -> Iterator[Forks]:
    """A second program on the same database: the first waits for its process in any case."""
    other = Forks()
    other.file, other.url = forks.file, forks.url
    yield other
    other.end()


@pytest.fixture
def forks(program: Forks, tmp_path: Path, provider: Simulator, db: None) -> Forks:
    """The program on a separate database file, a copy of the tests' empty one."""
    file = tmp_path / "db.sqlite3"
    file.write_bytes(connection.connection.serialize())
    program.use(file, provider.url)
    return program


def stir(provider: Simulator, chance: Random) -> None:
    """Give the provider a list that adds ten, changes a hundred and leaves out ten."""
    rows = provider.world.snapshots(PATH)
    chance.shuffle(rows)
    for each in rows[:10]:
        provider.world.remove_snapshot(PATH, str(each["id"]))
        provider.world.add_snapshot(PATH)
    for each in rows[10:110]:
        provider.world.rename(PATH, str(each["id"]), f"renamed-{chance.random()}")


# --- moments of death: each starts a refresh, kills it, and gives what it had said before


def at_any_time(forks: Forks, chance: Random, later: int, seconds: float, statements: int) -> object:
    forks.order(later=later)
    Event().wait(chance.uniform(0, 1.3 * seconds))
    return forks.kill()


def between_two_statements(forks: Forks, chance: Random, later: int, seconds: float, statements: int) -> object:
    forks.order(later=later, stop_at=chance.randint(1, statements))
    assert forks.hear() == "stopped"
    return forks.kill()


def around_the_commit(forks: Forks, chance: Random, later: int, seconds: float, statements: int) -> object:
    forks.order(later=later, stop_at=statements)
    assert forks.hear() == "stopped"
    forks.go_on()
    Event().wait(chance.uniform(0, COMMIT_SECONDS))
    return forks.kill()


def when_it_is_done(forks: Forks, chance: Random, later: int, seconds: float, statements: int) -> object:
    forks.order(later=later)
    said = forks.hear()
    assert forks.kill() is None
    return said


MOMENTS: list[Moment] = [at_any_time, between_two_statements, around_the_commit, when_it_is_done]


def present(found: Shape) -> set[object]:
    return {snapshot_id for snapshot_id, *_, is_there in found[0] if is_there}


def died(forks: Forks, chance: Random, moment: Moment, later: int) -> str:
    """Let a refresh die, and tell what it left: the old rows or, in any case if it was done, the new."""
    old, copy = shape(forks.file), copied(forks.file)
    outcome, statements, seconds = forks.refresh(file=copy, later=later)
    assert outcome == "written"
    new = shape(copy)
    said = moment(forks, chance, later, seconds, statements)
    left = shape(forks.file)  # asks for integrity and foreign keys too
    # Problems are written after, and volumes before, each in a separate transaction that counts as a generation.
    # tests/alerts/test_deaths.py says that the next round makes up for the problems.
    if left[:2] == new[:2] and new[2] - left[2] in (0, 1):
        return "new"
    is_old = not said and left[:2] == old[:2] and left[2] - old[2] in (0, 1)
    assert is_old, (moment.__name__, said, differences(old, left), differences(new, left))
    return "old"


def differences(one: Shape, other: Shape) -> list[object]:
    return [*one[1:], *other[1:], *set(one[0]) ^ set(other[0])][:10]


@pytest.mark.parametrize("deaths", [4, pytest.param(100, marks=pytest.mark.proof)])
def test_killed_at_any_moment_it_leaves_old_or_new_rows_whole(
    forks: Forks, provider: Simulator, record_property: Callable[[str, object], None], deaths: int
) -> None:
    chance, left, in_time = Random(20261124), Counter[str](), 0
    assert forks.refresh(later=0)[0] == "written"
    for turn in range(1, deaths + 1):
        stir(provider, chance)
        left[died(forks, chance, MOMENTS[turn % len(MOMENTS)], turn * APART_SECONDS)] += 1
        in_time += forks.refresh(later=turn * APART_SECONDS + LEASE_SECONDS)[0] == "written"
        assert present(shape(forks.file)) == {row["id"] for row in provider.world.snapshots(PATH)}
    told = f"old {left['old']}, new {left['new']}, mixed 0, lost 0, corrupt 0; next within the lease {in_time}"
    record_property(LINES, [f"Refreshes killed {deaths}: {told}"])
    assert (left["old"] + left["new"], in_time) == (deaths, deaths)
    assert min(left["old"], left["new"]) > 0


@pytest.mark.parametrize("deaths", [4, pytest.param(100, marks=pytest.mark.proof)])
def test_killed_in_its_first_list_it_shows_nothing_or_all(
    forks: Forks, record_property: Callable[[str, object], None], deaths: int
) -> None:
    chance, empty, shown = Random(20261130), copied(forks.file), Counter[str]()
    new = forks.file.with_name("new.sqlite3")
    empty.rename(new.with_name("empty.sqlite3"))
    for turn in range(deaths + 1):
        forks.file = Path(shutil.copy(new.with_name("empty.sqlite3"), new.with_name(f"{turn}.sqlite3")))
        if turn == 0:
            outcome, statements, seconds = forks.refresh(later=0, rows=ROWS)
            assert outcome == "written"
            whole = forks.look()
            assert isinstance(whole, list)
            assert (whole[0], whole[3]) == (SNAPSHOTS, SNAPSHOTS)
            continue
        forks.order(later=0, rows=ROWS, stop_at=chance.randint(1, statements) if turn % 2 else 0)
        if turn % 2:
            assert forks.hear() == "stopped"
        else:
            Event().wait(chance.uniform(0, 1.3 * seconds))
        forks.kill()
        seen, rows = forks.look(), len(shape(forks.file)[0])
        assert seen in ([0, 0, 0, 0], whole)
        shown["all" if seen == whole else "nothing, and no row" if rows == 0 else "nothing of some rows"] += 1
        assert forks.refresh(later=APART_SECONDS, rows=ROWS)[0] == "written"
        assert forks.look() == whole
        assert len(shape(forks.file)[0]) == SNAPSHOTS
    record_property(LINES, [f"First lists killed {deaths}: shown {dict(shown)}; the next one is whole {deaths}"])
    assert shown["nothing of some rows"] > 0


def test_a_holder_that_was_stopped_past_its_lease_writes_nothing(
    forks: Forks, other: Forks, provider: Simulator, record_property: Callable[[str, object], None]
) -> None:
    assert forks.refresh(later=0)[0] == "written"
    provider.clear()
    provider.fault(path="/snapshots", slow=1.5, times=1)
    forks.order(later=APART_SECONDS)
    wait_for_call(provider, "/snapshots")
    forks.signal(signal.SIGSTOP)
    stir(provider, Random(1))
    outcomes = [other.refresh(later=APART_SECONDS + after)[0] for after in (LEASE_SECONDS - 30, LEASE_SECONDS + 1)]
    assert outcomes == ["held", "written"]
    before = shape(forks.file)
    forks.signal(signal.SIGCONT)
    said = forks.hear()
    forks.go_on()
    forks.done()
    assert isinstance(said, list)
    assert (said[0], shape(forks.file)) == ("late", before)
    record_property(LINES, ["Holder stopped past its lease, then let go: stale writes 0"])
