"""The whole product as a user meets it: gunicorn, hashed static files, a database file, the simulator as provider."""

import base64
import fcntl
import os
import shutil
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.started import Started, run
from tests.waiting import SECONDS, until, within

PASSWORD = "three-horses-and-a-stapler"
KEY = "CANARY-browser-key"
TEAMS = """
[[team]]
slug = "acme"
name = "Acme Platform"
api_key = { env = "TEAM_KEY" }
environments = ["compute-on/test_area", "compute-qc/prod"]
[[team.member]]
email = "alice@example.com"
role = "admin"
password = { env = "PASSWORD" }
[[team.member]]
email = "bob@example.com"
role = "viewer"
password = { env = "PASSWORD" }

[[team]]
slug = "rival"
name = "Rival Works"
api_key = { env = "TEAM_KEY" }
environments = ["compute-qc/prod"]
[[team.member]]
email = "charlie@example.com"
role = "admin"
password = { env = "PASSWORD" }
"""
# In one process, for each start of Django costs as much as what it then does.
FURNISH = """
from django.core.management import call_command
from dashboard.run.static_files import collect
collect()
call_command("provision", "{folder}/teams.toml")
"""
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    "SECRET_KEY": "browser-tests-only-" + "k" * 50,
    "API_KEY_ENCRYPTION_KEYS": base64.urlsafe_b64encode(b"browser-tests-only".ljust(32, b"-")).decode(),
    "TEAM_KEY": KEY,
    "PASSWORD": PASSWORD,
    "WEB_CONCURRENCY": "1",  # a second process would compile each template again
}


def furnished(folder: Path, migrated: Path) -> Path:
    """A database with both teams and their people and without a list, made by whichever process comes first."""
    folder.mkdir(exist_ok=True)
    done = folder / "db.sqlite3"
    with (folder / "lock").open("w") as lock:
        within(partial(fcntl.flock, lock, fcntl.LOCK_EX), what="the process that prepares the database")
        if not done.exists():
            _furnish(folder, migrated).rename(done)
    return done


def _furnish(folder: Path, migrated: Path) -> Path:
    making = folder / "making.sqlite3"
    shutil.copy(migrated, making)
    (folder / "teams.toml").write_text(TEAMS)
    env = os.environ | SETTINGS | {"SITE_URL": "http://localhost", "DATABASE_URL": f"sqlite:///{making}"}
    _manage("shell", "--verbosity=0", "-c", FURNISH.format(folder=folder), env=env)
    with closing(sqlite3.connect(making)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return making


class Stack:
    """Start with `with Stack(folder, furnished(…)) as stack`; `stack.url` is where the product answers."""

    def __init__(self, folder: Path, database: Path, **settings: str) -> None:
        self.folder = folder
        shutil.copy(database, folder)
        self.port = _free_port()
        self.url = f"http://localhost:{self.port}"
        self.simulator = Simulator(
            World(seed=7, environments=["compute-on/test_area", "compute-qc/prod"]), keys={KEY: None}
        )
        self.settings = settings
        self.env: dict[str, str] = {}
        self._web: Started | None = None

    def __enter__(self) -> Self:
        self.simulator.start()
        self.env = (
            os.environ
            | SETTINGS
            | {
                "SITE_URL": self.url,
                "DATABASE_URL": f"sqlite:///{self.folder}/db.sqlite3",
                "CLOUDCA_API_URL": self.simulator.url,
            }
            | self.settings
        )
        self.manage("sync_snapshots")
        self._start_web()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_web()
        self.simulator.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def manage(self, *arguments: str, status: int = 0) -> str:
        return _manage(*arguments, env=self.env, status=status)

    def forget_tries(self) -> None:
        """Let the next refresh ask at once, as if ten seconds had passed."""
        self.change("UPDATE snapshots_environment SET tried_at = NULL")

    def age_by(self, *, minutes: int) -> None:
        """Let the copy be older than it is."""
        back = f"-{minutes} minutes"
        self.change(
            "UPDATE snapshots_environment SET listed_at = datetime(listed_at, ?), tried_at = datetime(tried_at, ?)",
            back,
            back,
        )

    def change(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=10)) as database:
            database.execute(statement, values)
            database.commit()

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Let nobody answer at its address, until the block ends."""
        self._stop_web()
        try:
            yield
        finally:
            self._start_web()

    def _stop_web(self) -> None:
        if self._web is not None:
            self._web.send_signal(signal.SIGTERM)
            self._web.wait(SECONDS)

    def _start_web(self) -> None:
        command = ["-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}", "dashboard.wsgi"]
        with (self.folder / "web.log").open("wb") as log:
            self._web = Started(*command, env=self.env, output=log)
        until(self._answers, what="the web server to answer")

    def _answers(self) -> bool:
        assert self._web is None or self._web.poll() is None, self.log
        try:
            with urlopen(f"{self.url}/healthz", timeout=1) as reply:
                return bool(reply.status == 200)
        except (URLError, OSError):
            return False

    @property
    def log(self) -> str:
        return (self.folder / "web.log").read_text()


def _manage(*arguments: str, env: dict[str, str], status: int = 0) -> str:
    done = run("manage.py", *arguments, env=env)
    assert done.returncode == status, f"{arguments}: {done.stdout}\n{done.stderr}"
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
