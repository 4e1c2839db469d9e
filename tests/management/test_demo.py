"""The demo as a person starts it: up by itself, data on the first page, and nothing left behind."""

import os
import re
import shutil
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from snapshots.demo.show import PASSWORD
from tests import started
from tests.management.programs import Running, children_of, free_port, is_alive, running, until
from tests.started import Done
from tests.waiting import SECONDS

READY = "Ctrl-C stops everything."
SECRETS = ("secret_key", "encryption_key")
ROW = re.compile(r"/volumes/compute-on/shop/[0-9a-f-]{36}/")


@dataclass(frozen=True)
class Start:
    """What there was to see of a demo from its start to its end."""

    port: str
    seconds: float
    pages: dict[str, str]
    children: list[int]
    refused: Done | None
    output: str
    status: int
    secrets: dict[str, tuple[str, int]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    """A folder whose name has what addresses treat as their own; tests/browser starts a demo without a database."""
    folder = tmp_path_factory.mktemp("shown") / "a demo + 100 %"
    (folder / "var").mkdir(parents=True)
    shutil.copy(migrated, folder / "var/db.sqlite3")
    return folder


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


@pytest.fixture(scope="module")
def first(folder: Path, taken: int) -> Start:
    """A demo that found its port taken, which another start is refused beside, until somebody pressed Ctrl-C."""

    def end(process: Running, _children: list[int]) -> Done:
        refused = started.run("-m", "snapshots.demo", "--folder", str(folder / "var"), env=dict(os.environ))
        process.process.send_signal(signal.SIGINT)
        return refused

    return seen(folder, str(taken), end, "alice", "charlie")


@pytest.fixture(scope="module")
def second(folder: Path, first: Start) -> Start:
    """The next one there, until its web server died."""
    return seen(folder, str(free_port()), lambda _, children: os.kill(web_server(children), signal.SIGKILL), "bob")


def seen(folder: Path, port: str, end: Callable[[Running, list[int]], Done | None], *people: str) -> Start:
    """Start a demo, look at it as these people do, and end it."""
    began = time.monotonic()
    with demo(folder, "--port", port, "--simulator-port", str(free_port())) as process:
        url = address(process)
        took = time.monotonic() - began
        pages = {name: page_of(url, f"{name}@example.com") for name in people}
        # Simulator, web server, its two workers, sync: the address may be told before the last is forked.
        until(lambda: len(children_of(process.process.pid)) >= 5, what="every part of the demo")
        children = children_of(process.process.pid)
        refused = end(process, children)
        status = process.process.wait(SECONDS)
    files = {name: folder / "var" / name for name in SECRETS}
    secrets = {name: (file.read_text(), stat.S_IMODE(file.stat().st_mode)) for name, file in files.items()}
    return Start(url.rpartition(":")[2], took, pages, children, refused, process.output, status, secrets)


def web_server(children: list[int]) -> int:
    return next(pid for pid in children if "gunicorn" in Path(f"/proc/{pid}/cmdline").read_text())


@contextmanager
def demo(folder: Path, *options: str) -> Iterator[Running]:
    given = ("--folder", str(folder / "var"), *options)
    with running("-m", "snapshots.demo", *given, env=dict(os.environ), folder=folder) as process:
        yield process


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


def test_shows_data_at_once_to_the_team_alone(first: Start) -> None:
    assert ROW.search(first.pages["alice"])
    assert not ROW.search(first.pages["charlie"])


def test_a_taken_port_is_passed_over_and_said(first: Start, taken: int) -> None:
    assert int(first.port) > taken
    assert f"Port {taken} is taken, so {first.port} it is." in first.output


def test_a_second_demo_on_the_same_folder_is_refused(first: Start) -> None:
    assert first.refused is not None
    assert (first.refused.returncode, first.refused.stdout) == (1, "")
    assert first.refused.stderr.startswith("A demo already runs on ")


def test_secrets_are_private(first: Start) -> None:
    assert {mode for _, mode in first.secrets.values()} == {0o600}


def test_leaves_nothing_running(first: Start) -> None:
    assert first.status == 0
    assert not any(map(is_alive, first.children))


@pytest.mark.proof
def test_a_second_start_is_quick_and_keeps_its_secrets(first: Start, second: Start) -> None:
    assert first.secrets == second.secrets
    assert re.search(r"acme +compute-on/prod +\+6\d\d new", second.output)
    assert ROW.search(second.pages["bob"])
    assert second.seconds < 60, "about 5 s on an idle machine"


@pytest.mark.proof
def test_a_part_that_dies_ends_the_demo(second: Start) -> None:
    assert second.status == 1
    assert "The program “web” ended by itself with exit status -9; everything else was stopped." in second.output
    until(lambda: not any(map(is_alive, second.children)), what="the end of all")
