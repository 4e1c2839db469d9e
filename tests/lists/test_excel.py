"""The .xlsx holds text alone, even of hostile names, and leaves no temporary file behind."""

import gc
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from stat import S_IMODE

import pytest
from django.test import Client

from dashboard.teams.models import AuditEvent, Membership, Team
from snapshots.lists import excel, export_writers
from snapshots.lists.export import ExportEnded
from tests.conftest import Answer
from tests.lists.prefixes import HARMLESS, PREFIXES
from tests.lists.reading import LIST, PAGES, as_csv, as_excel, body, drop, export, parts_of
from tests.lists.test_csv import COLUMNS, ENDS, LATER
from tests.lists.workbook import MAIN, sheet_parts, sheets
from tests.loops import in_turn
from tests.views.snapshots.conftest import Fill, record

pytestmark = pytest.mark.django_db
LIKE_NUMBERS = ["20261124030000", "1e10", "0012", "1/2", "=1+1", "+41 31", "'a", "1,5", "2026-11-24", "TRUE", "1 h"]
LIKE_MARKUP = ["<r>a</r>", "<r><t>a</t></r>", "&amp;", "]]>", '<x y="">', "http://a.example", "mailto:a@a.example"]
LIKE_CODES = [
    "_x0041_",
    "_x0041_x0042_",
    "__x0041__",
    "_x005F_x0041_",
    "_x00e9_",
    "_x12_",
    "arm_x86_64",
    "_x123456_",
    "_x_",
]
NOT_IN_XML = ["a\0b", "\x01\x08\x0b\x0c\x1f", "\ufffe\uffff", " a  b ", "\t", "a\r\nb\nc\rd", "\x7f\x85", "🙂é\u202e"]


def hostile() -> list[str]:
    prefixed = [f"{prefix}1+1" for prefix in PREFIXES]
    return [text for text in [*prefixed, *HARMLESS, *LIKE_NUMBERS, *LIKE_MARKUP, *LIKE_CODES, *NOT_IN_XML] if text]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, as TMPDIR says it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_every_text_comes_through(bob_client: Client, fill: Fill) -> None:
    names = hostile()
    fill([record(number, name=name, volume=name) for number, name in enumerate(names, 1)])
    rows = as_excel(bob_client, f"{LIST}", "?sort=id")
    assert sorted(row["name"] for row in rows) == sorted(names)
    assert [row["volume"] for row in rows] == [row["name"] for row in rows]


@pytest.mark.few(1)
@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("page", PAGES)
def test_it_has_the_cells_of_the_csv(bob_client: Client, page: str) -> None:
    rows = as_excel(bob_client, page)
    assert list(rows[0]) == [*COLUMNS[page], *ENDS[:-1], *LATER[page]]
    records = as_csv(bob_client, page)
    assert rows == [{name: row[name] for name in rows[0]} for row in records]


@pytest.mark.usefixtures("world")
@in_turn("page", PAGES)
def test_its_head_stays_and_filters(bob_client: Client, page: str) -> None:
    content = export(bob_client, page, "xlsx")
    rows, sheet = sheets(content)[0], sheet_parts(content)[0]
    pane, filters = sheet.find(f".//{MAIN}pane"), sheet.find(f"{MAIN}autoFilter")
    assert pane is not None
    assert (pane.get("ySplit"), pane.get("state")) == ("1", "frozen")
    assert filters is not None
    assert filters.get("ref") == f"A1:{chr(ord('A') + len(rows[0]) - 1)}{len(rows)}"
    assert all(float(one.get("width", 0)) > 12 for one in sheet.iter(f"{MAIN}col"))


