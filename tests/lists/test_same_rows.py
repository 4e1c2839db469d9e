"""An export has exactly the rows of all pages of its address, in their order."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from snapshots.models import Change, Environment
from tests.lists.conftest import volume_id
from tests.lists.reading import CHANGES, KINDS, LIST, VOLUMES, all_rows, as_csv, as_excel, as_json
from tests.proof import SHORT_AND_FULL
from tests.views.snapshots.conftest import snapshot_id
from tests.views.snapshots.reading import Response

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
# By expressions, and not by the page's elements: more than a hundred pages are read.
SNAPSHOT = re.compile(r'<t[hd] class="col-name"[^>]*><a[^>]* href="[^"]*/([0-9a-f-]{36})/"')
VOLUME_ROW = re.compile(r'<th class="v-name"[^>]*><a[^>]* href="/t/acme/volumes/([^"]*)/"')
CHANGE_LINE = re.compile(
    r'<time class="change-time" datetime="([^"]+)".*?<div class="change-what"><a[^>]* href="([^"]+)"', re.S
)
Tell = Callable[..., None]
# Each filter, order and wrong value at least once; `MORE` is tried too by `make proof`.
LIST_QUERIES = (
    *("", "?page=3&page_size=25", "?state=Error&state=Zebra&page_size=25", "?interval_type=DAILY&interval_type=WEEKLY"),
    *(f"?volume_id={volume_id(3)}&volume_id=none", "?environment=compute-on/prod&sort=name", "?age=1d", "?age=unknown"),
    *("?from=2026-11-01&to=2026-11-20", "?q=web&sort=-volume", "?listed=no", "?sort=-type&state=BackedUp&q=disk"),
    "?state=nonsense&age=soon&sort=password&page=-1",
)
VOLUME_QUERIES = (
    *("", "?status=fresh&status=none&sort=name", "?schedule=none", "?age=1d&age=older", "?q=disk-1"),
    *("?group=instance&page_size=25", "?sort=-usable&page_size=25", "?environment=compute-qc/prod"),
    *("?age=none&since=2026-11-20T00:00:00Z", "?status=wrong&group=colour"),
)
CHANGE_QUERIES = (
    *("", "?rotated=yes", "?kind=appeared&kind=failed", "?environment=compute-qc/prod", f"?volume_id={volume_id(3)}"),
    *("?volume_id=none", "?to=2026-11-23&rotated=yes", "?q=disk", "?kind=nonsense&before=x"),
    *("?line=MANY", "?line=77777777"),
)
MORE = {
    LIST: (
        *("?page_size=100", "?state=Error", "?volume_id=none", "?environment=compute-qc/prod&page_size=25", "?age=30d"),
        *("?age=older", "?q=disk-0+by", "?sort=taken", "?sort=state&page_size=25", "?q=no+such+thing"),
        "?environment=foreign/one",
    ),
    VOLUMES: ("?page_size=25", "?status=late", "?schedule=DAILY", "?sort=newest", "?group=instance&schedule=WEEKLY"),
    CHANGES: ("?kind=completed", "?from=2026-11-24", "?q=no+such+thing"),
}


def snapshots_on(page: Response) -> list[str]:
    return SNAPSHOT.findall(page.content.decode())


def volumes_on(page: Response) -> list[str]:
    return VOLUME_ROW.findall(page.content.decode())


def changes_on(page: Response) -> list[str]:
    return [change_on(iso, href) for iso, href in CHANGE_LINE.findall(page.content.decode())]


def change_on(iso: str, href: str) -> str:
    """When, and of which snapshot, as its address tells."""
    at = datetime.fromisoformat(iso).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{at} {href.rstrip('/')[-36:]}" if "/snapshots/" in href and "?" not in href else at


def exported_volume(row: dict[str, str]) -> str:
    return f"{row['serviceCode']}/{row['environmentName']}/{row['id']}"


def exported_change(row: dict[str, str]) -> str:
    return f"{row['at']} {row['id']}" if row.get("id") else row["at"]


def on_pages(query: str) -> str:
    """The same address from its first page on; with as few pages as can be where their size is no matter."""
    query = query.replace("page=3&", "")
    return query if "page_size" in query else f"{query or '?'}&page_size=100"


CASES: dict[str, tuple[tuple[str, ...], Callable[[Response], list[str]], Callable[[dict[str, Any]], str]]] = {
    LIST: (LIST_QUERIES, snapshots_on, lambda row: row["id"]),
    VOLUMES: (VOLUME_QUERIES, volumes_on, exported_volume),
    CHANGES: (CHANGE_QUERIES, changes_on, exported_change),
}


def records(client: Client, page: str, kind: str, query: str) -> list[dict[str, str]]:
    if kind == "xlsx":
        return as_excel(client, page, query)
    if kind == "csv":
        return [row for row in as_csv(client, page, query) if row.get("kind") or row["id"]]
    answer = as_json(client, page, query)
    assert answer["metadata"]["recordCount"] == len(answer["data"])
    rows: list[dict[str, str]] = answer["data"]
    return rows


@pytest.mark.proof
@pytest.mark.parametrize("page", CASES)
def test_every_filter(bob_client: Client, figures: Tell, page: str) -> None:
    queries, read, of = CASES[page]
    queries = (*queries, *MORE[page])
    most = 0
    for each in queries:
        query = each.replace("MANY", str(Change.objects.filter(number__gt=9).values_list("pk", flat=True).first()))
        expected = all_rows(bob_client, page + on_pages(query), read)
        for kind in KINDS:
            assert [of(row) for row in records(bob_client, page, kind, query)] == expected, (kind, query)
        most = max(most, len(expected))
    figures("exports", filters_compared=len(queries))
    assert most > 50 or page == VOLUMES


def test_there_are_enough_filters() -> None:
    assert sum(len(queries) for queries, _read, _of in CASES.values()) >= 30


@pytest.mark.parametrize("page", CASES)
def test_a_hidden_environment_is_in_no_file(alice_client: Client, page: str) -> None:
    alice_client.post("/t/acme/settings/environments/compute-on/prod/remove/")
    assert Environment.everything.removed().count() == 1
    for query in ("", "?listed=no", f"?volume_id={volume_id(3)}", "?environment=compute-on/prod"):
        assert {row["environmentName"] + row["serviceCode"] for row in as_csv(alice_client, page, query)} == {
            "prodcompute-qc"
        }


@pytest.mark.usefixtures("in_rival")
@SHORT_AND_FULL
def test_a_foreign_team_is_in_no_file(alice_client: Client, charlie_client: Client, figures: Tell, full: bool) -> None:
    """All kinds of files without a filter, and one kind with each filter; or all with each."""
    foreign = 0
    for page in CASES:
        for kind in KINDS:
            assert charlie_client.get(f"{page}export.{kind}").status_code == 404
        queries = ("", "?q=RIVALS", "?environment=compute-on/prod", "?listed=no", f"?volume_id={volume_id(1)}")
        for number, query in enumerate(queries):
            for kind in KINDS if full or not query else KINDS[number % 3 :][:1]:
                found = records(alice_client, page, kind, query)
                foreign += "RIVALS" in str([{**row, "filter": ""} for row in found])
    figures("exports", foreign_values=foreign)
    assert foreign == 0
    assert snapshot_id(3) in str(as_json(charlie_client, "/t/rival/snapshots/")["data"])
