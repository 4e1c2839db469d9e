"""Exports in a real browser: saved, told of, refused, stopped, broken off; with and without scripts."""

import csv
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from pathlib import Path

import pytest
from playwright.sync_api import Download, Locator, expect

from tests.browser.conftest import Tab
from tests.browser.stack import Stack
from tests.lists.workbook import sheets

pytestmark = pytest.mark.browser
BOB, ALICE = "bob@example.com", "alice@example.com"
PAGES = {"/t/acme/snapshots/": "snapshots", "/t/acme/volumes/": "volumes", "/t/acme/changes/": "changes"}
LIST = "/t/acme/snapshots/"
MANY = 60_000
NAMED = "many"
# More rows than are made before somebody can act, and than fit into what lies between server and reader.
COPY = """
INSERT INTO snapshots_snapshot ({columns})
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
SELECT {values} FROM n, (
    SELECT * FROM snapshots_snapshot WHERE listed AND team_id = (SELECT id FROM teams_team WHERE slug = 'acme')
    ORDER BY id LIMIT 1
)
"""
REMOVE = """
DELETE FROM teams_membership WHERE team_id = (SELECT id FROM teams_team WHERE slug = 'acme')
AND user_id = (SELECT id FROM teams_user WHERE email = ?) RETURNING *
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Stack]:
    """A separate stack, for rows that no provider lists."""
    with Stack(tmp_path_factory.mktemp("exports"), database) as running:
        yield running


@pytest.fixture(scope="module")
def many(stack: Stack) -> None:
    """Rows for the tests of long exports alone: with them the first page of volumes takes seconds."""
    with closing(opened(stack)) as rows:
        columns = [row[1] for row in rows.execute("PRAGMA table_info(snapshots_snapshot)") if row[1] != "id"]
        new = {"snapshot_id": "SUBSTR(snapshot_id, 1, 29) || (1000000 + i)", "name": f"'{NAMED}-' || i"}
        values = ", ".join(new.get(column, column) for column in columns)
        rows.execute(COPY.format(columns=", ".join(columns), values=values, rows=MANY))


def opened(stack: Stack) -> sqlite3.Connection:
    return sqlite3.connect(stack.folder / "db.sqlite3", timeout=30, isolation_level=None)


def export(tab: Tab, kind: str) -> None:
    tab.page.locator("details.export > summary").click()
    tab.page.get_by_role("link", name=f"Export as {kind}").click()


def note(tab: Tab) -> Locator:
    return tab.page.locator("#export-note [role=status]")


@contextmanager
def asked(tab: Tab, stack: Stack, path: str) -> Iterator[HTTPResponse]:
    """Ask as the tab's person by a reader who takes the head, and then what it wants."""
    with closing(HTTPConnection("127.0.0.1", stack.port, timeout=60)) as connection:
        cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in tab.context.cookies())
        connection.request("GET", path, headers={"Cookie": cookies, "Host": f"localhost:{stack.port}"})
        with closing(connection.getresponse()) as answer:
            yield answer


def exported(number: int) -> str:
    return "Exported 1 row." if number == 1 else f"Exported {number:,} rows."


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8-sig") as lines:
        return list(csv.DictReader(lines))


def saved(download: Download, folder: Path) -> Path:
    assert re.fullmatch(r"acme-\w+(-filtered)?-\d{8}T\d{6}Z\.(xlsx|csv|json)", download.suggested_filename)
    download.save_as(folder / download.suggested_filename)
    return folder / download.suggested_filename


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_each_page_saves_its_rows_and_says_so(open_tab: Callable[..., Tab], folder: Path, width: str) -> None:
    tab = open_tab(width)
    for page, what in PAGES.items():
        tab.enter(f"{page}?environment=compute-qc/prod&q=ROOT&page_size=25", BOB)
        expect(note(tab)).to_be_empty()
        with tab.page.expect_download() as download:
            export(tab, "JSON")
        answer = json.loads(saved(download.value, folder).read_text())
        assert answer["metadata"]["filter"] == "environment=compute-qc%2Fprod&q=ROOT"
        number = len(answer["data"])
        expect(note(tab)).to_have_text(exported(number))
        tab.keep(f"export-{what}")


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_an_excel_file_is_saved(open_tab: Callable[..., Tab], folder: Path, width: str) -> None:
    tab = open_tab(width)
    tab.enter(f"{LIST}?environment=compute-qc/prod&q=ROOT", BOB)
    tab.picture("export-links")
    with tab.page.expect_download() as download:
        export(tab, "Excel")
    rows, about = sheets(saved(download.value, folder).read_bytes())
    expect(note(tab)).to_have_text(exported(len(rows) - 1))
    assert ["filter", "environment=compute-qc%2Fprod&q=ROOT"] in about
    tab.check()


