"""The numbers beside the choices of the filter menus: how many rows each would find alone in its menu."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

# Larger lists are counted only when somebody opens a menu: to group 10,000 rows takes as long as the rest of the page.
MOST_AT_ONCE = 2_000


class Part(NamedTuple):
    """What one menu says of a group of rows: the choices that find it, and whether those in force do."""

    choices: Collection[Any]
    is_found: bool


def count(groups: Iterable[tuple[int, Sequence[Part]]], menus: int) -> list[Counter[Any]]:
    """Count the choices of each menu over groups of rows: how many each holds, and what each menu says of it."""
    counts: list[Counter[Any]] = [Counter() for _ in range(menus)]
    for number, parts in groups:
        missed = [place for place, part in enumerate(parts) if not part.is_found]
        for place in range(menus) if not missed else missed if len(missed) == 1 else ():
            counts[place].update(dict.fromkeys(parts[place].choices, number))
    return counts
