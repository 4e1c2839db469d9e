"""Cases of which `make test` tries some, and `make proof` all."""

from collections.abc import Iterable, Sequence
from itertools import product

import pytest

SHORT_AND_FULL = pytest.mark.parametrize("full", [False, pytest.param(True, marks=pytest.mark.proof)])


def first(few: int, cases: Iterable[object]) -> list[object]:
    """Give the cases for `parametrize`; those after the first few get the marker proof."""
    found = list(cases)
    rest = [case if isinstance(case, tuple) else (case,) for case in found[few:]]
    return [*found[:few], *(pytest.param(*case, marks=pytest.mark.proof) for case in rest)]


def by_turns(values: Sequence[object], others: Sequence[object]) -> list[object]:
    """Give the pairs for `parametrize`: each value with one of the others in turn; the rest are proof."""
    longest = max(len(values), len(others))
    chosen = {(turn % len(values), turn % len(others)) for turn in range(longest)}
    pairs = product(enumerate(values), enumerate(others))
    return [
        pytest.param(value, other, marks=[] if (number, place) in chosen else pytest.mark.proof)
        for (number, value), (place, other) in pairs
    ]
