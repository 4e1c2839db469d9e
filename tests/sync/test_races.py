"""Threads, processes and sudden death on a real database, either one: one call, and old or new rows, whole."""

import os
import shutil
from collections.abc import Callable, Iterator
from threading import Event

import pytest

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.proof import SHORT_AND_FULL
from tests.started import Started
from tests.sync.races import (
    LEASE_SECONDS,
    Database,
    File,
    Place,
    Shape,
    go_on,
    kill,
    next_word,
    start_worker,
    stir,
    wait_for_call,
    words,
)
from tests.sync.steps import KEY, PATH
from tests.waiting import SECONDS

SERVER = os.environ.get("DATABASE_URL", "")
LIST = "/snapshots"
Start = Callable[..., Started]


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A migrated database with a team, a key and an environment."""
    made: Place = Database.new(SERVER) if SERVER else File(tmp_path_factory.mktemp("mirror") / "db.sqlite3")
    if isinstance(made, File):
        shutil.copy(request.getfixturevalue("migrated"), made.path)
    words(start_worker(made, "--prepare"))
    yield made
    made.remove()


@pytest.fixture
def copied() -> Iterator[Callable[[Place], Place]]:
    copies: list[Place] = []

    def copied(place: Place) -> Place:
        copies.append(place.copy())
        return copies[-1]

    yield copied
    for copy in copies:
        copy.remove()


@pytest.fixture
def place(template: Place, copied: Callable[[Place], Place]) -> Place:
    return copied(template)


@pytest.fixture
def provider() -> Iterator[Simulator]:
    with Simulator(World(environments=[PATH], volumes=6, snapshots=600), keys={KEY: None}) as simulator:
        yield simulator


@pytest.fixture
def start(copied: object, provider: Simulator) -> Iterator[Start]:
    """Start workers; those that still run at the end are killed, before their folder is removed."""
    workers: list[Started] = []

    def start(place: Place, *arguments: str) -> Started:
        workers.append(start_worker(place, "--url", provider.url, *arguments))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.communicate(SECONDS)


# --- two at once


def made_one_call(outcomes: list[object], provider: Simulator, place: Place) -> None:
    assert (outcomes.count("written"), provider.calls(LIST)) == (1, 1)
    assert set(outcomes) <= {"written", "held", "gap"}
    assert len(place.shape()[0]) == 600


@pytest.mark.both_databases(proof=True)
def test_twenty_threads_make_one_call(start: Start, provider: Simulator, place: Place) -> None:
    provider.fault(path=LIST, slow=0.2)
    outcomes = words(start(place, "--threads", "20"))[:-1]
    assert len(outcomes) == 20
    made_one_call(outcomes, provider, place)


@pytest.mark.proof
@pytest.mark.both_databases
def test_four_processes_make_one_call(start: Start, provider: Simulator, place: Place) -> None:
    provider.fault(path=LIST, slow=0.2)
    workers = [start(place, "--gate") for _ in range(4)]
    assert [next_word(worker) for worker in workers] == ["ready"] * 4
    for worker in workers:
        go_on(worker)
    made_one_call([words(worker)[0] for worker in workers], provider, place)


# --- killed


@pytest.mark.parametrize(
    "path", [pytest.param(LIST, marks=pytest.mark.both_databases), pytest.param("/volumes", marks=pytest.mark.proof)]
)
def test_killed_while_fetching_leaves_the_old_rows_and_the_lease_ends(
    start: Start, provider: Simulator, place: Place, path: str
) -> None:
    provider.fault(path=path, slow=SECONDS, times=1)
    worker = start(place)
    wait_for_call(provider, path)
    kill(worker, place)
    assert place.shape() == ([], 0, 0)
    assert words(start(place))[0] == "held"
    assert words(start(place, "--later", str(LEASE_SECONDS + 1)))[0] == "written"
    assert len(place.shape()[0]) == 600


@pytest.fixture
def old(start: Start, provider: Simulator, place: Place) -> Shape:
    """The mirror after a first list, with the provider's world changed since."""
    assert words(start(place))[0] == "written"
    stir(provider)
    place.until_left()
    return place.shape()


@pytest.fixture
def unharmed(start: Start, place: Place, old: Shape, copied: Callable[[Place], Place]) -> tuple[Shape, int]:
    """What the next list makes of the mirror when nobody dies, tried on a copy; and in how many statements."""
    copy = copied(place)
    outcome, statements = words(start(copy, "--later", "60"))
    assert outcome == "written"
    assert isinstance(statements, int)
    return copy.shape(), statements


# `make test` tries fewer moments than `make proof`.


@pytest.mark.both_databases
@SHORT_AND_FULL
def test_killed_while_writing_leaves_old_or_new_rows_whole(
    start: Start, place: Place, old: Shape, unharmed: tuple[Shape, int], full: bool
) -> None:
    new, statements = unharmed
    rarer = [1, statements // 4, statements - 1] if full else []
    moments = [*rarer, statements // 2, statements]
    for number, stop_at in enumerate(moments, start=1):
        worker = start(place, "--stop-at", str(stop_at), "--later", str(60 * number))
        assert next_word(worker) == "stopped"
        kill(worker, place)
        assert place.shape() == old
    assert words(start(place, "--later", str(60 * len(moments) + 10)))[0] == "held"
    assert words(start(place, "--later", str(60 * (len(moments) + 1))))[0] == "written"
    assert place.shape() == new


@pytest.mark.proof
@pytest.mark.both_databases(proof=True)
@SHORT_AND_FULL
def test_killed_around_the_commit_leaves_old_or_new_rows_whole(
    start: Start, place: Place, old: Shape, unharmed: tuple[Shape, int], copied: Callable[[Place], Place], full: bool
) -> None:
    new, statements = unharmed
    # The problems follow in another transaction, which raises the generation once more.
    rows, changes, generation = new
    before_problems = (rows, changes, generation - 1)
    for milliseconds in (0, 3, 12) if full else (3,):
        copy = copied(place)
        worker = start(copy, "--stop-at", str(statements), "--later", "60")
        assert next_word(worker) == "stopped"
        go_on(worker)
        Event().wait(milliseconds / 1000)
        kill(worker, copy)
        assert copy.shape() in (old, before_problems, new)
        assert words(start(copy, "--later", "120"))[0] == "written"
        assert [each[:3] for each in copy.shape()[0]] == [each[:3] for each in new[0]]
