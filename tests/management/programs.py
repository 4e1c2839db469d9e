"""Real processes: started, listened to, and waited for without sleeping blindly."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from tests import started
from tests.started import ROOT, Started
from tests.waiting import SECONDS, until

__all__ = ["ROOT", "until"]


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def children_of(pid: int) -> list[int]:
    """The process ids of all descendants."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task/{pid}").glob("children"):
        for child in map(int, path.read_text().split()):
            found += [child, *children_of(child)]
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def variables(folder: Path, *, migrated: Path | None = None, **more: str) -> dict[str, str]:
    """The environment of a product with its own database in a folder: as `migrated` is, or not there yet."""
    if migrated:
        shutil.copy(migrated, folder / "db.sqlite3")
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "SITE_URL": "",
        "SECRET_KEY": "tests-of-commands-only-" + "k" * 50,
        "API_KEY_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        **more,
    }


def manage(*arguments: str, env: dict[str, str], status: int = 0) -> str:
    done = started.run("manage.py", *arguments, env=env)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


class Running:
    """A process whose output goes to a file."""

    def __init__(self, process: Started, output: Path) -> None:
        self.process, self._output = process, output

    @property
    def output(self) -> str:
        return self._output.read_text()

    def until_it_says(self, text: str) -> None:
        def said() -> bool:
            assert self.process.poll() is None or text in self.output, f"it ended: {self.output}"
            return text in self.output

        until(said, what=repr(text))

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


@contextmanager
def running(*command: str, env: dict[str, str], folder: Path) -> Iterator[Running]:
    output = folder / "output"
    with output.open("wb") as file:
        process = Started(*command, env=env, output=file)
    try:
        yield Running(process, output)
    finally:
        process.kill()
        process.wait(SECONDS)
