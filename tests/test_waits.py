"""No wait of the tests or of the benchmark is without a limit: tests/waiting.py has what to write instead."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loops import in_turn
from tests.started import ROOT
from tests.waiting import SECONDS

# Programs whose waits end with the test that started them, which has limits; and threads that wait for such programs.
PROGRAMS = {
    "bench/stage.py",
    "tests/alerts/sender.py",
    "tests/forge.py",
    "tests/sync/worker.py",
    "tests/faults/forks.py",
}
FILES = {path.relative_to(ROOT).as_posix() for folder in ("tests", "bench") for path in (ROOT / folder).rglob("*.py")}
# The last name of a call, and how many arguments it needs so that one of them is its limit; else `timeout` is named.
LEAST = {"wait": 1, "join": 1, "result": 1, "communicate": 1, "create_connection": 2}
NAMED = {"check_call", "check_output", "subprocess.call", "subprocess.run", "urlopen", "HTTPConnection"}
NAMED |= {f"requests.{verb}" for verb in ("delete", "get", "head", "post", "put", "request")}
# Only inside of `within` or `together`; a thread may be a daemon.
NEVER = {"flock", "readline", "waitpid", "ThreadPoolExecutor", "Thread"}
WITH_LIMITS = {"within", "together"}


def unlimited(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that may wait without a limit; `within` and `together` limit what they run."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and name_of(child) in WITH_LIMITS:
            continue
        if isinstance(child, ast.Call) and may_wait(child):
            yield child
        yield from unlimited(child)


def may_wait(call: ast.Call) -> bool:
    full, last = name_of(call), name_of(call).rpartition(".")[2]
    named = {each.arg for each in call.keywords}
    is_named = bool({"timeout", None} & named)  # None: of a mapping
    if last in LEAST:
        return len(call.args) < LEAST[last] and not is_named
    if {full, last} & NAMED:
        return not is_named
    return last in NEVER and "daemon" not in named


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func)


def test_every_wait_has_a_limit() -> None:
    found = [(name, call) for name in FILES - PROGRAMS for call in unlimited(ast.parse((ROOT / name).read_text()))]
    assert [f"{name}:{call.lineno}: {ast.unparse(call)}" for name, call in found] == []


@in_turn(
    ("line", "count"),
    [
        ("process.wait()", 1),
        ("process.wait(5)", 0),
        ("barrier.wait(timeout=5)", 0),
        ("thread.join()", 1),
        ("', '.join(words)", 0),
        ("subprocess.run(['x'])", 1),
        ("subprocess.run(['x'], timeout=5)", 0),
        ("process.stdout.readline()", 1),
        ("within(lambda: process.stdout.readline(), what='x')", 0),
        ("Thread(target=f)", 1),
        ("Thread(target=f, daemon=True)", 0),
    ],
)
def test_a_wait_without_a_limit_is_found(line: str, count: int) -> None:
    assert len([*unlimited(ast.parse(line))]) == count


# What Playwright reads at once, from a page that may still be loading; `expect` waits for it.
AT_ONCE = {"is_visible", "is_hidden", "is_checked", "is_enabled", "is_disabled", "is_editable"}
AT_ONCE |= {"count", "inner_text", "text_content", "input_value"}


def read_at_once(tree: ast.AST) -> list[str]:
    """The asserts that read a page without waiting for it."""
    return [
        ast.unparse(statement)
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Assert)
        for call in ast.walk(statement)
        if isinstance(call, ast.Call) and not call.args and name_of(call).rpartition(".")[2] in AT_ONCE
    ]


def test_no_assert_reads_a_page_that_still_loads() -> None:
    files = (ROOT / name for name in FILES if name.startswith("tests/browser/"))
    assert [line for file in files for line in read_at_once(ast.parse(file.read_text()))] == []
    assert len(read_at_once(ast.parse("assert not page.locator('#x').is_visible()"))) == 1
    assert read_at_once(ast.parse("assert 'text'.count('t') == 2")) == []


HANGING = """
from concurrent.futures import ThreadPoolExecutor
from threading import Event

def test_fails():
    Event().wait()

def test_waits_again_after_that():
    with ThreadPoolExecutor(1) as threads:
        threads.submit(Event().wait)
        Event().wait()
"""


@pytest.mark.proof
def test_a_test_that_hangs_is_ended(tmp_path: Path) -> None:
    """The first limit fails the test, the second ends the process."""
    file = tmp_path / "test_hanging.py"
    file.write_text(HANGING)
    options = ["-v", "-n", "0", "-c", "pyproject.toml", "--timeout=0.5", "-o", "faulthandler_timeout=2"]
    command = [sys.executable, "-m", "pytest", *options, str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.returncode, "test_fails FAILED" in done.stdout) == (1, True), done.stdout
    assert "in test_waits_again_after_that" in done.stderr
