"""The temporary folder of one run: a database for each size, and how its programs are started."""

import json
import os
import sqlite3
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar

from bench.site import ROOT, BenchError

F = TypeVar("F")

PARTS_AT_ONCE = 2
PART_SECONDS = 1_200


class Database(Protocol):
    """A connection that writes each statement at once."""

    def execute(self, sql: str, /) -> object: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Stage:
    folder: Path
    encryption_key: str

    def log(self, size: int) -> Path:
        return self.folder / f"{size}.log"

    def connect(self, size: int) -> Database:
        return sqlite3.connect(self.database(size), isolation_level=None)

    def database(self, size: int) -> Path:
        return self.folder / f"{size}.sqlite3"

    def variables(self, size: int) -> dict[str, str]:
        """Return the settings' variables for the database of a size."""
        return {
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "DATABASE_URL": f"sqlite:///{self.database(size)}",
            "API_KEY_ENCRYPTION_KEYS": self.encryption_key,
            "BENCH_STATIC_ROOT": str(self.folder / "static"),
        }

    def run(self, part: str, size: int, *numbers: int) -> str:
        """Run a part that needs Django, and return what it printed. Raises BenchError."""
        command = [sys.executable, "-m", "bench.inside", part, str(size), *map(str, numbers)]
        return self._output(command, size)

    def collect_static(self, size: int) -> None:
        self._output([sys.executable, "-m", "django", "collectstatic", "--noinput", "-v0"], size)

    def fill(self, sizes: Sequence[int], part: str, read: Callable[..., F]) -> dict[int, F]:
        """Fill the databases by a part, two at once, the largest first; read the facts that it prints."""
        ordered = sorted(sizes, reverse=True)
        with ThreadPoolExecutor(PARTS_AT_ONCE) as threads:
            printed = list(threads.map(lambda size: self.run(part, size), ordered))
        return {size: read(**json.loads(text)) for size, text in zip(ordered, printed, strict=True)}

    def _output(self, command: list[str], size: int) -> str:
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env={**os.environ, **self.variables(size)},
                capture_output=True,
                text=True,
                timeout=PART_SECONDS,
                check=True,
            )
        except subprocess.TimeoutExpired:
            raise BenchError(f"{' '.join(command)} took longer than {PART_SECONDS} s.") from None
        except subprocess.CalledProcessError as fault:
            raise BenchError(f"{' '.join(command)} failed:\n{fault.stderr}") from None
        return done.stdout


@contextmanager
def stage() -> Iterator[Stage]:
    with TemporaryDirectory(prefix="bench-") as folder:
        yield Stage(Path(folder), urlsafe_b64encode(os.urandom(32)).decode())
