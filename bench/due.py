"""Count how many environments a minute one process refreshes that are all due every minute, by the provider's distance.

The command is the one that runs in production. Every list is known already and unchanged, as almost always. The clock
runs from the first refreshed environment to the last, or for a minute.
"""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from time import monotonic, sleep

from bench.load import table
from bench.site import ROOT, BenchError, stop
from bench.stage import Stage

AWAY = (0.1, 0.3, 1.0)
EVERY = 60
PREPARING_SECONDS = 900
START_SECONDS = 60
POLL = 0.1
GAP_SECONDS = 11
"""No environment is asked again earlier."""
LISTED = "SELECT count(*) FROM snapshots_environment WHERE listed_at > '{since}'"
NEWEST = "SELECT max(listed_at) FROM snapshots_environment"


def measure(stage: Stage, size: int) -> str:
    """Measure each distance, and return a Markdown table. Raises BenchError."""
    with _provider(0) as url:
        refreshed, _seconds = _refresh(stage, size, url, PREPARING_SECONDS)
    if refreshed < size:
        raise BenchError(f"Only {refreshed} of {size} environments could be prepared.")
    head = ["the provider is away", "refreshed", "in", "a minute"]
    return "\n".join([f"**{size:,} environments**, due every {EVERY} s\n", *table(head, _rows(stage, size))])


def _rows(stage: Stage, size: int) -> Iterator[list[str]]:
    for away in AWAY:
        sleep(GAP_SECONDS)
        with _provider(away) as url:
            refreshed, seconds = _refresh(stage, size, url, EVERY)
        yield [f"{away} s", f"{refreshed:,}", f"{seconds:.1f} s", f"{refreshed / seconds * 60:,.0f}"]


def _refresh(stage: Stage, size: int, url: str, most: float) -> tuple[int, float]:
    """Run the sync for `most` seconds, or until all are refreshed; return how many were, and in which time."""
    variables = stage.variables(size) | {"CLOUDCA_API_URL": url}
    command = [sys.executable, "manage.py", "sync_snapshots", "--every", str(EVERY)]
    with closing(sqlite3.connect(stage.database(size))) as database, stage.log(size).open("ab") as log:
        (since,) = database.execute(NEWEST).fetchone()
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **variables}, stdout=log, stderr=log)
        try:
            return _count(database, since or "", size, most)
        finally:
            stop(process)


def _count(database: sqlite3.Connection, since: str, size: int, most: float) -> tuple[int, float]:
    """Return how many were refreshed and in which time. Raises BenchError."""
    until = monotonic() + START_SECONDS
    while not (first := _refreshed(database, since)):
        if monotonic() > until:
            raise BenchError("The sync refreshed no environment.")
        sleep(POLL)
    count, began = first, monotonic()
    while count < size and monotonic() < began + most:
        sleep(POLL)
        count = _refreshed(database, since)
    # The first ones came before the clock ran: their share is added.
    return count, (monotonic() - began) * count / max(1, count - first)


def _refreshed(database: sqlite3.Connection, since: str) -> int:
    return int(database.execute(LISTED.format(since=since)).fetchone()[0])


@contextmanager
def _provider(away: float) -> Iterator[str]:
    """Run a provider that answers after some seconds, and yield its address."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=128)) as listener:
        port: int = listener.getsockname()[1]
        command = [sys.executable, "-m", "bench.provider", str(listener.fileno()), str(away)]
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=[listener.fileno()])
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        stop(process)
