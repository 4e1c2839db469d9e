"""What is exported, and how CSV, JSON and .xlsx write its rows.

CSV: records as RFC 4180 has them, all quoted, ended by CR LF. A cell that a spreadsheet might calculate gets an
apostrophe before it, and so does one that has an apostrophe there already: take one leading apostrophe away, and
you have the original value. (Prefixes: OWASP, "CSV Injection", with what Unicode holds for the same
characters.)
"""

import csv
import json
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Protocol

from dashboard.teams.models import Team
from snapshots.lists.excel import ExcelFile
from snapshots.lists.export_rows import Row, Source, Value
from snapshots.lists.params import FILTERED
from snapshots.models import Environment

MOST_SLUG = 40
# Of a file, without its ending.
MOST_NAME = 76
PLACE_COLUMNS = ("serviceCode", "environmentName", "dataAsOf")
FILTER_COLUMN = "filter"
CONTENT_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}
# Excel takes 1,048,575 rows. No byte of the file leaves before its last row is written, and a proxy waits a minute.
MOST_ROWS = {"xlsx": 200_000}
BYTE_ORDER_MARK = "\ufeff"
GUARD = "'"
# Characters that begin a formula; their full-width, small and superscript forms are found by normalization.
STARTERS = frozenset("=+-@")
MINUS = "\u2212"
# As the first sign of a cell, some programs pass over these, or take them for the end of the cell before.
NEVER_FIRST = frozenset("\t\r\n\0")
# Categories of invisible characters: controls, formats (zero width, writing direction), and all blanks.
UNSEEN = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported. `environments` are all that the team shows, `asked` those that the filters ask for.

    `query` is the page's filter as a query string, `words` what a file's name says of it, `at` the moment of it all.
    """

    team: Team
    source: Source
    keys: "array[int]"
    environments: Sequence[Environment]
    asked: Sequence[Environment]
    query: str
    words: Sequence[str]
    at: datetime

    def file_name(self, kind: str) -> str:
        """Whose, what, by which filters and when: letters, digits and dashes alone, at most `MOST_NAME` of them."""
        parts = [self.team.slug[:MOST_SLUG], self.source.name, *self.words, f"{self.at.astimezone(UTC):%Y%m%dT%H%M%SZ}"]
        if len("-".join(parts)) > MOST_NAME:
            parts[2:-1] = [FILTERED]
        return f"{'-'.join(parts)}.{kind}"


class Writer(Protocol):
    """Writes rows in one format, in parts; a part may be empty."""

    def head(self) -> bytes: ...
    def rows(self, rows: Iterable[tuple[Row, Environment]]) -> bytes: ...
    def foot(self) -> Iterable[bytes]: ...

    def close(self) -> None:
        """Free what is held, whether the file was finished or not."""


def _encoded(text: str) -> bytes:
    # Half a character, which an older row may hold, is no reason to end a file.
    return text.encode("utf-8", "replace")


class CsvWriter(Writer):
    """A record for each row; where there is none, one for each environment that says so: it has no id and no kind."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._columns = (*export.source.columns, *PLACE_COLUMNS, FILTER_COLUMN, *export.source.added)
        self._ends = {place.pk: self._end(place) for place in export.environments}

    def head(self) -> bytes:
        return _encoded(BYTE_ORDER_MARK) + self._records([self._columns])

    def rows(self, rows: Iterable[tuple[Row, Environment]]) -> bytes:
        return self._records(_cells(row, self._ends[place.pk]) for row, place in rows)

    def foot(self) -> Iterable[bytes]:
        if self._export.keys:
            return [b""]
        ends = [self._ends[place.pk] for place in self._export.asked] or [["", "", "", self._export.query]]
        before, after = ([""] * len(columns) for columns in (self._export.source.columns, self._export.source.added))
        return [self._records([*before, *end, *after] for end in ends)]

    def _records(self, rows: Iterable[Sequence[str]]) -> bytes:
        return _encoded(records(rows))

    def _end(self, place: Environment) -> list[str]:
        return [*_place_cells(place), self._export.query]


class JsonWriter(Writer):
    """The provider's envelope, a row a line. What was written is counted, so the metadata comes last."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._written = 0

    def head(self) -> bytes:
        return b'{"data":['

    def rows(self, rows: Iterable[tuple[Row, Environment]]) -> bytes:
        lines = [_json(self._object(row, place)) for row, place in rows]
        before = (",\n" if self._written else "\n") if lines else ""
        self._written += len(lines)
        return _encoded(before + ",\n".join(lines))

    def foot(self) -> Iterable[bytes]:
        metadata = {
            "recordCount": self._written,
            "dataAsOf": {place.path: _moment(place.listed_at) for place in self._export.asked},
            FILTER_COLUMN: self._export.query,
            "exportedAt": _moment(self._export.at),
        }
        return [_encoded(f'\n],"metadata":{_json(metadata)}}}\n')]

    def _object(self, row: Row, place: Environment) -> dict[str, Value]:
        optional = self._export.source.optional
        values = {name: value for name, value in row.values.items() if name not in optional or value not in ("", None)}
        of_place = (place.service_code, place.name, place.listed_at)
        values |= dict(zip(PLACE_COLUMNS, of_place, strict=True)) | row.added
        return {name: _moment(value) if isinstance(value, datetime) else value for name, value in values.items()}


class ExcelWriter(Writer):
    """The same cells as in CSV, all of them text; a second sheet says what the file is. Its bytes come at the end."""

    def __init__(self, export: Export) -> None:
        self._export = export
        columns = (*export.source.columns, *PLACE_COLUMNS, *export.source.added)
        self._file = ExcelFile(export.source.name, columns, export.at)

    def head(self) -> bytes:
        return b""

    def rows(self, rows: Iterable[tuple[Row, Environment]]) -> bytes:
        self._file.add(_cells(row, _place_cells(place)) for row, place in rows)
        return b""

    def foot(self) -> Iterable[bytes]:
        return self._file.finish("about", self._about())

    def close(self) -> None:
        self._file.close()

    def _about(self) -> list[tuple[str, str]]:
        export = self._export
        ages = [(f"dataAsOf {place.path}", _text(place.listed_at)) for place in export.asked]
        return [
            ("team", export.team.name),
            (FILTER_COLUMN, export.query),
            ("recordCount", str(self._file.number)),
            ("exportedAt", _text(export.at)),
            *ages,
        ]


WRITERS: Mapping[str, Callable[[Export], Writer]] = {"xlsx": ExcelWriter, "csv": CsvWriter, "json": JsonWriter}


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def _cells(row: Row, of_place: Iterable[str]) -> list[str]:
    return [*map(_text, row.values.values()), *of_place, *map(_text, row.added.values())]


def _place_cells(place: Environment) -> list[str]:
    return [place.service_code, place.name, _text(place.listed_at)]


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


def safe(value: str) -> str:
    """Put an apostrophe before a value that might be calculated."""
    # Nearly every value begins so, and nothing that does is a formula.
    if not value or value[0].isalnum():
        return value
    return GUARD + value if value[0] == GUARD or value[0] in NEVER_FIRST or _is_formula(value) else value


def records(rows: Iterable[Sequence[str]]) -> str:
    buffer = StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([safe(value) for value in row] for row in rows)
    return buffer.getvalue()


def _is_formula(value: str) -> bool:
    first = next((sign for sign in value if unicodedata.category(sign) not in UNSEEN), "")
    return first == MINUS or unicodedata.normalize("NFKC", first) in STARTERS
