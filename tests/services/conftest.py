"""PostgreSQL and Redis as `.ci/services` starts them; each test of processes has a database and a Redis of its own."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as LostConnection

from tests.commands.programs import free_port
from tests.mirror.test_races import popen, words

SECONDS = 10


@pytest.fixture(scope="session")
def server() -> str:
    url = os.environ.get("DATABASE_URL", "")
    assert url.startswith("postgres://"), "these tests run beside services: .ci/services .venv/bin/python -m pytest …"
    return url


def address(server: str, name: str) -> str:
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def _run(server: str, statement: str) -> None:
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(statement)


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """The name of a migrated database with a team, a key and an environment."""
    name = f"template_{uuid4().hex}"
    _run(server, f"CREATE DATABASE {name}")
    words(popen(address(server, name), "--prepare"))
    return name


@pytest.fixture
def copied(server: str) -> Iterator[Callable[[str], str]]:
    """Copy the database of a name to which nobody is connected; returns the name of the copy."""
    names: list[str] = []

    def copied(name: str) -> str:
        names.append(f"rows_{uuid4().hex}")
        _run(server, f"CREATE DATABASE {names[-1]} TEMPLATE {name}")
        return names[-1]

    yield copied
    for name in names:
        _run(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(server: str, template: str, copied: Callable[[str], str]) -> str:
    """The address of a copy of the template."""
    return address(server, copied(template))


class OwnRedis:
    """A Redis that a test may stop, hold and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, "Redis did not start"

    def _answers(self) -> bool:
        try:
            return bool(Redis.from_url(self.url).ping())
        except LostConnection:
            return False

    def hang(self) -> None:
        """Leave it reachable, and dumb."""
        self.process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(SECONDS)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    redis = OwnRedis(tmp_path)
    yield redis
    redis.stop()
