"""Cases of which `make test` tries the first few, and `make proof` all."""

from collections.abc import Iterable

import pytest


def first(few: int, cases: Iterable[object]) -> list[object]:
    """Give the cases for `parametrize`; those after the first few get the marker proof."""
    found = list(cases)
    rest = [case if isinstance(case, tuple) else (case,) for case in found[few:]]
    return [*found[:few], *(pytest.param(*case, marks=pytest.mark.proof) for case in rest)]
