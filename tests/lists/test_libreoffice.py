"""The CSV opened by a real spreadsheet program: nothing is calculated, and every row and column is where it was."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.test import Client

from snapshots.lists.export_writers import BYTE_ORDER_MARK, records, safe
from tests.lists.prefixes import HARMLESS, PREFIXES
from tests.lists.reading import LIST, export
from tests.views.snapshots.conftest import Fill, record

pytestmark = pytest.mark.tools
Open = Callable[[bytes], list[list[str]]]
SECONDS = 120
# As it opens a file by itself: comma, quotes, UTF-8, each column as it seems, formulas calculated where there are any.
AS_CSV = "CSV:44,34,76,1,,0,false,false,false,false,false,-1"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
REPEATED, FORMULA = f"{TABLE}number-columns-repeated", f"{TABLE}formula"
# A spreadsheet has no such characters: they become blanks or disappear.
UNKEPT = re.compile(r"[\x00\s\u200b\ufeff\u2028\u202a-\u202e]+")


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program's settings, which it takes its time to make."""
    return tmp_path_factory.mktemp("profile")


@pytest.fixture
def opened(tmp_path: Path, profile: Path) -> Open:
    """Open a file and return the values of its cells; no cell may be a formula."""
    program = shutil.which("soffice")
    assert program, "this needs LibreOffice: apt-get install libreoffice-calc"

    def opened(content: bytes) -> list[list[str]]:
        (tmp_path / "a.csv").write_bytes(content)
        command = [
            program,
            f"-env:UserInstallation=file://{profile}",
            "--headless",
            f"--infilter={AS_CSV}",
            "--convert-to",
            "fods",
            "a.csv",
        ]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=SECONDS, capture_output=True)
        return cells(tmp_path / "a.fods")

    return opened


def cells(path: Path) -> list[list[str]]:
    table = ElementTree.parse(path).getroot().iter(f"{TABLE}table-row")
    rows = [[cell for cell in row if cell.tag == f"{TABLE}table-cell"] for row in table]
    assert [cell.attrib[FORMULA] for row in rows for cell in row if FORMULA in cell.attrib] == []
    # Everything after the last row and column is one repeated empty cell.
    texts = [[text for cell in row for text in repeated(cell)] for row in rows]
    return [row for row in texts if any(row)]


def repeated(cell: ElementTree.Element) -> list[str]:
    times = int(cell.get(REPEATED, "1"))
    return ["".join(cell.itertext())] * (times if times < 100 else 0)


def kept(text: str) -> str:
    return UNKEPT.sub("", text)


def test_no_cell_is_calculated_and_none_moves(opened: Open, figures: Callable[..., None]) -> None:
    bodies = ["1+1", "SUM(1;2)", 'HYPERLINK("https://x.invalid")', "cmd|' /C calc'!A0", "-5", ' "a";b,c\r\nd']
    rows = [[str(number), *(prefix + body for body in bodies), "last"] for number, prefix in enumerate(PREFIXES)]
    rows += [
        [str(90 + number), value, "two\nlines", "x;y", "-", '"', "", "last"] for number, value in enumerate(HARMLESS)
    ]
    found = opened((BYTE_ORDER_MARK + records(rows)).encode())
    assert [[kept(cell) for cell in row] for row in found] == [[kept(safe(cell)) for cell in row] for row in rows]
    figures("LibreOffice", prefixes=len(PREFIXES), rows=len(rows), cells=sum(map(len, rows)), formulas=0)


@pytest.mark.django_db
def test_an_export_of_hostile_names(bob_client: Client, fill: Fill, opened: Open) -> None:
    names = [f"{prefix}1+1" for prefix in PREFIXES if "\0" not in prefix]
    fill([record(number, name=name, volume=name) for number, name in enumerate(names, 1)])
    found = opened(export(bob_client, LIST, "csv"))
    assert [len(row) for row in found] == [18] * (1 + len(names))
    assert sorted(kept(row[1]) for row in found[1:]) == sorted(kept(safe(name)) for name in names)


def test_the_program_calculates_what_is_not_guarded(opened: Open) -> None:
    with pytest.raises(AssertionError, match="of:=1"):
        opened(b'"a","=1+1"\r\n')
