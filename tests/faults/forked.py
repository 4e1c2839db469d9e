"""The other end of `forks.py`: orders for it, and what its processes say."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.management.programs import ROOT
from tests.sync.races import go_on, next_word
from tests.waiting import SECONDS


@dataclass(frozen=True)
class Ended:
    """All processes of an order have ended, with these exit codes; a signal is a negative one."""

    codes: list[int]


KILLED = Ended([-signal.SIGKILL])


class Forks:
    """Processes that refresh the one environment of a database file, each of which can be stopped and killed."""

    def __init__(self) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forks"],
            cwd=ROOT,
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": "sqlite:///unused"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.file, self.url, self.child = Path(), "", 0

    def use(self, file: Path, url: str) -> None:
        """Work from now on with this migrated database and this provider; the team and its environment are made."""
        self.file, self.url = file, url
        self.order("prepare")
        assert self.hear() == "prepared"
        self.done()

    def order(self, work: str = "refresh", *, file: Path | None = None, **order: float) -> None:
        """Start a process; it has said who it is when this returns."""
        self._send(work, file, order)
        assert self.hear() == "started"

    def look(self) -> object:
        """Return what pages show."""
        self.order("look")
        said = self.hear()
        self.done()
        return said

    def refresh(self, *, later: float, file: Path | None = None, **order: float) -> tuple[str, int, float]:
        """Refresh without a disturbance: how it ended, in how many statements of the write, in how many seconds."""
        self.order("refresh", file=file, later=later, **order)
        said = self.hear()
        assert isinstance(said, list), said
        self.go_on()
        self.done()
        outcome, statements, seconds = said
        return outcome, statements, seconds

    def herd(self, *, processes: int, **order: float) -> dict[str, int]:
        """Let several processes with many threads run to their end, and return how often each end was met."""
        self._send("herd", None, {"processes": processes, **order})
        said: dict[int, list[object]] = defaultdict(list)
        while not isinstance(word := self._next(order["seconds"] + SECONDS), Ended):
            said[self.child].append(word)
        assert word.codes == [0] * processes, (word, said)
        met = [ends for _started, ends in said.values() if isinstance(ends, dict)]
        assert len(met) == processes
        return {end: sum(each.get(end, 0) for each in met) for end in sorted({end for each in met for end in each})}

    def hear(self) -> object:
        """Return what a process says, which `child` then is; fails if it ends instead."""
        word = self._next()
        assert not isinstance(word, Ended), word
        return word

    def done(self) -> None:
        """Wait until the process exits successfully."""
        assert (word := self._next()) == Ended([0]), word

    def _next(self, seconds: float = SECONDS) -> object:
        said = next_word(self._program, seconds)
        assert isinstance(said, list), said
        speaker, word = said
        if speaker == self._program.pid:
            return Ended(word)
        self.child = speaker
        return word

    def go_on(self) -> None:
        go_on(self._program)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.child, number)

    def kill(self) -> object:
        """Kill the process. What it had said before, or None."""
        self.signal(signal.SIGKILL)
        said = self._next()
        if said == KILLED:
            return None
        assert self._next() == KILLED
        return said

    def end(self) -> None:
        os.killpg(self._program.pid, signal.SIGKILL)  # its processes too, one that is stopped among them
        self._program.communicate(timeout=SECONDS)

    def _send(self, work: str, file: Path | None, order: dict[str, float]) -> None:
        assert self._program.stdin is not None
        line = json.dumps({"work": work, "database": str(file or self.file), "url": self.url, **order})
        self._program.stdin.write(f"{line}\n")
        self._program.stdin.flush()


def copied(file: Path) -> Path:
    """A copy of a database in use, with what lies in its log."""
    target = file.with_name("copy.sqlite3")
    for old in file.parent.glob("copy.sqlite3*"):
        old.unlink()
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target
