"""Contain exceptions that nobody expected: the one place that catches them all.

It stands around one environment's part of a sync and around one request to the provider. An odd answer, or a fault in
our own code, then never ends a round, a page or another team's refresh.
"""

import logging
import traceback
from collections.abc import Callable, Iterator
from typing import TypeVar

from django.db import InterfaceError, OperationalError

from snapshots.cloud.errors import DATABASE_NOT_USABLE, Internal

MOST_FRAMES = 30

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Unexpected(Exception):
    """Stands in the log for an exception: its code lines and its type. Its own text and its frames may hold a key."""


def contain(work: Callable[[], T], place: str, *, expected: tuple[type[Exception], ...] = ()) -> T | Internal:
    """Return what the work returns. An exception is logged, with the place it is about, and becomes a fault.

    `expected`: what the caller handles itself.
    """
    try:
        return work()
    except expected:
        raise
    except Exception as error:
        logger.error("%s: unexpected exception", place, exc_info=(Unexpected, Unexpected(_traceback(error)), None))
        return _fault_of(error)


def _fault_of(error: Exception) -> Internal:
    if isinstance(error, OperationalError | InterfaceError):
        return Internal(DATABASE_NOT_USABLE, detail=str(error).strip() or type(error).__name__)
    return Internal()


def _traceback(error: Exception) -> str:
    lines = traceback.extract_tb(error.__traceback__, limit=-MOST_FRAMES).format()
    return "".join(["Traceback (most recent call last):\n", *lines, ", from ".join(_names(error))])


def _names(error: BaseException) -> Iterator[str]:
    """The types of an exception and of what led to it."""
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield type(found).__qualname__
        found = found.__cause__ or found.__context__
