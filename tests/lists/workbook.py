"""An .xlsx file as its XML says it: every cell must be text."""

import re
from io import BytesIO
from xml.etree import ElementTree
from zipfile import ZipFile

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
CODE = re.compile(r"_x([0-9a-fA-F]{4})_")


def sheets(content: bytes) -> list[list[list[str]]]:
    """The rows of each sheet, as long as the first."""
    return [_rows(part) for part in sheet_parts(content)]


def sheet_parts(content: bytes) -> list[ElementTree.Element]:
    with ZipFile(BytesIO(content)) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith("xl/worksheets/"))
        return [ElementTree.fromstring(archive.read(name)) for name in names]


def _rows(sheet: ElementTree.Element) -> list[list[str]]:
    cells: dict[int, dict[int, str]] = {}
    for cell in sheet.iter(f"{MAIN}c"):
        assert cell.get("t") == "inlineStr"
        assert [each.tag for each in cell.iter()] == [f"{MAIN}{name}" for name in ("c", "is", "t")]
        ((letters, number),) = re.findall(r"\A([A-Z]+)(\d+)\Z", cell.get("r", ""))
        cells.setdefault(int(number), {})[_number(letters)] = decoded("".join(cell.itertext()))
    width = max(max(row) for row in cells.values())
    return [[cells.get(row, {}).get(column, "") for column in range(width + 1)] for row in range(1, max(cells) + 1)]


def decoded(text: str) -> str:
    return CODE.sub(lambda found: chr(int(found[1], 16)), text)


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1
