"""A Redis of a test's own, beside the PostgreSQL and the Redis that `.ci/services` starts."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as LostConnection

from tests.management.programs import free_port
from tests.waiting import SECONDS, until


class OwnRedis:
    """A Redis that a test may stop, hold and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        until(self._answers, what="Redis to answer")

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
