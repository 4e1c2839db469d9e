"""Many cases of one test on the same rows: a loop that collects what failed, so that the rows are made once."""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from inspect import signature
from typing import Any

import pytest

Test = Callable[..., None]


def in_turn(names: str | Sequence[str], cases: Iterable[Any]) -> Callable[[Test], Test]:
    """Call the test with each case, as `parametrize` would, for tests that only read; fails with all that failed.

    A test that takes too long ends at once: the clock that stops it would not run for the next case.
    """
    named = (names,) if isinstance(names, str) else tuple(names)
    given = [case if len(named) > 1 else (case,) for case in cases]

    def decorate(test: Test) -> Test:
        @wraps(test)
        def run(**fixtures: object) -> None:
            failed = []
            for case in given:
                try:
                    test(**fixtures, **dict(zip(named, case, strict=True)))
                except (AssertionError, pytest.fail.Exception) as problem:
                    if "from pytest-timeout" in str(problem):
                        raise
                    failed.append(f"{case}: {problem}")
                except Exception as problem:
                    problem.add_note(f"Tried: {case}")
                    raise
            assert not failed, "\n".join(failed)

        full = signature(test)
        rest = [parameter for name, parameter in full.parameters.items() if name not in named]
        run.__signature__ = full.replace(parameters=rest)  # type: ignore[attr-defined]
        return run

    return decorate
