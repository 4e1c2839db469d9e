"""The CSV is RFC 4180 in UTF-8 with a mark, says what it is, and holds nothing that a spreadsheet would calculate."""

import csv
import re
from collections.abc import Callable
from io import StringIO

import pytest
from django.test import Client

from snapshots.lists.export_writers import records, safe
from snapshots.models import Environment, Volume
from snapshots.views import exports
from tests.lists.prefixes import HARMLESS, PREFIXES
from tests.lists.reading import CHANGES, KINDS, LIST, PAGES, VOLUMES, as_csv, export
from tests.lists.workbook import sheets
from tests.loops import in_turn
from tests.views.snapshots.conftest import NOW, Fill, record, snapshot_id

ENDS = ["serviceCode", "environmentName", "dataAsOf", "filter"]
COLUMNS = {
    LIST: [
        *("id", "name", "state", "intervalType", "volumeId", "volume", "volumeType"),
        *("takenAt", "takenAfter", "takenBefore", "takenFrom", "firstSeenAt", "missingSince", "listed"),
    ],
    VOLUMES: [
        *("id", "name", "type", "creationDate", "instanceId", "instanceName", "zoneName", "state", "sizeInGb"),
        *("verdict", "newestUsableAfter", "newestUsableBefore", "usableCount", "snapshotCount", "schedules"),
        *("targetHours", "missingSince", "goneAt"),
    ],
    CHANGES: ["id", "name", "intervalType", "volumeId", "volume", "kind", "at", "before", "after", "seconds", "count"],
}
# What a later release added comes after all other columns.
LATER = {LIST: [], VOLUMES: ["label", "why", "since"], CHANGES: []}
QUOTED = re.compile(r'"(?:[^"]|"")*"(?:,"(?:[^"]|"")*")*')
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def value_of(cell: str) -> str:
    """Restore a value as the docs say."""
    return cell.removeprefix("'")


@in_turn("prefix", PREFIXES)
def test_a_formula_gets_an_apostrophe_and_loses_it_again(prefix: str) -> None:
    cell = safe(f"{prefix}1+1")
    assert cell == f"'{prefix}1+1"
    assert value_of(cell) == f"{prefix}1+1"


@in_turn("value", HARMLESS)
def test_anything_else_stays_as_it_is(value: str) -> None:
    assert safe(value) == value


def test_records_are_quoted_wholly_and_read_back(figures: Callable[..., None]) -> None:
    values = [f"{prefix}cmd|' /C calc'!A0" for prefix in PREFIXES] + HARMLESS
    text = records([[value, 'a "quoted", one', "x;y\r\nz"] for value in values])
    read = list(csv.reader(StringIO(text, newline="")))
    assert [[value_of(row[0]), *row[1:]] for row in read] == [[v, 'a "quoted", one', "x;y\r\nz"] for v in values]
    assert text.count('""quoted""') == len(values)
    figures(
        "exports", prefixes=len(PREFIXES), cells_that_begin_a_formula=sum(row[0][0] in "=+-@" for row in read if row[0])
    )


@pytest.mark.few(1)
@pytest.mark.few(2)
@pytest.mark.django_db
@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("page", PAGES)
def test_form_and_columns_are_always_the_same(bob_client: Client, page: str) -> None:
    for query in ("", "?q=no+such+thing"):
        content = export(bob_client, page, "csv", query)
        assert content.startswith(b"\xef\xbb\xbf")
        lines = content.decode("utf-8-sig").split("\r\n")
        assert lines.pop() == ""
        assert all(QUOTED.fullmatch(line) for line in lines)
        assert next(csv.reader(lines[:1])) == COLUMNS[page] + ENDS + LATER[page]


@pytest.mark.few(1)
@pytest.mark.django_db
@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("page", PAGES)
def test_it_says_its_filter_and_how_old_it_is(bob_client: Client, page: str) -> None:
    query = "?environment=compute-on/prod&q=disk&page_size=25&volume_q=x&state=wrong&sort=wrong&page=2"
    query += "&before=20261124T130000000000-1"
    told = {(row["serviceCode"], row["dataAsOf"], row["filter"]) for row in as_csv(bob_client, page, query)}
    assert told == {("compute-on", "2026-11-24T12:00:00Z", "environment=compute-on%2Fprod&q=disk")}


@pytest.mark.few(1)
@pytest.mark.django_db
@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("page", PAGES)
def test_without_rows_it_has_a_note_of_each_environment(bob_client: Client, page: str) -> None:
    rows = as_csv(bob_client, page, "?q=no+such+thing")
    assert [row["environmentName"] + row["serviceCode"] for row in rows] == ["prodcompute-on", "prodcompute-qc"]
    assert {row["filter"] for row in rows} == {"q=no+such+thing"}
    assert {value for row in rows for name, value in row.items() if name not in ENDS} == {""}
    Environment.objects.all().delete()
    assert [row["filter"] for row in as_csv(bob_client, page, "?q=none")] == ["q=none"]


@pytest.mark.django_db
def test_times_are_utc_and_a_range_has_no_moment(bob_client: Client, fill: Fill) -> None:
    fill([record(1), record(2, name="by hand")])
    dated, undated = as_csv(bob_client, LIST)
    assert (dated["takenAt"], dated["takenFrom"]) == ("2026-11-23T11:59:00Z", "name")
    assert dated["takenAfter"] == dated["takenBefore"] == dated["takenAt"]
    assert (undated["takenAt"], undated["takenAfter"], undated["takenFrom"]) == ("", "", "first_look")
    assert undated["takenBefore"] == f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    times = [value for row in (dated, undated) for name, value in row.items() if name.endswith(("At", "Of")) and value]
    assert all(MOMENT.fullmatch(value) for value in times)
    assert len(times) == 5


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_hostile_names_come_through(bob_client: Client, fill: Fill, kind: str) -> None:
    names = [f"{prefix}1+1" for prefix in PREFIXES] + ['"x";y,z', "\u202egnp", "🙂", "</script>", "\u2028"]
    fill([record(number, name=f"{name}", volume=name, state=name) for number, name in enumerate(names, 1)])
    Volume.objects.update(size_in_gb=-5, instance_name="@SUM(A1)")
    for page in PAGES:
        content = export(bob_client, page, kind).decode("utf-8-sig")
        if kind == "csv":
            cells = [cell for row in csv.reader(StringIO(content, newline="")) for cell in row]
            assert [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@＝＋－＠")] == []
        assert snapshot_id(1) in content or page != LIST


@pytest.mark.django_db
def test_words_that_begin_a_formula_get_an_apostrophe(
    bob_client: Client, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill([record(1)])
    monkeypatch.setattr(exports, "short_name", lambda _status: "=1+1")
    monkeypatch.setattr(exports, "why", lambda _status: "@SUM(A1)\r\nx")
    (row,) = as_csv(bob_client, VOLUMES)
    assert (row["label"], row["why"]) == ("'=1+1", "'@SUM(A1)\r\nx")


@pytest.mark.django_db
def test_nothing_of_our_own_database_is_in_it(bob_client: Client, fill: Fill) -> None:
    fill([record(1, raw='{"secret": "RAW-RECORD"}')])
    for page in PAGES:
        for kind in KINDS:
            content = export(bob_client, page, kind)
            text = str(sheets(content)) if kind == "xlsx" else content.decode()
            assert "compute-on" in text
            assert [word for word in ("RAW-RECORD", "CANARY", '"pk"', '"fingerprint"') if word in text] == []
