"""`manage.py serve`: web server and sync together, as `make run` starts them."""

import os
import sys
from pathlib import Path
from socket import socket

import pytest
import requests

from dashboard.teams.models import SetupLink
from snapshots.management.commands.serve import _setup_notice
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.management.programs import children_of, free_port, is_alive, manage, running, variables
from tests.management.steps import KEY, TEAM, write


def test_serves_and_syncs_until_it_is_told_to_end(tmp_path: Path, migrated: Path) -> None:
    url = f"http://localhost:{free_port()}"
    world = World(environments=["compute-on/prod", "compute-qc/prod"])
    with Simulator(world, keys={KEY: None}) as provider:
        env = variables(tmp_path, migrated=migrated, CLOUDCA_API_URL=provider.url, SITE_URL=url, **EMPTY)
        manage("provision", write(tmp_path, TEAM), env=env)
        with running("manage.py", "serve", env=env, folder=tmp_path) as server:
            server.until_it_says("compute-qc/prod  +200 new")
            server.until_it_says("Listening at")
            assert requests.get(f"{url}/readyz", timeout=10).json() == dict.fromkeys(READY, True)
            children = children_of(server.process.pid)
            assert server.end() == 0
    assert len(children) >= 3
    assert not any(map(is_alive, children))


def test_a_taken_port_is_said_before_anything_else(tmp_path: Path) -> None:
    with socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for given in ({"BIND": f"127.0.0.1:{port}"}, {"BIND": "", "SITE_URL": f"http://localhost:{port}"}):
            with running("manage.py", "serve", env=variables(tmp_path) | given, folder=tmp_path) as server:
                assert server.process.wait(60) == 1
            assert server.output.startswith(f"CommandError: The dashboard cannot listen on 127.0.0.1, port {port}: ")
            assert "BIND" in server.output
            assert server.output.count("\n") == 1
    assert not (tmp_path / "db.sqlite3").exists()


def test_the_address_of_the_set_up_is_the_last_line_of_the_start(tmp_path: Path, migrated: Path) -> None:
    url = f"http://localhost:{free_port()}"
    with running(
        "manage.py", "serve", env=variables(tmp_path, migrated=migrated, SITE_URL=url, **EMPTY), folder=tmp_path
    ) as server:
        server.until_it_says("/setup/")
        assert server.output.count("Booting worker") == 2
        assert server.output.rstrip().rpartition("\n")[2].strip().startswith(f"{url}/setup/")


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ({"WEB_CONCURRENCY": "many"}, "WEB_CONCURRENCY must be a whole number of at least 1 and at most 1000."),
        ({"WEB_THREADS": "0"}, "WEB_THREADS must be a whole number of at least 1 and at most 1000."),
    ],
)
def test_a_wrong_number_is_a_sentence(tmp_path: Path, variable: dict[str, str], sentence: str) -> None:
    with running("-m", "dashboard.run.web", env=variables(tmp_path) | variable, folder=tmp_path) as server:
        assert server.process.wait(60) == 1
        assert server.output == f"The dashboard does not start: {sentence}\n"


def test_journal_gets_the_command_and_not_the_address(
    db: None, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "/setup/" in _setup_notice()
    SetupLink.objects.all().delete()
    output = os.fstat(sys.stdout.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{output.st_dev}:{output.st_ino}")
    assert "/setup/" not in _setup_notice()
    assert not SetupLink.objects.exists()


READY = ("database", "migrations", "cache", "sync")
# As lines of `.env` that were left without a value.
EMPTY = {"BIND": "", "WEB_CONCURRENCY": "", "WEB_THREADS": " ", "PORT": "", "SENDFILE": ""}


def test_an_unmigrated_database_is_a_sentence(tmp_path: Path) -> None:
    env = variables(tmp_path)
    for command in (("sync_snapshots",), ("sync_snapshots", "--team", "acme")):
        with running("manage.py", *command, env=env, folder=tmp_path) as sync:
            assert sync.process.wait(60) == 1
        assert sync.output.startswith("CommandError: The database cannot be used (no such table: ")
