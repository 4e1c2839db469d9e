"""The web processes' metrics: each request once, from any process, and no series that a visitor can create."""

import os
import runpy
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import get_resolver

from dashboard.http import metrics
from dashboard.teams.access.capabilities import capabilities
from tests.api.conftest import Script
from tests.api.metrics.conftest import OPERATORS, Told, told_to
from tests.management.programs import Running, children_of, free_port, is_alive, running, until, variables

REQUESTS = "snapshots_requests_total"
AT_ONCE, SERVERS = 25, 2
# No process has such a number.
LEFT = (Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/tmp")) / "snapshots-metrics-4194305-left"


@pytest.mark.django_db
def test_requests_are_counted_by_view_and_status(operator: Script, anon_client: Client) -> None:
    before = told_to(operator)
    for address in ("/healthz", "/healthz", "/t/acme/volumes/", "/no/such/place", "/api/v1/environments"):
        anon_client.get(address)
    after = told_to(operator)

    def more(view: str, status: str) -> float:
        return after.total(REQUESTS, view=view, status=status) - before.total(REQUESTS, view=view, status=status)

    assert more("healthz", "200") == 2
    assert more("snapshots:volumes", "302") == 1
    assert more("none", "404") == 1
    assert more("api:environments", "401") == 1
    assert more("metrics", "200") == 1


@pytest.mark.django_db
def test_no_address_makes_a_series(operator: Script, anon_client: Client) -> None:
    before = told_to(operator)
    for number in range(30):
        anon_client.get(f"/nowhere-{number}/", headers={"Host": "localhost"})
        anon_client.generic(f"VERB{number}", f"/healthz?{number}")
    told = told_to(operator)
    assert told.all_of("view") - before.all_of("view") <= {*capabilities(), "none"}
    assert told.all_of("status") <= {str(status) for status in range(200, 504)}
    assert "nowhere" not in told.text
    assert "VERB" not in told.text


def test_a_view_that_is_not_in_the_table_has_no_name() -> None:
    request: Any = HttpRequest()
    assert metrics.view_of(request) == "none"
    request.resolver_match = SimpleNamespace(view_name="drop table")
    assert metrics.view_of(request) == "none"
    request.resolver_match = get_resolver().resolve("/readyz")
    assert metrics.view_of(request) == "readyz"


def test_the_middleware_gives_the_answer_as_it_is() -> None:
    answer = HttpResponse(status=418)
    assert metrics.counting(lambda _request: answer)(HttpRequest()) is answer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[tuple[Running, str]]:
    """gunicorn with two processes, as `dashboard.run.web` starts it, both of which have answered."""
    folder, url = tmp_path_factory.mktemp("server"), f"http://localhost:{free_port()}"
    given = {"SITE_URL": url, "BIND": url.removeprefix("http://"), "METRICS_TOKEN": OPERATORS}
    env = variables(folder, migrated=migrated, WEB_CONCURRENCY=str(SERVERS), WEB_THREADS="2") | given
    leave_behind(LEFT)
    with running("-m", "dashboard.run.web", env=env, folder=folder) as server:
        until(lambda: "Listening at" in server.output, what="the web server")
        until(lambda: answering(url) == SERVERS, what="an answer of each process")
        yield server, url


def leave_behind(folder: Path) -> None:
    """What a server that was killed an hour ago leaves."""
    folder.mkdir(exist_ok=True)
    os.utime(folder, (0, 0))


def answering(url: str) -> float:
    send(url)
    return asked(url).value("snapshots_web_processes")


def send(url: str) -> None:
    for _ in range(AT_ONCE):
        assert requests.get(f"{url}/healthz", timeout=30).status_code == 200


def asked(url: str) -> Told:
    return Told(requests.get(f"{url}/metrics", headers={"MC-Api-Key": OPERATORS}, timeout=30).text)


def counted(url: str) -> float:
    return asked(url).value(REQUESTS, view="healthz", status="200")


def folders(server: Running) -> list[Path]:
    return [path for place in ("/dev/shm", "/tmp") for path in Path(place).glob(f"*metrics-{server.process.pid}-*")]


def test_the_requests_of_all_processes_are_counted(server: tuple[Running, str]) -> None:
    """Whichever process is asked says the same, and both had their part in it."""
    process, url = server
    before = counted(url)
    send(url)
    assert {counted(url) for _ in range(20)} == {before + AT_ONCE}
    (folder,) = folders(process)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert asked(url).value("snapshots_web_processes") == SERVERS
    assert 0 < asked(url).value("snapshots_web_cpu_seconds_total") < 60
    assert SERVERS * 2**24 < asked(url).value("snapshots_web_resident_memory_bytes") < 2**31


def test_a_start_removes_what_the_killed_left_and_nothing_of_the_living(
    server: tuple[Running, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if this process had its folder: reading the file makes none, which later tests would find in the environment.
    monkeypatch.setenv(metrics.FOLDER, f"snapshots-metrics-{os.getpid()}-none")
    (folder,) = folders(server[0])
    os.utime(folder, (0, 0))
    leave_behind(LEFT)
    runpy.run_path("gunicorn.conf.py")["sweep_folders_of_counts"]()
    assert not LEFT.exists()
    assert folder.exists()


def test_what_a_dead_process_served_stays_counted(server: tuple[Running, str]) -> None:
    process, url = server
    (folder,), before = folders(process), counted(url)
    victim = children_of(process.process.pid)[0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: not list(folder.glob(f"gauge_live*_{victim}.db")), what="the dead one to be counted out")
    assert counted(url) == before


@pytest.mark.proof
def test_a_reload_keeps_the_counts_and_the_end_leaves_nothing(server: tuple[Running, str]) -> None:
    process, url = server
    before, kept, old = counted(url), folders(process), children_of(process.process.pid)
    process.process.send_signal(signal.SIGHUP)
    until(lambda: not any(map(is_alive, old)), what="the reload")
    assert folders(process) == kept
    assert counted(url) == before
    assert process.end() == 0
    assert folders(process) == []


def test_processor_time_is_counted_once() -> None:
    answering_all = metrics.counting(lambda _request: HttpResponse())
    for _ in range(5):
        answering_all(HttpRequest())
    (told,) = [
        sample.value for family in metrics.of_web().collect() for sample in family.samples if "cpu" in sample.name
    ]
    assert 0 < told <= time.process_time()
