"""A migrated database file, made once for each state of the product: copied wherever an empty one is wanted."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from tests import started
from tests.started import ROOT
from tests.waiting import within

# What Django calls the tests' own database.
IN_MEMORY = "file:memorydb_default?mode=memory&cache=shared"
# The variable that names such a file, for those who run the tests many times.
READY = "MIGRATED_DATABASE"
KEPT = ROOT / "test-results"
# What a migration may depend on.
SOURCES = ("dashboard/**/*.py", "snapshots/**/*.py", "requirements/*.txt", "tests/settings.py")


def made(factory: pytest.TempPathFactory) -> Path:
    """Return the run's own copy; the first process of any run makes the file, as the product does, the others wait."""
    if ready := os.environ.get(READY):
        return Path(ready)
    base = factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    file = folder / "migrated.sqlite3"
    KEPT.mkdir(exist_ok=True)
    with (KEPT / "migrated.lock").open("w") as lock:
        within(partial(fcntl.flock, lock, fcntl.LOCK_EX), what="the process that prepares the database")
        if not file.exists():
            kept = KEPT / f"migrated-{_state()}.sqlite3"
            if not kept.exists():
                _keep(migrate(folder / "migrating.sqlite3"), kept)
            shutil.copy(kept, file)
    return file


def _state() -> str:
    """Name the state of the product and of the libraries."""
    digest = sha256(sqlite3.sqlite_version.encode())
    for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _keep(file: Path, kept: Path) -> None:
    """Keep it for the next run, in the place of the one before; never a half of it."""
    for old in KEPT.glob("migrated-*"):
        old.unlink()
    Path(shutil.copy(file, kept.with_suffix(".new"))).rename(kept)


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
