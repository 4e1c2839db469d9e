"""The .xlsx opened by a real spreadsheet program, in French and in English: every cell has the row's text."""

import csv
import re
import shutil
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.test import Client

from tests.lists.reading import LIST, export
from tests.lists.test_excel import hostile
from tests.lists.test_libreoffice import SECONDS
from tests.lists.workbook import sheets
from tests.proof import first
from tests.views.snapshots.conftest import Fill, record

pytestmark = [pytest.mark.tools, pytest.mark.django_db]
# Comma, quotes around text alone, UTF-8, each sheet in a file: a cell that is no text has no quotes.
SHEETS = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,false,false,false,false,-1"
TEXT = r'(?:"(?:[^"]|"")*")?'
ONLY_TEXT = re.compile(f"{TEXT}(?:[,\\n]{TEXT})*")
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>{locale}</value></prop></item></oor:items>"""


@pytest.fixture(scope="module", params=first(1, ["fr-CA", "en-US"]))
def locale(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory, locale: str) -> Path:
    """Somebody's settings of the program, which takes its time to make the rest of them."""
    profile = tmp_path_factory.mktemp("profile")
    (profile / "user").mkdir()
    (profile / "user/registrymodifications.xcu").write_text(PROFILE.format(locale=locale))
    return profile


@pytest.fixture
def convert(tmp_path: Path, profile: Path) -> Callable[..., Path]:
    """Open a file as somebody of this locale does, and save it in another form."""
    program = shutil.which("soffice")
    assert program, "this needs LibreOffice: apt-get install libreoffice-calc"

    def convert(name: str, content: bytes, form: str, *more: str) -> Path:
        (tmp_path / name).write_bytes(content)
        command = [program, f"-env:UserInstallation=file://{profile}", "--headless", *more, "--convert-to", form, name]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=SECONDS, capture_output=True)
        return tmp_path

    return convert


def cells(file: Path) -> list[list[str]]:
    """The rows of a sheet, all of whose cells must be text."""
    text = file.read_bytes().decode()
    assert ONLY_TEXT.fullmatch(text)
    return [[kept(cell) for cell in row] for row in csv.reader(StringIO(text, newline=""))]


def kept(text: str) -> str:
    """A cell's line ends are all of one kind."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def test_every_cell_has_the_rows_text(
    bob_client: Client, fill: Fill, convert: Callable[..., Path], figures: Callable[..., None]
) -> None:
    fill([record(number, name=name, volume=name) for number, name in enumerate(hostile(), 1)])
    content = export(bob_client, LIST, "xlsx", "?sort=name")
    folder = convert("a.xlsx", content, SHEETS)
    rows, about = [[[kept(cell) for cell in row] for row in sheet] for sheet in sheets(content)]
    assert cells(folder / "a-snapshots.csv") == rows
    assert cells(folder / "a-about.csv") == about
    figures("LibreOffice", cells_of_excel_files=sum(map(len, rows)))


def test_the_locale_is_in_force(convert: Callable[..., Path], locale: str) -> None:
    """A CSV file in the same program: `0012` becomes a number, and `1,5` one in French alone."""
    folder = convert("b.csv", b"1,5;0012\n", "fods", "--infilter=CSV:59,34,76,1,,0,false,true,false")
    numbers = re.findall(r'office:value="([^"]+)"', (folder / "b.fods").read_text())
    assert numbers == (["1.5", "12"] if locale == "fr-CA" else ["12"])