@pytest.mark.proof
def test_the_links_follow_the_filters(open_tab: Callable[..., Tab], folder: Path) -> None:
    tab = open_tab()
    tab.enter(f"{LIST}?environment=compute-qc/prod", BOB)
    tab.page.get_by_label("Search by name, volume or id").fill("ROOT-")
    expect(tab.page.locator("#export a").nth(1)).to_have_attribute("href", re.compile("q=ROOT-$"))
    with tab.page.expect_download() as download:
        export(tab, "CSV")
    rows = rows_of(saved(download.value, folder))
    assert rows
    assert {row["filter"] for row in rows} == {"environment=compute-qc%2Fprod&q=ROOT-"}
    tab.check()


@pytest.mark.proof
@pytest.mark.parametrize("page", PAGES)
def test_without_scripts_the_link_is_the_file(open_tab: Callable[..., Tab], folder: Path, page: str) -> None:
    tab = open_tab(scripts=False)
    tab.enter(f"{page}?environment=compute-qc/prod", BOB)
    with tab.page.expect_download() as download:
        export(tab, "CSV")
    assert {row["environmentName"] for row in rows_of(saved(download.value, folder))} == {"prod"}


@pytest.mark.proof
@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_long_one_tells_how_far_it_is_and_can_be_stopped(open_tab: Callable[..., Tab], width: str) -> None:
    tab = open_tab(width)
    tab.enter(f"{LIST}?q={NAMED}", ALICE)
    export(tab, "CSV")
    expect(note(tab)).to_have_text(f"Making a file; rows: {MANY:,}. You can go on reading here.")
    expect(tab.page.get_by_role("progressbar", name="Rows written")).to_have_attribute("value", re.compile(r"\d{4}"))
    tab.picture("export-making")
    tab.page.get_by_role("button", name="Stop", exact=True).click()
    expect(note(tab)).to_have_text("The export was stopped, and nothing was saved.")
    tab.check()


@pytest.mark.usefixtures("many")
@pytest.mark.proof
def test_a_long_one_is_saved_whole(open_tab: Callable[..., Tab], folder: Path) -> None:
    tab = open_tab()
    tab.enter(f"{LIST}?q={NAMED}", ALICE)
    with tab.page.expect_download(timeout=120_000) as download:
        export(tab, "CSV")
    expect(note(tab)).to_have_text(exported(MANY))
    assert len({row["id"] for row in rows_of(saved(download.value, folder))}) == MANY
    tab.check()


@pytest.mark.proof
@pytest.mark.usefixtures("many")
def test_a_fourth_at_once_is_refused_in_the_page(open_tab: Callable[..., Tab], stack: Stack) -> None:
    tab = open_tab()
    tab.expected.append("429")
    tab.enter(f"{LIST}?page_size=25", ALICE)
    with ExitStack() as others:
        begun = [others.enter_context(asked(tab, stack, f"{LIST}export.csv")) for _ in range(3)]
        assert [answer.status for answer in begun] == [200] * 3
        export(tab, "CSV")
        expect(note(tab)).to_contain_text("Too many exports are being made at once.")
        tab.keep("export-refused")


@pytest.mark.proof
@pytest.mark.usefixtures("many")
def test_who_is_removed_meanwhile_saves_nothing(open_tab: Callable[..., Tab], stack: Stack) -> None:
    tab = open_tab()
    tab.expected.append("ERR_INCOMPLETE_CHUNKED_ENCODING")
    tab.enter(f"{LIST}?q={NAMED}&page_size=25", BOB)
    with asked(tab, stack, f"{LIST}export.csv") as answer, closing(opened(stack)) as rows:
        begun = answer.read(100_000)
        export(tab, "CSV")
        expect(note(tab)).to_contain_text("Making a file")
        with removed(rows):
            expect(note(tab)).to_have_text("The export broke off, and nothing was saved. Try again.")
            with pytest.raises((IncompleteRead, ConnectionResetError)) as cut:
                answer.read()
    assert (begun + getattr(cut.value, "partial", b"")).count(b"\r\n") < MANY
    assert stack.log.count("ExportEnded") >= 2
    tab.keep("export-broken-off")


class removed:
    """Take bob out of the team, and let him in again after it."""

    def __init__(self, rows: sqlite3.Connection) -> None:
        self._rows = rows

    def __enter__(self) -> None:
        self._was = self._rows.execute(REMOVE, [BOB]).fetchall()
        assert len(self._was) == 1

    def __exit__(self, *_: object) -> None:
        places = ", ".join("?" * len(self._was[0]))
        self._rows.executemany(f"INSERT INTO teams_membership VALUES ({places})", self._was)
