"""Programs that run beside this process and end with it.

Ours and not a process manager's: honcho leaves its programs running when it is killed or its terminal is closed.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import Self

from django.utils.translation import gettext as _

from dashboard.run.stop_signal import Stop

ROOT = Path(__file__).resolve().parents[2]
GRACE_SECONDS = 12.0
"""Longer than a web request's budget (8 s) and the write after it."""
LOOK_SECONDS = 0.2
PR_SET_PDEATHSIG = 1

WEB = (sys.executable, "-m", "dashboard.run.web")


def sync_command(every: int) -> tuple[str, ...]:
    return (sys.executable, "manage.py", "sync_snapshots", "--every", str(every))


class ProgramEnded(Exception):
    """A program ended that was not asked to; the text says which one."""


class Programs:
    """Use as a context manager: at its end all are stopped, the last started first.

    Each has its own session, so that Ctrl-C reaches only this process, which then ends them in order. On Linux
    they are also told to end when this process is killed.
    """

    def __init__(self) -> None:
        self._running: list[tuple[str, subprocess.Popen[bytes], Path | None]] = []

    def start(self, name: str, command: Sequence[str], log: Path | None = None) -> None:
        """Run a command in the project's folder. Without a `log` it writes where this process writes."""
        with log.open("wb") if log else nullcontext() as output:
            process = subprocess.Popen(  # noqa: S603  # the commands are this module's and its callers' own
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        self._running.append((name, process, log))

    def watch(self, stop: Stop) -> None:
        """Wait until it is time to stop. Raises `ProgramEnded`."""
        while not stop.wait(LOOK_SECONDS):
            self._check()

    def wait_for(self, port: int, stop: Stop, seconds: float, host: str = "127.0.0.1") -> None:
        """Wait until one listens on this port, or it is time to stop. Raises `ProgramEnded`, and TimeoutError."""
        deadline = time.monotonic() + seconds
        while not _is_listening(host, port) and not stop.wait(LOOK_SECONDS / 4):
            self._check()
            if time.monotonic() > deadline:
                raise TimeoutError(_("Nothing listens on port %(port)d.") % {"port": port})

    def _check(self) -> None:
        """`status` is negative for a signal, as `subprocess` has it."""
        for name, process, log in self._running:
            status = process.poll()
            if status is not None:
                text = _(
                    "The program “%(name)s” ended by itself with exit status %(status)d; everything else was stopped."
                )
                told = text % {"name": name, "status": status}
                raise ProgramEnded(told + " " + _("Its log: %(log)s") % {"log": log} if log else told)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        while self._running:
            _name, process, _log = self._running.pop()
            _end(process)


def _is_listening(host: str, port: int) -> bool:
    with suppress(OSError), closing(socket.create_connection((host, port))):
        return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # also what the program itself started and left behind
    process.wait()


def _end_with_parent() -> None:
    # Runs between fork and exec. The signal is the kernel's, so it comes even where this process was killed.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
