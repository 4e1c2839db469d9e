"""Programs live and end with the process that started them, however that one ends."""

import os
import signal
import sys
from pathlib import Path

import pytest

from dashboard.run.stop_signal import stop_on_signals
from dashboard.run.supervisor import ProgramEnded, Programs
from tests.management.programs import children_of, is_alive, running, until

WAITS = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
PARENT = f"""
import sys
from dashboard.run.stop_signal import stop_on_signals
from dashboard.run.supervisor import Programs
with stop_on_signals() as stop, Programs() as programs:
    for name in ("first", "second"):
        programs.start(name, [sys.executable, "-c", {WAITS!r}])
    print("started", flush=True)
    programs.watch(stop)
"""


def command(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_children_never_outlive_their_parent(tmp_path: Path, end: signal.Signals) -> None:
    with running("-c", PARENT, env=dict(os.environ), folder=tmp_path) as parent:
        parent.until_it_says("started")
        children = children_of(parent.process.pid)
        assert len(children) == 2
        assert parent.end(end) == (-end if end is signal.SIGKILL else 0)
        until(lambda: not any(map(is_alive, children)), what="the children's end")


def test_one_that_ends_by_itself_is_named(tmp_path: Path) -> None:
    with stop_on_signals() as stop, Programs() as programs:
        programs.start("first", command(WAITS))
        programs.start("second", command("import sys; sys.exit('no good')"), tmp_path / "log")
        with pytest.raises(ProgramEnded) as ended:
            programs.watch(stop)
    text = str(ended.value)
    assert ("“second”" in text, "status 1" in text, str(tmp_path / "log") in text) == (True, True, True)
    assert (tmp_path / "log").read_text() == "no good\n"


def test_one_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.run.supervisor.GRACE_SECONDS", 0.2)
    with Programs() as programs:
        programs.start("deaf", command(STUBBORN), tmp_path / "log")
        until(lambda: (tmp_path / "log").read_text() == "deaf\n", what="the program")
        (child,) = [pid for pid in children_of(os.getpid()) if STUBBORN in Path(f"/proc/{pid}/cmdline").read_text()]
    assert not is_alive(child)


def test_a_signal_wakes_the_wait_and_the_old_handlers_return() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        assert not stop.wait(0)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(60)
    assert signal.getsignal(signal.SIGTERM) is before
