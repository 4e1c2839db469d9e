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
LIST_QUERIES = (
    *("", "?page_size=100", "?page=3&page_size=25", "?state=Error", "?state=Error&state=Zebra&page_size=25"),
    *("?interval_type=DAILY&interval_type=WEEKLY", "?volume_id=none", f"?volume_id={volume_id(3)}&volume_id=none"),
    *("?environment=compute-on/prod&sort=name", "?environment=compute-qc/prod&page_size=25", "?age=1d", "?age=30d"),
    *(
        "?age=unknown",
        "?age=older",
        "?from=2026-11-01&to=2026-11-20",
        "?q=web&sort=-volume",
        "?q=disk-0+by",
        "?listed=no",
    ),
    *("?sort=taken", "?sort=state&page_size=25", "?sort=-type&state=BackedUp&q=disk", "?q=no+such+thing"),
    *("?state=nonsense&age=soon&sort=password&page=-1", "?environment=foreign/one"),
)
VOLUME_QUERIES = (
    *("", "?page_size=25", "?status=late", "?status=fresh&status=none&sort=name", "?schedule=DAILY", "?schedule=none"),
    *("?age=1d&age=older", "?q=disk-1", "?group=instance&page_size=25", "?sort=newest", "?sort=-usable&page_size=25"),
    *(
        "?environment=compute-qc/prod",
        "?age=none&since=2026-11-20T00:00:00Z",
        "?status=wrong&group=colour",
        "?group=instance&schedule=WEEKLY",
    ),
)
CHANGE_QUERIES = (
    *("", "?rotated=yes", "?kind=completed", "?kind=appeared&kind=failed", "?environment=compute-qc/prod"),
    *(f"?volume_id={volume_id(3)}", "?volume_id=none", "?from=2026-11-24", "?to=2026-11-23&rotated=yes", "?q=disk"),
    *("?kind=nonsense&before=x", "?q=no+such+thing", "?line=MANY", "?line=77777777"),
)


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


@SHORT_AND_FULL
@pytest.mark.parametrize("page", CASES)
def test_every_filter(bob_client: Client, figures: Tell, page: str, full: bool) -> None:
    """All kinds of files without a filter, and one kind with each filter; or all with each."""
    queries, read, of = CASES[page]
    most = 0
    for number, query in enumerate(queries):
        kinds = KINDS if full or not query else KINDS[number % 3 :][:1]
        query = query.replace("MANY", str(Change.objects.filter(number__gt=9).values_list("pk", flat=True).first()))
        expected = all_rows(bob_client, page + on_pages(query), read)
        for kind in kinds:
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
def test_a_foreign_team_is_in_no_file(alice_client: Client, charlie_client: Client, figures: Tell) -> None:
    foreign = 0
    for page in CASES:
        for kind in KINDS:
            assert charlie_client.get(f"{page}export.{kind}").status_code == 404
        for query in ("", "?q=RIVALS", "?environment=compute-on/prod", "?listed=no", f"?volume_id={volume_id(1)}"):
            foreign += "RIVALS" in str(as_json(alice_client, page, query)["data"])
            foreign += "RIVALS" in str(as_excel(alice_client, page, query))
            foreign += "RIVALS" in str([{**row, "filter": ""} for row in as_csv(alice_client, page, query)])
    figures("exports", foreign_values=foreign)
    assert foreign == 0
    assert snapshot_id(3) in str(as_json(charlie_client, "/t/rival/snapshots/")["data"])
