"""Many short transactions instead of a long one, for rows that nothing shows yet: no other writer waits long."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from time import sleep
from typing import TypeVar

from django.db import transaction

from snapshots.sync.leases import Claim, prolong

T = TypeVar("T")
# How many rows one transaction writes, in less than 50 ms.
ROWS = 500
# The pause between two, for those who wait: SQLite lets a writer look only now and then whether the lock is free.
PAUSE_SECONDS = 0.005


def in_turns(held: Claim, pieces: Iterable[T], write: Callable[[T], object]) -> None:
    """Write each piece in its own transaction. Raises `Late` as soon as the claim is no longer valid.

    The pieces are made between the transactions.
    """
    for number, piece in enumerate(pieces):
        if number:
            sleep(PAUSE_SECONDS)
        with transaction.atomic():
            prolong(held)
            write(piece)


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + ROWS] for start in range(0, len(items), ROWS))
