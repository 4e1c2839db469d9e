"""The simulator as a separate process."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from snapshots.simulator.options import keys_of, main
from tests.faults.certificates import Authority
from tests.loops import in_turn
from tests.simulator.conftest import LIST
from tests.waiting import within

ROOT = Path(__file__).resolve().parents[2]
MODULE = (sys.executable, "-m", "snapshots.simulator")


@contextmanager
def running(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the program and give it with the address that it prints."""
    process = subprocess.Popen(
        [*MODULE, "--port", "0", *options],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        try:
            found = re.search(r"https?://\S+", within(process.stdout.readline, what="the simulator's address"))
            yield process, found[0] if found else process.stderr.read()
        finally:
            process.kill()


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MODULE, *options], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@in_turn("end", [signal.SIGTERM, signal.SIGINT])
def test_starts_serves_and_ends(end: signal.Signals) -> None:
    with running("--key", "K", "--snapshots", "30") as (process, url):
        reply = requests.get(url + LIST, headers={"MC-Api-Key": "K"}, timeout=10)
        process.send_signal(end)
        assert process.stderr is not None
        assert (process.wait(10), process.stderr.read()) == (0, "")
    assert reply.json()["metadata"] == {"recordCount": 30}


def test_ends_while_a_connection_is_open() -> None:
    with running() as (process, url), requests.Session() as session:
        assert session.get(url, timeout=10).status_code == 403
        process.terminate()
        assert process.wait(30) == 0


def test_runs_without_django() -> None:
    code = "import sys; sys.modules['django'] = None; sys.argv[1:] = ['--help']; import snapshots.simulator.__main__"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "--snapshots" in ended.stdout


def test_keys_from_the_environment() -> None:
    with running("--key", "A", SIMULATOR_KEYS="B@compute-qc/prod, C") as (_, url):
        statuses = [requests.get(url + LIST, headers={"MC-Api-Key": key}, timeout=10).status_code for key in "ABCD"]
    assert statuses == [200, 403, 200, 403]


def test_what_a_key_may_say() -> None:
    assert keys_of([]) == {"simulator-key": None}
    assert keys_of(["a@b", " c@d/e+f/g "]) == {"a@b": None, "c": frozenset({"d/e", "f/g"})}


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--port", str(port))
    sentence = f"The simulator cannot listen on 127.0.0.1:{port}: the port is taken. Choose another with --port.\n"
    assert (ended.returncode, ended.stderr, ended.stdout) == (1, sentence, "")


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--port", "70000", "'70000' is not a whole number from 0 to 65535."),
        ("--snapshots", "-1", "'-1' is not a whole number from 0 to 1000000."),
        ("--volumes", "many", "'many' is not a whole number from 0 to 10000."),
        ("--speed", "nan", "'nan' is not a number from 0 to 3600."),
        ("--environments", "prod", "'prod' is not an environment: write service_code/environment_name."),
        ("--prefix", "v1", "'v1' is not a path like /v1."),
    ],
)
def test_bad_options_get_a_sentence(capsys: pytest.CaptureFixture[str], option: str, value: str, sentence: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"{option}={value}"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: argument {option}: {sentence}\n")


def test_speaks_https_with_a_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with running("--key", "K", "--certificate", str(authority.certificate())) as (_, url):
        assert url.startswith("https://127.0.0.1:")
        reply = requests.get(url + LIST, headers={"MC-Api-Key": "K"}, verify=str(authority.path), timeout=10)
    assert reply.status_code == 200


@pytest.mark.parametrize(("content", "sentence"), [(None, "there is no file"), ("no certificate", "cannot listen on")])
def test_a_certificate_that_cannot_be_used_ends_it(tmp_path: Path, content: str | None, sentence: str) -> None:
    path = tmp_path / "server.pem"
    if content is not None:
        path.write_text(content)
    ended = run("--port", "0", "--certificate", str(path))
    assert (ended.returncode != 0, sentence in ended.stderr, "Traceback" in ended.stderr) == (True, True, False)