@pytest.mark.usefixtures("world")
def test_the_second_sheet_says_what_it_is(bob_client: Client, team: Team) -> None:
    Team.objects.filter(pk=team.pk).update(name="=1+1")
    rows, about = sheets(export(bob_client, LIST, "xlsx", "?state=Error&sort=name&page=2"))
    assert dict(about) == {
        "team": "=1+1",
        "filter": "state=Error&sort=name",
        "recordCount": str(len(rows) - 1),
        "exportedAt": "2026-11-24T12:00:00Z",
        "dataAsOf compute-on/prod": "2026-11-24T12:00:00Z",
        "dataAsOf compute-qc/prod": "2026-11-24T12:00:00Z",
    }


def test_without_rows_it_has_its_head(bob_client: Client, fill: Fill) -> None:
    fill([record(1)])
    rows, about = sheets(export(bob_client, LIST, "xlsx", "?q=no+such+thing"))
    assert [len(row) for row in rows] == [17]
    assert ["recordCount", "0"] in about


@pytest.mark.parametrize("text", ["a" * 32_767, "a" * 32_768, "🙂" * 16_384, "a\ud800b"])
def test_what_no_cell_can_hold_is_cut_or_replaced(text: str) -> None:
    fitting = excel._fitting(text)
    assert len(fitting.encode("utf-16-le")) <= 2 * excel.MOST_IN_CELL
    assert fitting in (text, f"{text[:32_766]}…", f"{'🙂' * 16_383}…", "a?b")


def test_more_rows_than_it_takes_are_refused(
    bob_client: Client, fill: Fill, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill([record(1), record(2)])
    monkeypatch.setitem(export_writers.MOST_ROWS, "xlsx", 1)
    refused = bob_client.get(f"{LIST}export.xlsx")
    assert (refused.status_code, "Content-Disposition" in refused) == (400, False)
    assert bob_client.head(f"{LIST}export.xlsx").status_code == 400
    assert len(as_csv(bob_client, LIST)) == 2
    assert len(as_excel(bob_client, LIST, f"?volume_id=none&q={record(1).id}")) == 0
    assert AuditEvent.objects.filter(detail__startswith="XLSX").count() == 1


def test_rows_wait_where_only_this_user_reads(bob_client: Client, fill: Fill, folder: Path) -> None:
    fill([record(1, name="waits")])
    answer = bob_client.get(f"{LIST}export.xlsx")
    parts = parts_of(answer)
    assert list(folder.iterdir()) == []
    assert (next(parts), next(parts)) == (b"", b"")
    (own,) = folder.iterdir()
    assert S_IMODE(own.stat().st_mode) == 0o700
    assert all(one.is_file() for one in own.iterdir())
    b"".join(parts)
    drop(answer)
    assert list(folder.iterdir()) == []


def stop(answer: Answer, parts: Iterator[bytes]) -> None:
    drop(answer)


def forget(answer: Answer, parts: Iterator[bytes]) -> None:
    """Nothing: nobody reads on."""


def remove(answer: Answer, parts: Iterator[bytes]) -> None:
    Membership.objects.all().delete()
    with pytest.raises(ExportEnded):
        next(parts)


@pytest.mark.few(1)
@pytest.mark.parametrize("end", [stop, forget, remove])
def test_what_breaks_off_leaves_nothing(
    bob_client: Client, fill: Fill, folder: Path, end: Callable[[Answer, Iterator[bytes]], None]
) -> None:
    fill([record(1)])
    answer = bob_client.get(f"{LIST}export.xlsx")
    parts = parts_of(answer)
    next(parts)
    next(parts)
    assert len(list(folder.iterdir())) == 1
    end(answer, parts)
    del answer, parts
    gc.collect()
    assert list(folder.iterdir()) == []


def test_a_full_disk_leaves_nothing(
    bob_client: Client, fill: Fill, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    fill([record(1)])
    monkeypatch.setattr("zipfile.ZipFile.write", full)
    answer = bob_client.get(f"{LIST}export.xlsx")
    with pytest.raises(Exception, match="No space left"):
        body(answer)
    drop(answer)
    assert list(folder.iterdir()) == []
