"""How long another writer waits during a refresh on SQLite, and what a refresh takes: each in a new process."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from threading import Event, Thread
from time import perf_counter

from django.db import connection

from bench.people import KEY, LARGE
from bench.refresh import body_of, set_fields
from bench.site import ROOT
from bench.stage import PART_SECONDS
from bench.world import SNAPSHOTS_OF_EACH, make_team
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World

EVERY_SECONDS = 0.02
LONGEST_SECONDS = 60


def run(size: int) -> None:
    """Print a Markdown table."""
    code, _, name = LARGE.partition("/")
    Environment.objects.create(team=make_team(), service_code=code, name=name)
    world = World(environments=[LARGE], volumes=max(1, size // SNAPSHOTS_OF_EACH), snapshots=size)
    print(
        f"**A refresh of {size:,} snapshots**, while another process writes a row every {EVERY_SECONDS * 1000:.0f} ms"
    )
    print("\n| | rows written | longest wait | in all | of the processor | peak memory |\n|" + " --- |" * 6)
    with Simulator(world, keys={KEY: None}) as simulator:
        for what in _kinds(world):
            body_of(simulator)  # makes the simulator encode what changed before the clock runs
            with _writing() as waits:
                seconds, used, memory, rows = _refresh(size, simulator)
            figures = f"{rows:,} | {max(waits):.2f} s | {seconds:.2f} s | {used:.2f} s | {memory:.0f} MiB"
            print(f"| {what} | {figures} |", flush=True)


def _kinds(world: World) -> Iterator[str]:
    """Change the world, and yield what the next list is."""
    ids = [str(row["id"]) for row in world.snapshots(LARGE)]
    yield "first"
    yield "same body"
    set_fields(world, ids[:1], note=1)
    yield "another body, nothing changed"
    for what, some in (("one row", ids[:1]), ("1 %", ids[::100]), ("10 %", ids[::10]), ("all", ids)):
        set_fields(world, some, name=f"renamed-{len(some)}")
        yield f"{what} renamed"


def _refresh(size: int, simulator: Simulator) -> Sequence[float]:
    command = [sys.executable, "-m", "bench.inside", "one_refresh", str(size)]
    variables = {**os.environ, "CLOUDCA_API_URL": simulator.url}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, check=True, timeout=PART_SECONDS)
    figures: list[float] = json.loads(done.stdout)
    return figures


@contextmanager
def _writing() -> Iterator[list[float]]:
    """Write a row now and then during the block, and yield how long each took."""
    seconds, is_over = [0.0], Event()

    def write() -> None:
        with closing(
            sqlite3.connect(connection.settings_dict["NAME"], timeout=LONGEST_SECONDS, isolation_level=None)
        ) as own:
            own.execute("CREATE TABLE IF NOT EXISTS bench_written (at real)")
            while not is_over.wait(EVERY_SECONDS):
                began = perf_counter()
                own.execute("INSERT INTO bench_written VALUES (?)", [began])
                seconds.append(perf_counter() - began)

    thread = Thread(target=write, daemon=True)
    thread.start()
    try:
        yield seconds
    finally:
        is_over.set()
        thread.join(LONGEST_SECONDS)
