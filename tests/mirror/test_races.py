"""Threads, processes and sudden death, on a real database file: one call, and old or new rows, whole."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.mirror.steps import KEY, PATH

ROOT = Path(__file__).resolve().parents[2]
LEASE_SECONDS = 45
PATIENCE_SECONDS = 30
LIST = "/snapshots"

pytestmark = pytest.mark.defaults
Shape = tuple[list[tuple[object, ...]], int, int]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file with a team, a key and an environment."""
    path = tmp_path_factory.mktemp("mirror") / "db.sqlite3"
    words(popen(path, "--prepare"))
    return path


@pytest.fixture
def file(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "db.sqlite3"))


@pytest.fixture
def provider() -> Iterator[Simulator]:
    with Simulator(World(environments=[PATH], volumes=6, snapshots=600), keys={KEY: None}) as simulator:
        yield simulator


@pytest.fixture
def start(file: Path, provider: Simulator) -> Iterator[Start]:
    """Start workers on the file; whoever still lives at the end is killed."""
    workers: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> "subprocess.Popen[str]":
        workers.append(popen(file, "--url", provider.url, *arguments))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.communicate()


def popen(database: Path | str, *arguments: str) -> "subprocess.Popen[str]":
    """Start a worker on a SQLite file, or on the database at an address."""
    url = database if isinstance(database, str) else f"sqlite:///{database}"
    return subprocess.Popen(
        [sys.executable, "-m", "tests.mirror.worker", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def next_word(worker: "subprocess.Popen[str]") -> object:
    assert worker.stdout is not None
    return json.loads(worker.stdout.readline())


def go_on(worker: "subprocess.Popen[str]") -> None:
    assert worker.stdin is not None
    worker.stdin.write("\n")
    worker.stdin.flush()


def words(worker: "subprocess.Popen[str]") -> list[object]:
    output, _ = worker.communicate(timeout=PATIENCE_SECONDS)
    assert worker.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


def wait_for_call(provider: Simulator, path: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not provider.calls(path):
        assert time.monotonic() < deadline, "the provider was not called"
        time.sleep(0.005)


def shape(file: Path) -> Shape:
    """What the mirror says, without its clock times."""
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        rows = database.execute(
            "SELECT snapshot_id, state, name, listed, missing_since IS NULL FROM snapshots_snapshot ORDER BY 1"
        ).fetchall()
        (changes,) = database.execute("SELECT count(*) FROM snapshots_change").fetchone()
        (generation,) = database.execute("SELECT generation FROM snapshots_environment").fetchone()
    return rows, changes, generation


def stir(provider: Simulator) -> None:
    """Give the provider a list that adds, changes and leaves out."""
    rows = provider.world.snapshots(PATH)
    for each in rows[:10]:
        provider.world.remove_snapshot(PATH, str(each["id"]))
    for each in rows[10:]:
        provider.world.set_state(PATH, str(each["id"]), "Destroying")
    for _ in range(60):
        provider.world.add_snapshot(PATH)


# --- two at once


def test_twenty_threads_make_one_call(start: Start, provider: Simulator, file: Path) -> None:
    provider.fault(path=LIST, slow=0.2)
    outcomes = words(start("--threads", "20"))[:-1]
    assert (len(outcomes), outcomes.count("written"), provider.calls(LIST)) == (20, 1, 1)
    assert set(outcomes) <= {"written", "held", "gap"}
    assert len(shape(file)[0]) == 600


def test_four_processes_make_one_call(start: Start, provider: Simulator, file: Path) -> None:
    provider.fault(path=LIST, slow=0.2)
    workers = [start("--gate") for _ in range(4)]
    assert [next_word(worker) for worker in workers] == ["ready"] * 4
    for worker in workers:
        go_on(worker)
    outcomes = [words(worker)[0] for worker in workers]
    assert (outcomes.count("written"), provider.calls(LIST)) == (1, 1)
    assert set(outcomes) <= {"written", "held", "gap"}
    assert len(shape(file)[0]) == 600


# --- killed


@pytest.mark.parametrize("volumes_too", [False, True])
def test_killed_while_fetching_leaves_the_old_rows_and_the_lease_ends(
    start: Start, provider: Simulator, file: Path, volumes_too: bool
) -> None:
    path = "/volumes" if volumes_too else LIST
    provider.fault(path=path, slow=PATIENCE_SECONDS, times=1)
    worker = start()
    wait_for_call(provider, path)
    worker.kill()
    worker.wait(PATIENCE_SECONDS)
    assert shape(file) == ([], 0, 0)
    assert words(start())[0] == "held"
    assert words(start("--later", str(LEASE_SECONDS + 1)))[0] == "written"
    assert len(shape(file)[0]) == 600


@pytest.fixture
def old(start: Start, provider: Simulator, file: Path) -> Shape:
    """The mirror after a first list, with the provider's world changed since."""
    assert words(start())[0] == "written"
    stir(provider)
    return shape(file)


def unharmed(file: Path, provider: Simulator) -> tuple[Shape, int]:
    """What the next list makes of the mirror when nobody dies, tried on a copy; and in how many statements."""
    copy = Path(shutil.copy(file, file.with_name("copy.sqlite3")))
    outcome, statements = words(popen(copy, "--url", provider.url, "--later", "60"))
    assert outcome == "written"
    assert isinstance(statements, int)
    return shape(copy), statements


def test_killed_while_writing_leaves_old_or_new_rows_whole(
    start: Start, provider: Simulator, file: Path, old: Shape
) -> None:
    new, statements = unharmed(file, provider)
    moments = [1, statements // 4, statements // 2, statements - 1, statements]
    for place, stop_at in enumerate(moments):
        worker = start("--stop-at", str(stop_at), "--later", str(60 * (place + 1)))
        assert next_word(worker) == "stopped"
        worker.kill()
        worker.wait(PATIENCE_SECONDS)
        assert shape(file) == old
    assert words(start("--later", str(60 * len(moments) + 10)))[0] == "held"
    assert words(start("--later", str(60 * (len(moments) + 1))))[0] == "written"
    assert shape(file) == new


@pytest.mark.parametrize("milliseconds", [0, 3, 12])
def test_killed_around_the_commit_leaves_old_or_new_rows_whole(
    start: Start, provider: Simulator, file: Path, old: Shape, milliseconds: int
) -> None:
    new, statements = unharmed(file, provider)
    worker = start("--stop-at", str(statements), "--later", "60")
    assert next_word(worker) == "stopped"
    go_on(worker)
    Event().wait(milliseconds / 1000)
    worker.kill()
    worker.wait(PATIENCE_SECONDS)
    assert shape(file) in (old, new)
    assert words(start("--later", "120"))[0] == "written"
    assert [each[:3] for each in shape(file)[0]] == [each[:3] for each in new[0]]
