"""Many short transactions instead of a long one, for rows that nothing shows yet: no other writer waits long."""

from collections.abc import Callable, Sequence
from time import perf_counter, sleep
from typing import TypeVar

from django.db import transaction

from snapshots.sync.leases import Claim, prolong

T = TypeVar("T")
# How many rows one transaction writes at first and at least, and at most: as many as it takes so long for. Each writes
# most pages of the indexes, so few large ones are faster than many small ones.
LEAST_ROWS, ROWS = 500, 4_000
LOCKED_SECONDS = 0.07
# The pause between two, for those who wait: SQLite lets a writer look only now and then whether the lock is free.
PAUSE_SECONDS = 0.02


def in_turns(held: Claim, items: Sequence[T], prepare: Callable[[Sequence[T]], Callable[[], object]]) -> None:
    """Write the items piece by piece. Raises `Late` as soon as the claim is no longer valid.

    `prepare`: makes of a piece, in the pause between two transactions, what writes it.
    """
    done, size = 0, LEAST_ROWS
    while done < len(items):
        began = perf_counter()
        piece = items[done : done + min(size, ROWS)]
        write = prepare(piece)
        if done:
            sleep(max(0.0, began + PAUSE_SECONDS - perf_counter()))
        with transaction.atomic():
            prolong(held)
            began = perf_counter()
            write()
        done += len(piece)
        size = max(LEAST_ROWS, int(len(piece) * min(2.0, LOCKED_SECONDS / (perf_counter() - began))))
