"""Workers that race for one mirror, and where it is: a SQLite file, or a PostgreSQL database, of a test's own."""

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from snapshots.simulator.server import Simulator
from tests.started import Started
from tests.sync.steps import PATH
from tests.waiting import SECONDS, until, within

LEASE_SECONDS = 45
ROWS = "SELECT snapshot_id, state, name, listed, missing_since IS NULL FROM snapshots_snapshot ORDER BY 1"
CHANGES = "SELECT count(*) FROM snapshots_change"
GENERATION = "SELECT generation FROM snapshots_environment"
OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

Row = tuple[object, ...]
Shape = tuple[list[Row], int, int]
Speaking = Started | subprocess.Popen[str]


class Place(Protocol):
    """Where a mirror is; `url` is what DATABASE_URL says of it."""

    url: str

    def shape(self) -> Shape:
        """Tell what the mirror says, without its clock times."""

    def copy(self) -> Self:
        """Copy it as it is; nobody may be at it."""

    def until_left(self) -> None:
        """Wait until it has taken leave of the workers that are dead."""

    def remove(self) -> None:
        """Take it away."""


class File:
    """A SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def shape(self) -> Shape:
        return shape(self.path)

    def copy(self) -> "File":
        return File(Path(shutil.copy(self.path, self.path.with_name(f"{uuid4().hex}.sqlite3"))))

    def until_left(self) -> None:
        """Nothing to wait for: what a dead process held of a file is free at once."""

    def remove(self) -> None:
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()


class Database:
    """A database of the server at an address."""

    def __init__(self, server: str) -> None:
        self._server, self._name = server, f"rows_{uuid4().hex}"
        self.url = urlsplit(server)._replace(path=f"/{self._name}").geturl()

    @classmethod
    def new(cls, server: str) -> "Database":
        made = cls(server)
        made._administer(f"CREATE DATABASE {made._name}")
        return made

    def shape(self) -> Shape:
        with closing(psycopg.connect(self.url)) as connection:
            found = [connection.execute(query).fetchall() for query in (ROWS, CHANGES, GENERATION)]
        return _shaped(*found)

    def copy(self) -> "Database":
        made = Database(self._server)
        self._administer(f"CREATE DATABASE {made._name} TEMPLATE {self._name}")
        return made

    def until_left(self) -> None:
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            until(
                lambda: connection.execute(OTHERS).fetchone() == (0,), what="the connections of dead processes to end"
            )

    def remove(self) -> None:
        self._administer(f"DROP DATABASE {self._name} WITH (FORCE)")

    def _administer(self, statement: str) -> None:
        with closing(psycopg.connect(self._server, autocommit=True)) as connection:
            connection.execute(statement)


def shape(file: Path) -> Shape:
    """Tell what the mirror in a SQLite file says, without its clock times; and that the file is sound."""
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        found = [database.execute(query).fetchall() for query in (ROWS, CHANGES, GENERATION)]
    return _shaped(*found)


def _shaped(rows: list[Row], changes: Sequence[Row], generation: Sequence[Row]) -> Shape:
    ((number,),), ((count,),) = generation, changes
    assert isinstance(number, int)
    assert isinstance(count, int)
    return rows, count, number


def start_worker(place: Place, *arguments: str) -> Started:
    variables = os.environ | {"DATABASE_URL": place.url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    return Started("-m", "tests.sync.worker", *arguments, env=variables)


def next_word(worker: Speaking, seconds: float = SECONDS) -> object:
    assert worker.stdout is not None
    line = within(worker.stdout.readline, seconds, what=f"the next word of process {worker.pid}")
    assert line, f"process {worker.pid} exited without the expected word"
    return json.loads(line)


def go_on(worker: Speaking) -> None:
    assert worker.stdin is not None
    worker.stdin.write("\n")
    worker.stdin.flush()


def words(worker: Started) -> list[object]:
    output = worker.communicate(SECONDS)
    assert worker.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


def kill(worker: Started, place: Place) -> None:
    worker.kill()
    worker.wait(SECONDS)
    place.until_left()


def wait_for_call(provider: Simulator, path: str) -> None:
    until(lambda: bool(provider.calls(path)), what=f"a call of {path}")


def stir(provider: Simulator) -> None:
    """Give the provider a list that adds, changes and leaves out."""
    rows = provider.world.snapshots(PATH)
    for each in rows[:10]:
        provider.world.remove_snapshot(PATH, str(each["id"]))
    for each in rows[10:]:
        provider.world.set_state(PATH, str(each["id"]), "Destroying")
    for _ in range(60):
        provider.world.add_snapshot(PATH)
