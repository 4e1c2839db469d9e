"""Contain exceptions that nobody expected: the one place that catches them all.

It stands around one environment's part of a sync and around one request to the provider. An odd answer, or a fault in
our own code, then never ends a round, a page or another team's refresh.
"""

import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext_noop

MOST_FRAMES = 30
NOT_PROCESSED = gettext_noop("The dashboard could not process the provider's answer. The dashboard's log says why.")
DATABASE_NOT_USABLE = gettext_noop("The dashboard could not use its database.")

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Internal:
    """A fault on our side. `database`: what the database said, for the terminal alone."""

    sentence: str = NOT_PROCESSED
    kind: str = "internal"
    database: str = ""


class Unexpected(Exception):
    """What the log shows of an exception: its code lines and its type. Its text and its frames may hold a key."""


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
        return Internal(DATABASE_NOT_USABLE, database=str(error).strip() or type(error).__name__)
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
