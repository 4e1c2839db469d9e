"""An .xlsx file of text cells, written row by row in little memory.

Excel takes `0012`, `1e10`, `1/2` or `=1+1` in a CSV file for numbers, dates and formulas. Here every cell is marked as
text. The rows wait in a folder under TMPDIR that only this process's user can read; `close` removes it.
"""

import re
import weakref
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from xml.sax.saxutils import escape

from xlsxwriter import Workbook
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

PART_BYTES = 256 * 1024
MOST_IN_CELL = 32_767
"""UTF-16 units, as Excel counts them."""
CUT = "…"
# A sheet's width in characters by what its column's name ends with; the first that fits.
WIDTHS = (("id", 38), ("name", 40), ("volume", 24), ("at", 21), ("after", 21), ("before", 21), ("date", 21), ("of", 21))
LEAST_WIDTH = 13
# XML cannot hold these. An underscore is here where Excel would read a code (`_x0041_`), or LibreOffice (`_x86_`).
NEEDS_CODE = re.compile(r"[\0-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9a-fA-F]+_)")


class TextSheet(Worksheet):  # type: ignore[misc]  # XlsxWriter has no types
    """A sheet that writes every string as it is."""

    def _write_cell(self, row: int, col: int, cell: Any) -> None:
        """Write a cell of text. XlsxWriter's own method writes `<r>…</r>` as markup, and is three times slower."""
        place, style = xl_rowcol_to_cell(row, col), cell.format._get_xf_index()
        text = escape(NEEDS_CODE.sub(_code, cell.string))
        self.fh.write(f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>')


class ExcelFile:
    """A workbook with one sheet of rows; `finish` adds one about the file and gives its bytes."""

    def __init__(self, sheet: str, columns: Sequence[str], made_at: datetime) -> None:
        folder = mkdtemp(prefix="snapshots-export-")
        self._remove_folder = weakref.finalize(self, rmtree, folder, ignore_errors=True)
        self._path = Path(folder) / "export.xlsx"
        self._book = Workbook(str(self._path), {"constant_memory": True, "tmpdir": folder})
        self._book.set_properties({"created": made_at.astimezone(UTC).replace(tzinfo=None)})
        self._text = self._book.add_format({"num_format": "@"})
        self._heading = self._book.add_format({"num_format": "@", "bold": True})
        self._columns = columns
        self._sheet = self._add_sheet(sheet, [_width(column) for column in columns])
        self._sheet.freeze_panes(1, 0)
        self._write(self._sheet, 0, columns, self._heading)
        self.number = 0

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        for values in rows:
            self.number += 1
            self._write(self._sheet, self.number, values, self._text)

    def finish(self, sheet: str, about: Iterable[Sequence[str]]) -> Iterator[bytes]:
        """Give the file's bytes. `about`: the rows of the second sheet, each with its heading first."""
        self._sheet.autofilter(0, 0, self.number, len(self._columns) - 1)
        second = self._add_sheet(sheet, [32, 60])
        for row, (heading, *values) in enumerate(about):
            self._write(second, row, [heading], self._heading)
            self._write(second, row, ["", *values], self._text)
        self._book.close()
        with self._path.open("rb") as file:
            while part := file.read(PART_BYTES):
                yield part

    def close(self) -> None:
        """Remove all that was written, finished or not."""
        for sheet in self._book.worksheets():
            sheet._opt_close()
        self._remove_folder()

    def _add_sheet(self, name: str, widths: Sequence[int]) -> TextSheet:
        sheet: TextSheet = self._book.add_worksheet(name, worksheet_class=TextSheet)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width, self._text)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        return sheet

    @staticmethod
    def _write(sheet: TextSheet, row: int, values: Iterable[str], style: object) -> None:
        for column, value in enumerate(values):
            if value:
                sheet.write_string(row, column, _fitting(value), style)


def _fitting(text: str) -> str:
    """Cut what is longer than a cell takes. Half a character, which no file can hold, becomes a question mark."""
    if text.isascii() and len(text) <= MOST_IN_CELL:
        return text
    units = text.encode("utf-16-le", "replace")
    if len(units) > 2 * MOST_IN_CELL:
        return units[: 2 * (MOST_IN_CELL - 1)].decode("utf-16-le", "ignore") + CUT
    return units.decode("utf-16-le")


def _code(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"


def _width(column: str) -> int:
    fitting = (width for ending, width in WIDTHS if column.lower().endswith(ending))
    return next(fitting, max(LEAST_WIDTH, len(column) + 4))
