"""The demo as a person starts it: up by itself, data on the first page, and nothing left behind."""

import os
import re
import signal
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from snapshots.demo.show import PASSWORD
from tests.commands.programs import Running, children_of, free_port, is_alive, running, until

READY = "Ctrl-C stops everything."
SECRETS = ("secret_key", "encryption_key")
pytestmark = pytest.mark.xdist_group("demo")  # one after another: the time of a start is looked at
ROW = re.compile(r"/volumes/compute-on/shop/[0-9a-f-]{36}/")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return named(tmp_path)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int, Running]]:
    """A demo that found its port taken: its folder, the port that it wanted, and itself."""
    folder = named(tmp_path_factory.mktemp("shown"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo(folder, "--port", str(port), "--simulator-port", str(free_port())) as process:
            yield folder, port, process


def named(parent: Path) -> Path:
    """A folder whose name has what addresses treat as their own."""
    folder = parent / "a demo + 100 %"
    folder.mkdir()
    return folder


@contextmanager
def demo(folder: Path, *options: str) -> Iterator[Running]:
    given = ("--folder", str(folder / "var"), *(options or ports()))
    with running("manage.py", "demo", *given, env=dict(os.environ), folder=folder) as process:
        yield process


def ports() -> tuple[str, ...]:
    return ("--port", str(free_port()), "--simulator-port", str(free_port()))


def address(process: Running) -> str:
    process.until_it_says(READY)
    found = re.search(r"The dashboard is at (http://localhost:\d+)", process.output)
    assert found
    return found[1]


def page_of(url: str, email: str) -> str:
    """Sign in as a browser does and return the page that follows."""
    with requests.Session() as session:
        form = session.get(f"{url}/accounts/login/", timeout=10).text
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
        assert token
        fields = {"login": email, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        reply = session.post(f"{url}/accounts/login/", fields, headers={"Referer": url}, timeout=10)
    assert reply.status_code == 200
    return reply.text


def test_shows_data_at_once_to_the_team_alone(shown: tuple[Path, int, Running]) -> None:
    url = address(shown[2])
    assert ROW.search(page_of(url, "alice@example.com"))
    assert not ROW.search(page_of(url, "charlie@example.com"))


def test_a_taken_port_is_passed_over_and_said(shown: tuple[Path, int, Running]) -> None:
    _folder, port, process = shown
    used = address(process).rpartition(":")[2]
    assert int(used) > port
    assert f"Port {port} is taken, so {used} it is." in process.output


def test_a_second_demo_on_the_same_folder_is_refused(shown: tuple[Path, int, Running], tmp_path: Path) -> None:
    address(shown[2])
    options = ("-m", "snapshots.demo", "--folder", str(shown[0] / "var"))
    with running(*options, env=dict(os.environ), folder=tmp_path) as second:
        assert second.process.wait(60) == 1
    assert second.output.startswith("A demo already runs on ")


def test_secrets_are_private(shown: tuple[Path, int, Running]) -> None:
    address(shown[2])
    modes = {stat.S_IMODE((shown[0] / "var" / name).stat().st_mode) for name in SECRETS}
    assert modes == {0o600}


def test_leaves_nothing_running(place: Path) -> None:
    with demo(place) as process:
        address(process)
        # Simulator, web server, its two workers, sync: the address may be told before the last is forked.
        until(lambda: len(children_of(process.process.pid)) >= 5, what="every part of the demo")
        children = children_of(process.process.pid)
        assert process.end(signal.SIGINT) == 0
    assert not any(map(is_alive, children))


def test_a_second_start_is_quick_and_keeps_its_secrets(place: Path) -> None:
    starts = [start_and_end(place), start_and_end(place)]
    assert starts[0].secrets == starts[1].secrets
    assert re.search(r"acme +compute-on/prod +\+6\d\d new", starts[1].output)
    assert starts[1].seconds < 20, "about 5 s on an idle machine"


def test_a_part_that_dies_ends_the_demo(place: Path) -> None:
    with demo(place) as process:
        address(process)
        children = children_of(process.process.pid)
        victim = next(pid for pid in children if "gunicorn" in Path(f"/proc/{pid}/cmdline").read_text())
        os.kill(victim, signal.SIGKILL)
        assert process.process.wait(60) == 1
    assert "The program “web” ended by itself with exit status -9; everything else was stopped." in process.output
    until(lambda: not any(map(is_alive, children)), what="the end of all")


@dataclass(frozen=True)
class Start:
    seconds: float
    output: str
    secrets: tuple[str, ...]


def start_and_end(folder: Path) -> Start:
    began = time.monotonic()
    with demo(folder) as process:
        address(process)
        took = time.monotonic() - began
        assert ROW.search(page_of(address(process), "bob@example.com"))
        assert process.end() == 0
    return Start(took, process.output, tuple((folder / "var" / name).read_text() for name in SECRETS))
