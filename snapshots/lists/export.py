"""Files of exactly the rows that a page's filters match: all pages, in the page's order, in little memory.

First the keys of all rows are read, which take 8 bytes each, then the rows themselves, some hundreds at a time and as
fast as the reader takes them. Between two of these nothing is open in the database: a cursor or a transaction would
live as long as the slowest reader, and on SQLite no write-ahead log shrinks until then. So a file has the rows that
matched when it was begun, each as it is when its turn comes. `dataAsOf` is of the beginning: no row is older.
"""

import weakref
from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

from django.db.models import QuerySet

from dashboard.limits import Slots
from dashboard.teams.models import Team
from snapshots.lists.export_rows import Row
from snapshots.lists.export_writers import WRITERS, Export
from snapshots.models import Environment

ROWS_AT_ONCE = 500
KEYS_AT_ONCE = 5_000
# Per process. Each export uses one of its threads: there must be others for pages.
SLOTS = Slots(5, most_each=3)
RETRY_SECONDS = 10


class TooManyExports(Exception):
    """As many exports are being made as may be at once."""


class ExportEnded(Exception):
    """The person may not read this any more: the file must end so that everybody sees that it is not whole."""


def keys_of(rows: "QuerySet[Any]") -> "array[int]":
    """The primary keys of ordered rows."""
    return array("q", rows.values_list("pk", flat=True).iterator(chunk_size=KEYS_AT_ONCE))


class Place:
    """One of this process's slots for exports, until it is released or dropped. Raises `TooManyExports`."""

    def __init__(self, team: Team) -> None:
        if not SLOTS.take(team.pk):
            raise TooManyExports
        self.give_back = weakref.finalize(self, SLOTS.give_back, team.pk)


class Stream:
    """A file as it is made, in parts. It keeps its place until it is closed.

    Raises `ExportEnded` as soon as `may_go_on` says no: it is asked before each part.
    """

    def __init__(self, export: Export, kind: str, place: Place, may_go_on: Callable[[], bool]) -> None:
        self._place = place
        self._parts = _parts(export, kind, may_go_on)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        self._parts.close()
        self._place.give_back()


def _parts(export: Export, kind: str, may_go_on: Callable[[], bool]) -> Generator[bytes, None, None]:
    with closing(WRITERS[kind](export)) as writer:
        yield writer.head()
        for start in range(0, len(export.keys), ROWS_AT_ONCE):
            _check(may_go_on)
            yield writer.rows(_rows(export, export.keys[start : start + ROWS_AT_ONCE]))
        for part in writer.foot():
            _check(may_go_on)
            yield part


def _check(may_go_on: Callable[[], bool]) -> None:
    if not may_go_on():
        raise ExportEnded(ExportEnded.__doc__)


def _rows(export: Export, keys: Sequence[int]) -> list[tuple[Row, Environment]]:
    """Yield the rows of these keys, in this order, without those of an environment removed since."""
    shown = set(Environment.objects.of_team(export.team).values_list("pk", flat=True))
    places = {one.pk: one for one in export.environments if one.pk in shown}
    found = export.source.read(keys)
    rows = (found[key] for key in keys if key in found)
    return [(row, places[row.environment_id]) for row in rows if row.environment_id in places]
