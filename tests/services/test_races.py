"""Threads, processes and sudden death on PostgreSQL: one call, and old or new rows, whole."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Event

import psycopg
import pytest

from snapshots.simulator.server import Simulator
from tests.mirror.test_races import (
    LEASE_SECONDS,
    LIST,
    PATIENCE_SECONDS,
    Shape,
    go_on,
    next_word,
    popen,
    provider,
    stir,
    wait_for_call,
    words,
)
from tests.services.conftest import address

__all__ = ["provider"]
pytestmark = pytest.mark.services
Copied = Callable[[str], str]
Start = Callable[..., "subprocess.Popen[str]"]
ROWS = "SELECT snapshot_id, state, name, listed, missing_since IS NULL FROM snapshots_snapshot ORDER BY 1"


@pytest.fixture
def start(database: str, provider: Simulator) -> Iterator[Start]:
    """Start workers on the database; whoever still lives at the end is killed."""
    workers: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> "subprocess.Popen[str]":
        workers.append(popen(database, "--url", provider.url, *arguments))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.communicate()


def shape(database: str) -> Shape:
    """What the mirror says, without its clock times."""
    with closing(psycopg.connect(database)) as connection:
        rows = connection.execute(ROWS).fetchall()
        changes = connection.execute("SELECT count(*) FROM snapshots_change").fetchone()
        generation = connection.execute("SELECT generation FROM snapshots_environment").fetchone()
    assert changes is not None
    assert generation is not None
    return rows, changes[0], generation[0]


def wait_until_gone(database: str) -> None:
    """Wait until PostgreSQL, too, has taken leave of the dead process and its transaction."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        for _ in range(PATIENCE_SECONDS * 100):
            if connection.execute(others).fetchone() == (0,):
                return
            Event().wait(0.01)
    raise AssertionError("a dead process still has its connection")


def kill(worker: "subprocess.Popen[str]", database: str) -> None:
    worker.kill()
    worker.wait(PATIENCE_SECONDS)
    wait_until_gone(database)


def test_twenty_threads_make_one_call(start: Start, provider: Simulator, database: str) -> None:
    provider.fault(path=LIST, slow=0.2)
    outcomes = words(start("--threads", "20"))[:-1]
    assert (len(outcomes), outcomes.count("written"), provider.calls(LIST)) == (20, 1, 1)
    assert set(outcomes) <= {"written", "held", "gap"}
    assert len(shape(database)[0]) == 600


def test_four_processes_make_one_call(start: Start, provider: Simulator, database: str) -> None:
    provider.fault(path=LIST, slow=0.2)
    workers = [start("--gate") for _ in range(4)]
    assert [next_word(worker) for worker in workers] == ["ready"] * 4
    for worker in workers:
        go_on(worker)
    outcomes = [words(worker)[0] for worker in workers]
    assert (outcomes.count("written"), provider.calls(LIST)) == (1, 1)
    assert set(outcomes) <= {"written", "held", "gap"}
    assert len(shape(database)[0]) == 600


def test_killed_while_fetching_leaves_the_old_rows_and_the_lease_ends(
    start: Start, provider: Simulator, database: str
) -> None:
    provider.fault(path=LIST, slow=PATIENCE_SECONDS, times=1)
    worker = start()
    wait_for_call(provider, LIST)
    kill(worker, database)
    assert shape(database) == ([], 0, 0)
    assert words(start())[0] == "held"
    assert words(start("--later", str(LEASE_SECONDS + 1)))[0] == "written"
    assert len(shape(database)[0]) == 600


@pytest.fixture
def old(start: Start, provider: Simulator, database: str) -> Shape:
    """The mirror after a first list, with the provider's world changed since."""
    assert words(start())[0] == "written"
    stir(provider)
    return shape(database)


@pytest.fixture
def unharmed(server: str, provider: Simulator, database: str, old: Shape, copied: Copied) -> tuple[Shape, int]:
    """What the next list makes of the mirror when nobody dies, tried on a copy; and in how many statements."""
    copy = address(server, copied(database.rpartition("/")[2]))
    outcome, statements = words(popen(copy, "--url", provider.url, "--later", "60"))
    assert outcome == "written"
    assert isinstance(statements, int)
    return shape(copy), statements


def test_killed_while_writing_leaves_old_or_new_rows_whole(
    start: Start, database: str, old: Shape, unharmed: tuple[Shape, int]
) -> None:
    new, statements = unharmed
    for place, stop_at in enumerate((1, statements // 2, statements - 1, statements), start=1):
        worker = start("--stop-at", str(stop_at), "--later", str(60 * place))
        assert next_word(worker) == "stopped"
        kill(worker, database)
        assert shape(database) == old
    assert words(start("--later", "250"))[0] == "held"
    assert words(start("--later", "300"))[0] == "written"
    assert shape(database) == new


@pytest.mark.parametrize("milliseconds", [0, 3, 12])
def test_killed_around_the_commit_leaves_old_or_new_rows_whole(
    start: Start, database: str, old: Shape, unharmed: tuple[Shape, int], milliseconds: int
) -> None:
    new, statements = unharmed
    worker = start("--stop-at", str(statements), "--later", "60")
    assert next_word(worker) == "stopped"
    go_on(worker)
    Event().wait(milliseconds / 1000)
    kill(worker, database)
    assert shape(database) in (old, new)
    assert words(start("--later", "120"))[0] == "written"
    assert [each[:3] for each in shape(database)[0]] == [each[:3] for each in new[0]]
