"""`sync_snapshots --every` as a separate process: it repeats, and it stops at once and cleanly."""

import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.management.programs import Running, manage, running, until, variables
from tests.management.steps import KEY, PASSWORD, TEAM, write
from tests.proof import first

EVERY = ("manage.py", "sync_snapshots", "--every", "10")


@pytest.fixture
def provider() -> Iterator[Simulator]:
    world = World(seed=1, environments=["compute-on/prod", "compute-qc/prod"], volumes=4, snapshots=24)
    with Simulator(world, keys={KEY: None}) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> dict[str, str]:
    """Variables of a product whose database has the team."""
    folder = tmp_path_factory.mktemp("made")
    env = variables(folder, migrated=migrated, ACME_KEY=KEY, ALICE_PASSWORD=PASSWORD)
    manage("provision", write(folder, TEAM), env=env)
    return env


@pytest.fixture
def env(made: dict[str, str], tmp_path: Path, provider: Simulator) -> dict[str, str]:
    shutil.copy(made["DATABASE_URL"].removeprefix("sqlite:///"), tmp_path)
    return made | {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", "CLOUDCA_API_URL": provider.url}


def ends_at_once(sync: Running, by: signal.Signals) -> bool:
    start = time.monotonic()
    return sync.end(by) == 0 and time.monotonic() - start < 8


@pytest.mark.parametrize("end", first(1, [signal.SIGINT, signal.SIGHUP]))
def test_ends_amid_a_wait(env: dict[str, str], tmp_path: Path, end: signal.Signals) -> None:
    with running(*EVERY, env=env, folder=tmp_path) as sync:
        sync.until_it_says("compute-qc/prod  +24 new")
        assert ends_at_once(sync, end)
    assert len(sync.output.splitlines()) == 2


def test_ends_amid_a_slow_answer(env: dict[str, str], tmp_path: Path, provider: Simulator) -> None:
    provider.fault(slow=60.0)
    with running(*EVERY, env=env, folder=tmp_path) as sync:
        until(lambda: provider.calls("/snapshots") == 2, what="both calls")
        start = time.monotonic()
        assert sync.end() == 0
    assert time.monotonic() - start < 40
    assert sync.output == ""


def test_a_running_fetch_may_finish(env: dict[str, str], tmp_path: Path, provider: Simulator) -> None:
    provider.fault(path="/snapshots", slow=0.3)
    with running(*EVERY, env=env, folder=tmp_path) as sync:
        until(lambda: provider.calls("/snapshots") == 2, what="both calls")
        assert sync.end() == 0
    assert sync.output.count("+24 new") == 2


def test_goes_on_and_tells_what_changed(env: dict[str, str], tmp_path: Path, provider: Simulator) -> None:
    with running(*EVERY, env=env, folder=tmp_path) as sync:
        sync.until_it_says("compute-qc/prod  +24 new")
        provider.world.add_snapshot("compute-on/prod")
        sync.until_it_says("compute-on/prod  +1 new")
        assert len(sync.output.splitlines()) == 3
        assert ends_at_once(sync, signal.SIGTERM)


@pytest.mark.proof
def test_of_two_syncs_one_forgets_what_is_past_its_time(
    env: dict[str, str], tmp_path: Path, provider: Simulator
) -> None:
    database = env["DATABASE_URL"].removeprefix("sqlite:///")
    folders = [tmp_path / name for name in ("first", "second")]
    with closing(sqlite3.connect(database)) as rows:
        rows.executemany("INSERT INTO django_session VALUES (?, '', '2026-01-01')", [(str(n),) for n in range(1200)])
        rows.commit()
    with ExitStack() as stack:
        syncs = []
        for folder in folders:
            folder.mkdir()
            syncs.append(stack.enter_context(running(*EVERY, env=env, folder=folder)))
        until(lambda: any("forgotten" in sync.output for sync in syncs), what="the work of the day")
        until(lambda: sum("+24 new" in sync.output for sync in syncs) >= 1, what="a round")
        assert [sync.end() for sync in syncs] == [0, 0]
    told = "".join(sync.output for sync in syncs)
    assert told.count("forgotten: sessions that have expired: 1200") == told.count("forgotten") == 1
