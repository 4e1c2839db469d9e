"""Programs as separate processes, with the interface of `subprocess.Popen`, started by `tests/forge.py`."""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from tests.waiting import SECONDS, within

ROOT = Path(__file__).resolve().parents[1]
END_SECONDS = 10


@cache
def _forge() -> socket.socket:
    """Start the program that forks, once in each process of the tests."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        program = subprocess.Popen(
            [sys.executable, "-m", "tests.forge", str(theirs.fileno())],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    atexit.register(_end, program, ours)
    return ours


def _end(program: "subprocess.Popen[bytes]", ours: socket.socket) -> None:
    ours.close()  # the end of the orders ends the program
    try:
        program.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()


class Started:
    """A process that runs `python COMMAND` in the root of the project.

    What it says goes to a file, with its errors, or else by a pipe for `communicate` or `stdout`.
    """

    def __init__(
        self, *command: str, env: dict[str, str], output: IO[bytes] | None = None, errors: IO[bytes] | None = None
    ) -> None:
        self.returncode: int | None = None
        self._command = " ".join(command)
        stdin, to_stdin = os.pipe()
        from_stdout, stdout = os.pipe()
        self._told, told = os.pipe()
        self.stdin, self.stdout = open(to_stdin, "w"), open(from_stdout)  # noqa: SIM115
        said = output.fileno() if output else stdout
        stderr = errors or output
        wrong = stderr.fileno() if stderr else 2
        order = json.dumps({"command": command, "variables": env}).encode()
        socket.send_fds(_forge(), [order], [stdin, said, wrong, told])
        for each in (stdin, stdout, told):
            os.close(each)
        self.pid = int(self._hear())

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self._end()
        return self.returncode

    def wait(self, timeout: float = SECONDS) -> int:
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self._command, timeout)
            self._end()
        assert self.returncode is not None
        return self.returncode

    def communicate(self, timeout: float = SECONDS) -> str:
        """Close its input, wait for its exit, and return the rest of its output."""
        self.stdin.close()
        said = "" if self.stdout.closed else within(self.stdout.read, timeout, what=f"the output of {self._command}")
        self.wait(timeout)
        return said

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _end(self) -> None:
        self.returncode = int(self._hear())
        os.close(self._told)
        self.stdin.close()
        self.stdout.close()

    def _hear(self) -> bytes:
        """Read one line, byte by byte, as what follows it is waited for by `select`."""
        line = b""
        while not line.endswith(b"\n"):
            assert select.select([self._told], [], [], SECONDS)[0], f"the forge says nothing of {self._command}"
            byte = os.read(self._told, 1)
            assert byte, "the forge is not running"
            line += byte
        return line


@dataclass(frozen=True)
class Done:
    """How a process ended, and all that it said."""

    returncode: int
    stdout: str
    stderr: str


def run(*command: str, env: dict[str, str]) -> Done:
    """Run `python COMMAND` to its end."""
    with TemporaryFile() as stdout, TemporaryFile() as stderr:
        process = Started(*command, env=env, output=stdout, errors=stderr)
        process.communicate(SECONDS)
        assert process.returncode is not None
        said = [os.pread(each.fileno(), os.fstat(each.fileno()).st_size, 0).decode() for each in (stdout, stderr)]
    return Done(process.returncode, *said)
