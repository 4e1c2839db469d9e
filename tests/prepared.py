"""A migrated database file, made once in a run of the tests: copied wherever an empty one of the product is wanted."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests import started
from tests.waiting import within

# What Django calls the tests' own database.
IN_MEMORY = "file:memorydb_default?mode=memory&cache=shared"
# The variable that names such a file, for those who run the tests many times.
READY = "MIGRATED_DATABASE"


def made(factory: pytest.TempPathFactory) -> Path:
    """Return the file; the first of the test processes makes it, as the product does, while the others wait."""
    if ready := os.environ.get(READY):
        return Path(ready)
    base = factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    file = folder / "migrated.sqlite3"
    with (folder / "migrated.lock").open("w") as lock:
        within(partial(fcntl.flock, lock, fcntl.LOCK_EX), what="the process that prepares the database")
        if not file.exists():
            migrate(folder / "migrating.sqlite3").rename(file)
    return file


def migrate(file: Path) -> Path:
    """Make the file."""
    variables = os.environ | {"DATABASE_URL": f"sqlite:///{file}", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = started.run("manage.py", "migrate", "--verbosity=0", env=variables)
    assert done.returncode == 0, done.stderr
    # One file that can be copied as it is, and into memory; the product has its own way of writing in each connection.
    with closing(sqlite3.connect(file)) as rows:
        rows.execute("PRAGMA journal_mode=delete")
    return file


@contextmanager
def in_memory(file: Path) -> Iterator[None]:
    """Let the tests' own database begin as a copy of the file, so that Django finds nothing to migrate in it."""
    with closing(sqlite3.connect(IN_MEMORY, uri=True)) as memory:
        with closing(sqlite3.connect(file)) as source:
            source.backup(memory)
        yield
