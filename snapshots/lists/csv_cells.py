"""Cells that no spreadsheet takes for a formula, and records as RFC 4180 has them: all quoted, ended by CR LF.

A cell that a spreadsheet might calculate gets an apostrophe before it, and so does one that has an apostrophe there
already: whoever takes one leading apostrophe away has the value again, whatever it was. (Prefixes: OWASP, "CSV
Injection", with what Unicode holds for the same signs.)
"""

import csv
import unicodedata
from collections.abc import Iterable, Sequence
from io import StringIO

BYTE_ORDER_MARK = "\ufeff"
GUARD = "'"
# What begins a formula; the full-width, small and raised forms of these signs are found by what they stand for.
STARTERS = frozenset("=+-@")
MINUS = "\u2212"
# As the first sign of a cell, some programs pass over these, or take them for the end of the cell before.
NEVER_FIRST = frozenset("\t\r\n\0")
# Categories of what is not seen: controls, formats (zero width, writing direction), and blanks of any kind.
UNSEEN = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))


def safe(value: str) -> str:
    """Put an apostrophe before a value that might be calculated."""
    # Nearly every value begins so, and nothing that does is a formula.
    if not value or value[0].isalnum():
        return value
    return GUARD + value if value[0] == GUARD or value[0] in NEVER_FIRST or _is_formula(value) else value


def value_of(cell: str) -> str:
    """Give the value that `safe` made a cell of."""
    return cell.removeprefix(GUARD)


def records(rows: Iterable[Sequence[str]]) -> str:
    buffer = StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([safe(value) for value in row] for row in rows)
    return buffer.getvalue()


def _is_formula(value: str) -> bool:
    first = next((sign for sign in value if unicodedata.category(sign) not in UNSEEN), "")
    return first == MINUS or unicodedata.normalize("NFKC", first) in STARTERS
