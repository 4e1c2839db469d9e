"""Waits of the tests: each has a deadline, and its failure says what it waited for."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from threading import Thread
from typing import TypeVar

SECONDS = 120.0  # a machine may be busy; less than the limit of a test in pyproject.toml
T = TypeVar("T")


def until(condition: Callable[[], bool], seconds: float = SECONDS, *, what: str) -> None:
    """Look again and again until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.01)


def within(work: Callable[[], T], seconds: float = SECONDS, *, what: str) -> T:
    """Return what the work returns, which runs in a thread, as nothing else can be left when it hangs."""
    (result,) = together([work], seconds, what=what)
    return result


def together(works: list[Callable[[], T]], seconds: float = SECONDS, *, what: str) -> list[T]:
    """Run each work in a thread and return what they return. The first exception is raised at once."""
    results = [_started(work) for work in works]
    done, waiting = wait(results, seconds, FIRST_EXCEPTION)
    for each in done:
        each.result(0)
    assert not waiting, f"waited {seconds} s in vain for {what}"
    return [each.result(0) for each in results]


def _started(work: Callable[[], T]) -> "Future[T]":
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as problem:  # noqa: BLE001  # pytest.fail raises one, too
            result.set_exception(problem)

    Thread(target=run, daemon=True).start()  # a daemon does not hold up the end of the process
    return result
