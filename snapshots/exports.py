"""CSV and JSON of exactly the rows that a page's filters match: all pages, in the page's order, in little memory.

First the keys of all rows are read, which take 8 bytes each, then the rows themselves, some hundreds at a time and as
fast as the reader takes them. Between two of these nothing is open in the database: a cursor or a transaction would
live as long as the slowest reader, and on SQLite no write-ahead log shrinks meanwhile. So a file has the rows that
matched when it was begun, each as it is when its turn comes. `dataAsOf` is of the beginning: no row is older.
"""

import json
import weakref
from array import array
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, Protocol

from django.db.models import QuerySet

from dashboard.teams.models import Team
from snapshots import csv_cells
from snapshots.export_rows import Row, Source, Value
from snapshots.models import Environment

ROWS_AT_ONCE = 500
KEYS_AT_ONCE = 5_000
# In one process. Each export holds one of its threads: there must be others for whoever only reads a page.
MOST_OF_TEAM = 3
MOST_OF_ALL = 5
RETRY_SECONDS = 10
MOST_SLUG = 40
PLACE_COLUMNS = ("serviceCode", "environmentName", "dataAsOf")
FILTER_COLUMN = "filter"
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


class TooManyExports(Exception):
    """As many exports are being made as may be at once."""


class ExportEnded(Exception):
    """The person may not read this any more: the file must end so that everybody sees that it is not whole."""


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported. `environments` are all that the team shows, `asked` those that the filters ask for.

    `query` is the page's filter as a query string, `at` the moment of it all.
    """

    team: Team
    source: Source
    keys: "array[int]"
    environments: Sequence[Environment]
    asked: Sequence[Environment]
    query: str
    at: datetime

    def file_name(self, kind: str) -> str:
        """Whose, what and when: letters, digits and dashes alone, at most 100 of them."""
        return f"{self.team.slug[:MOST_SLUG]}-{self.source.name}-{self.at.astimezone(UTC):%Y%m%dT%H%M%SZ}.{kind}"


def keys_of(rows: "QuerySet[Any]") -> "array[int]":
    """The primary keys of ordered rows."""
    return array("q", rows.values_list("pk", flat=True).iterator(chunk_size=KEYS_AT_ONCE))


class Place:
    """One of the places for exports in this process, until it is given back or dropped. Raises `TooManyExports`."""

    def __init__(self, team: Team) -> None:
        _take_place(team.pk)
        self.give_back = weakref.finalize(self, _given_back.put, team.pk)


class Stream:
    """A file as it is made, in parts. It keeps its place until it is closed.

    Raises `ExportEnded` as soon as `may_go_on` says no: it is asked before each part.
    """

    def __init__(self, export: Export, kind: str, place: Place, may_go_on: Callable[[], bool]) -> None:
        self._place = place
        self._parts = _parts(export, WRITERS[kind](export), may_go_on)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        self._parts.close()
        self._place.give_back()


_running: Counter[int] = Counter()
_lock = Lock()
# The garbage collector gives places back at any point of any thread, also while that thread holds the lock: it may
# wait for nothing. `SimpleQueue.put` is made for that; the next taker counts what came back.
_given_back: SimpleQueue[int] = SimpleQueue()


def running() -> Counter[int]:
    """Count the exports that are being made in this process, by the primary key of their team."""
    with _lock:
        return Counter(_count_running())


def _take_place(team_pk: int) -> None:
    with _lock:
        running = _count_running()
        if running[team_pk] >= MOST_OF_TEAM or running.total() >= MOST_OF_ALL:
            raise TooManyExports
        running[team_pk] += 1


def _count_running() -> Counter[int]:
    """Take off what was given back. Call under the lock."""
    try:
        while True:
            _running[_given_back.get_nowait()] -= 1
    except Empty:
        return _running


class Writer(Protocol):
    """Words rows in one format."""

    def head(self) -> str: ...
    def rows(self, rows: Iterable[tuple[Row, Environment]]) -> str: ...
    def foot(self) -> str: ...


def _parts(export: Export, writer: Writer, may_go_on: Callable[[], bool]) -> Generator[bytes, None, None]:
    yield _encoded(writer.head())
    for start in range(0, len(export.keys), ROWS_AT_ONCE):
        _check(may_go_on)
        rows = _rows(export, export.keys[start : start + ROWS_AT_ONCE])
        yield _encoded(writer.rows(rows))
    _check(may_go_on)
    yield _encoded(writer.foot())


def _check(may_go_on: Callable[[], bool]) -> None:
    if not may_go_on():
        raise ExportEnded(ExportEnded.__doc__)


def _rows(export: Export, keys: Sequence[int]) -> list[tuple[Row, Environment]]:
    """The rows of these keys, in this order, but those of an environment that was hidden meanwhile."""
    shown = set(Environment.objects.of_team(export.team).values_list("pk", flat=True))
    places = {one.pk: one for one in export.environments if one.pk in shown}
    found = export.source.read(keys)
    rows = (found[key] for key in keys if key in found)
    return [(row, places[row.environment_id]) for row in rows if row.environment_id in places]


def _encoded(text: str) -> bytes:
    # Half a character, which an older row may hold, is no reason to end a file.
    return text.encode("utf-8", "replace")


class CsvWriter:
    """A record for each row; where there is none, one for each environment that says so: it has no id and no kind."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._columns = export.source.columns
        self._ends = {place.pk: self._end(place) for place in export.environments}

    def head(self) -> str:
        return csv_cells.BYTE_ORDER_MARK + csv_cells.records([(*self._columns, *PLACE_COLUMNS, FILTER_COLUMN)])

    def rows(self, rows: Iterable[tuple[Row, Environment]]) -> str:
        return csv_cells.records([*map(_text, row.values.values()), *self._ends[place.pk]] for row, place in rows)

    def foot(self) -> str:
        if self._export.keys:
            return ""
        ends = [self._ends[place.pk] for place in self._export.asked] or [["", "", "", self._export.query]]
        return csv_cells.records([*("" for _ in self._columns), *end] for end in ends)

    def _end(self, place: Environment) -> list[str]:
        return [place.service_code, place.name, _text(place.listed_at), self._export.query]


class JsonWriter:
    """The provider's envelope, a row a line. What was written is counted, so the metadata comes last."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._written = 0

    def head(self) -> str:
        return '{"data":['

    def rows(self, rows: Iterable[tuple[Row, Environment]]) -> str:
        lines = [_json(self._object(row, place)) for row, place in rows]
        before = (",\n" if self._written else "\n") if lines else ""
        self._written += len(lines)
        return before + ",\n".join(lines)

    def foot(self) -> str:
        metadata = {
            "recordCount": self._written,
            "dataAsOf": {place.path: _moment(place.listed_at) for place in self._export.asked},
            FILTER_COLUMN: self._export.query,
            "exportedAt": _moment(self._export.at),
        }
        return f'\n],"metadata":{_json(metadata)}}}\n'

    def _object(self, row: Row, place: Environment) -> dict[str, Value]:
        optional = self._export.source.optional
        values: dict[str, Value] = {
            name: _moment(value) if isinstance(value, datetime) else value
            for name, value in row.values.items()
            if name not in optional or value not in ("", None)
        }
        return values | {
            "serviceCode": place.service_code,
            "environmentName": place.name,
            "dataAsOf": _moment(place.listed_at),
        }


WRITERS: Mapping[str, Callable[[Export], Writer]] = {"csv": CsvWriter, "json": JsonWriter}


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return _moment(value) or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else str(value)
