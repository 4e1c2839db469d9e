"""What the answer says beside the file: its name, its kind, and in the audit that it was asked for."""

import re
from collections.abc import Callable
from email.message import Message
from urllib.parse import quote

import pytest
from django.test import Client

from dashboard.teams.models import AuditEvent, EventKind, Team
from snapshots.lists.volume_filters import STATUSES
from tests.lists.reading import CHANGES, KINDS, LIST, PAGES, VOLUMES, drop, export
from tests.loops import in_turn
from tests.views.snapshots.conftest import Fill, record

pytestmark = pytest.mark.django_db
NAME = re.compile(r"acme-(snapshots|volumes|changes)((?:-[a-z0-9]+)*)-20261124T120000Z\.(xlsx|csv|json)")
TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}
SPLITTING = (
    "\r\nSet-Cookie: a=b",
    "%0d%0aX-Split:1",
    "\n\nbody",
    "\u2028X",
    "\u560d\u560aX-Split: 1",
    "\0",
    "a" * 3000,
)
FIELDS = ("q", "sort", "volume_id", "environment", "state", "next", "name", "filename", "kind", "page")


def file_name(disposition: str) -> str:
    message = Message()
    message["Content-Disposition"] = disposition
    return message.get_filename() or ""


@pytest.mark.few(4)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("page", PAGES)
def test_name_and_kind(bob_client: Client, fill: Fill, page: str, kind: str) -> None:
    fill([record(1)])
    answer = bob_client.get(f"{page}export.{kind}")
    assert NAME.fullmatch(file_name(answer["Content-Disposition"]))
    assert answer["Content-Disposition"].startswith("attachment; ")
    assert answer["Content-Type"] == TYPES[kind]
    assert (answer["Cache-Control"], answer["X-Content-Type-Options"]) == ("private, no-store", "nosniff")
    assert int(answer["X-Export-Rows"]) == 1
    drop(answer)


def test_a_name_is_short_and_has_nothing_of_the_environment(alice_client: Client, team: Team, fill: Fill) -> None:
    fill([record(1, name="../../x", state="Zebra")], path=f"{'Z' * 64}/{'hostile-' * 8}")
    Team.objects.filter(pk=team.pk).update(slug="a" * 50)
    answer = alice_client.get(
        f"/t/{'a' * 50}/snapshots/export.json?environment={'Z' * 64}/{'hostile-' * 8}&state=Zebra"
    )
    name = file_name(answer["Content-Disposition"])
    drop(answer)
    assert name == f"{'a' * 40}-snapshots-filtered-20261124T120000Z.json"
    assert len(name) <= 81


@pytest.mark.usefixtures("world")
@in_turn(
    ("url", "words"),
    [
        (
            f"{VOLUMES}export.csv?status=late&status=none&age=1d&schedule=none&page_size=25",
            "no-schedule-late-none-age-1d",
        ),
        (f"{VOLUMES}export.csv?group=instance&sort=name", ""),
        (f"{VOLUMES}export.csv?q=web&environment=compute-on/prod&status=late&since=2026-11-20T00:00Z", "late-filtered"),
        (f"{VOLUMES}export.csv?status=wrong", ""),
        (f"{LIST}export.csv?state=Error&state=Zebra&interval_type=DAILY&listed=no", "error-daily-not-listed-filtered"),
        (f"{LIST}export.csv?volume_id=none&age=unknown", "age-unknown-filtered"),
        (f"{LIST}export.csv?from=2026-11-01&sort=name", "filtered"),
        (f"{CHANGES}export.csv?kind=volume_renamed&kind=failed&rotated=yes", "volume-renamed-failed"),
        (f"{VOLUMES}export.csv?{'&'.join(f'status={name}' for name in STATUSES)}", "filtered"),
    ],
)
def test_a_name_says_what_the_rows_are_filtered_by(bob_client: Client, url: str, words: str) -> None:
    name = NAME.fullmatch(file_name(bob_client.head(url)["Content-Disposition"]))
    assert name is not None
    assert name[2].removeprefix("-") == words


@pytest.mark.proof
def test_nothing_that_is_asked_splits_a_header(bob_client: Client, fill: Fill, figures: Callable[..., None]) -> None:
    fill([record(1)])
    plain = bob_client.get(f"{LIST}export.csv")
    usual = set(plain.headers)
    drop(plain)
    asked = splits = 0
    for field in FIELDS:
        for value in SPLITTING:
            answer = bob_client.get(f"{LIST}export.csv?{field}={quote(value)}&{field}={value.strip()!r}")
            asked += 1
            splits += set(answer.headers) != usual or answer.status_code != 200
            splits += NAME.fullmatch(file_name(answer["Content-Disposition"])) is None
            drop(answer)
    figures("exports", headers_tried=asked, headers_split=splits)
    assert splits == 0


@pytest.mark.few(3)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("page", PAGES)
def test_it_is_in_the_audit_once_with_its_filter(bob_client: Client, fill: Fill, page: str, kind: str) -> None:
    fill([record(1)])
    export(bob_client, page, kind, "?q=web&page_size=25&foreign=CANARY-of-nobody")
    bob_client.head(f"{page}export.{kind}")
    (event,) = AuditEvent.objects.filter(kind=EventKind.EXPORTED)
    assert (event.actor_email, event.target) == ("bob@example.com", page.split("/")[3])
    # Nothing has happened to any "web" yet; both other pages have the one.
    assert event.detail == f"{kind.upper()}, rows: {int(page != CHANGES)}, filter: q=web"


def test_what_is_refused_is_in_no_audit(bob_client: Client, charlie_client: Client, fill: Fill) -> None:
    fill([record(1)])
    begun = [bob_client.get(f"{LIST}export.csv") for _ in range(3)]
    assert bob_client.get(f"{LIST}export.csv").status_code == 429
    assert charlie_client.get(f"{LIST}export.csv").status_code == 404
    assert AuditEvent.objects.filter(kind=EventKind.EXPORTED).count() == 3
    for answer in begun:
        drop(answer)


@pytest.mark.parametrize("page", PAGES)
def test_the_page_links_to_the_files_of_its_filters(bob_client: Client, fill: Fill, page: str) -> None:
    fill([record(1)])
    for headers in ({}, {"HX-Request": "true"}):
        content = bob_client.get(f"{page}?q=web&nonsense=1", headers=headers).content.decode()
        for kind in KINDS:
            assert f'href="{page}export.{kind}?q=web"' in content
