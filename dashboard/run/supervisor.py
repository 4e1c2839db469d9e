"""Programs that live and end with this process."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from django.utils.translation import gettext as _

from dashboard.run.stop_signal import Stop

ROOT = Path(__file__).resolve().parents[2]
GRACE_SECONDS = 12.0
"""Longer than a web request's budget (8 s) and the write after it."""
LOOK_SECONDS = 0.2
PR_SET_PDEATHSIG = 1

WEB = (sys.executable, "-m", "dashboard.run.web")


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, from the project's folder. Without a `log` it writes where this process writes."""

    name: str
    command: Sequence[str]
    variables: Mapping[str, str]
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that was not asked to end. `status` is negative for a signal, as `subprocess` has it."""

    program: Program
    status: int

    @property
    def sentence(self) -> str:
        text = _("The program “%(name)s” ended by itself with exit status %(status)d; everything else was stopped.")
        told = text % {"name": self.program.name, "status": self.status}
        return told + " " + _("Its log: %(log)s") % {"log": self.program.log} if self.program.log else told


def sync_command(every: int) -> tuple[str, ...]:
    return (sys.executable, "manage.py", "sync_snapshots", "--every", str(every))


class Children:
    """Use as a context manager: at its end all are stopped, the last started first.

    Each has a session of its own, so that Ctrl-C reaches this process alone, which then ends them in order. On Linux
    they are also told to end when this process is killed.
    """

    def __init__(self) -> None:
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []

    def start(self, program: Program) -> None:
        output = program.log.open("wb") if program.log else None
        try:
            process = subprocess.Popen(  # noqa: S603  # the commands are this module's and its callers' own
                program.command,
                cwd=ROOT,
                env=dict(program.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        finally:
            if output:
                output.close()
        self._running.append((program, process))

    def ended(self) -> Ended | None:
        """Return the first program that ended by itself."""
        for program, process in self._running:
            status = process.poll()
            if status is not None:
                return Ended(program, status)
        return None

    def stop(self) -> None:
        while self._running:
            _program, process = self._running.pop()
            _end(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def watch(children: Children, stop: Stop) -> Ended | None:
    """Wait until it is time to stop, or until a program ends by itself; return that one."""
    while not stop.wait(LOOK_SECONDS):
        ended = children.ended()
        if ended is not None:
            return ended
    return None


def wait_until_listening(port: int, children: Children, stop: Stop, seconds: float) -> Ended | None:
    """Wait until somebody listens on a port of this machine; return a program that ended meanwhile.

    Raises TimeoutError.
    """
    deadline = time.monotonic() + seconds
    while not _is_listening(port) and not stop.wait(LOOK_SECONDS / 4):
        ended = children.ended()
        if ended is not None:
            return ended
        if time.monotonic() > deadline:
            raise TimeoutError(_("Nothing listens on port %(port)d.") % {"port": port})
    return None


def _is_listening(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    _kill_group(process.pid)
    process.wait()


def _kill_group(group: int) -> None:
    """End what the program itself started and left behind."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _end_with_parent() -> None:
    # Runs between fork and exec. The signal is the kernel's, so it comes even where this process was killed.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
