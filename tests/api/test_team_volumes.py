"""Volumes with their verdicts: the page's filters, order and words; and pages by cursor."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.teams.models import Membership, Team, User
from snapshots.lists.volume_filters import SORTS, STATUSES
from snapshots.models import Environment, Policy, Volume
from snapshots.policy import targets
from tests.api.conftest import JUDGED, Script, furnish, made
from tests.loops import in_turn
from tests.proof import first
from tests.views.snapshots.conftest import OTHER_VOLUME, VOLUME

ORDERS = ["", *SORTS, *(f"-{name}" for name in SORTS)]


def body(script: Script, query: str = "") -> dict[str, Any]:
    answer = script.get(f"{JUDGED}?{query}")
    assert answer.status_code == 200, answer.content
    read: dict[str, Any] = json.loads(answer.content)
    return read


def ids(script: Script, query: str = "") -> list[str]:
    return [row["id"] for row in body(script, query)["data"]]


def test_a_volume_with_its_verdict_and_why(script: Script) -> None:
    late = next(row for row in body(script)["data"] if row["id"] == OTHER_VOLUME)
    before = "2026-08-26T11:59:00Z"
    assert late["why"].startswith("Daily runs since 26 Aug; newest usable snapshot: 26 Aug 11:59 (from the name).")
    assert {name: late[name] for name in ("verdict", "newestUsable", "dataAsOf", "environmentName", "usableCount")} == {
        "verdict": "late",
        "newestUsable": {"before": before, "after": before},
        "dataAsOf": "2026-11-24T12:00:00Z",
        "environmentName": "prod",
        "usableCount": 1,
    }
    assert late["since"] < late["dataAsOf"]
    assert "deadline" not in late


def test_what_is_good_says_until_when(script: Script) -> None:
    (fresh,) = body(script, "status=fresh")["data"]
    assert (fresh["id"], fresh["verdict"]) == (VOLUME, "fresh")
    assert fresh["deadline"] > "2026-11-24T12:00:00Z"
    assert "since" not in fresh


def test_an_environment_without_a_complete_list_is_named(script: Script, team: Team) -> None:
    """Its volumes are not known: no late one among the rows does not mean that all is well."""
    Environment.objects.create(team=team, service_code="compute-qc", name="unseen")
    metadata = body(script, "status=unknown")["metadata"]
    assert (metadata["recordCount"], metadata["neverListed"]) == (0, ["compute-qc/unseen"])
    assert "neverListed" not in body(script, "environment=compute-on/prod")["metadata"]


@pytest.mark.both_databases
def test_counts_are_the_pages_tiles_whatever_status_is_asked_for(script: Script) -> None:
    counts = dict.fromkeys(STATUSES, 0) | {"late": 1, "fresh": 1}
    assert body(script)["metadata"] == {"recordCount": 2, "counts": counts}
    assert body(script, "status=late&status=none")["metadata"] == {"recordCount": 1, "counts": counts}


def test_old_data_is_not_called_fresh(script: Script, clock: time_machine.Traveller) -> None:
    clock.shift(timedelta(days=3))
    assert body(script)["metadata"]["counts"]["unknown"] == 2
    assert body(script, "status=fresh")["data"] == []
    assert script.get(JUDGED)["X-Data-Warning"] == "old"


@pytest.mark.both_databases
@in_turn(
    ("query", "found"),
    [
        ("environment=compute-on/prod", {VOLUME, OTHER_VOLUME}),
        ("schedule=DAILY", {VOLUME, OTHER_VOLUME}),
        ("schedule=HOURLY", set()),
        ("age=older", {OTHER_VOLUME}),
        ("age=1d&age=7d", {VOLUME}),
        (f"q={OTHER_VOLUME[:6]}", {OTHER_VOLUME}),
        ("q=web-01", {VOLUME}),
        ("q=acme", {OTHER_VOLUME}),
        ("status=excluded", set()),
    ],
)
def test_filters_are_the_pages(script: Script, query: str, found: set[str]) -> None:
    assert set(ids(script, query)) == found


@in_turn(
    "query",
    ["statuss=late", "status=Late", "status=", "age=1", "sort=id", "environment=prod", "schedule=NONE", "page=2"],
)
def test_a_mistyped_filter_is_refused(script: Script, query: str) -> None:
    """Passed over, it would answer for more than was asked: a check would then look at the wrong rows."""
    assert script.get(f"{JUDGED}?{query}").status_code == 400


def spread(environment: Environment, count: int) -> None:
    """Many volumes, with equal names, equal times and no times at all among them."""
    now = timezone.now()
    Volume.objects.bulk_create(
        Volume(
            team_id=environment.team_id,
            environment=environment,
            volume_id=f"00000000-0000-4000-8000-{number:012}",
            name=f"disk-{number % 3}",
            usable_count=number % 4,
            newest_before=None if number % 5 == 0 else now - timedelta(days=number % 6),
            late_from=now - timedelta(days=1) if number % 2 else None,
            doubt_from=now - timedelta(days=1) if number % 2 else None,
            excluded_until=now + timedelta(days=9) if number % 7 == 0 else None,
        )
        for number in range(count)
    )


@pytest.mark.proof
@pytest.mark.both_databases
@pytest.mark.parametrize("policy", first(1, [True, False]))
def test_pages_by_cursor_have_every_row_once_in_the_pages_order(
    script: Script, prod: Environment, policy: bool
) -> None:
    spread(prod, 40)
    if policy:
        Policy.objects.create(team=prod.team)
    for sort in ORDERS:
        query = "&".join(f"status={status}" for status in STATUSES) + (f"&sort={sort}" if sort else "")
        whole, paged, cursor, pages = ids(script, query), [], "", 0
        while pages == 0 or cursor:
            read = body(script, f"{query}&limit=7" + (f"&cursor={quote(cursor)}" if cursor else ""))
            paged += [row["id"] for row in read["data"]]
            cursor, pages = read["metadata"].get("nextCursor", ""), pages + 1
        assert (paged, pages, len(whole)) == (whole, 6, 42), sort


@pytest.mark.both_databases
def test_a_row_that_comes_or_goes_between_pages_moves_no_other(script: Script, prod: Environment) -> None:
    spread(prod, 20)
    first = body(script, "sort=name&limit=5")
    gone = first["data"][0]["id"]
    rest = ids(script, "sort=name&limit=1000")[5:]
    Volume.objects.filter(volume_id=gone).delete()
    assert ids(script, f"sort=name&limit=1000&cursor={quote(cursor_of(first))}") == rest


def cursor_of(read: dict[str, Any]) -> str:
    return str(read["metadata"]["nextCursor"])


@pytest.mark.both_databases
def test_a_cursor_is_of_one_team_and_one_order(
    script: Script, prod: Environment, foreign: Environment, rita: Membership
) -> None:
    spread(prod, 5)
    cursor = quote(cursor_of(body(script, "sort=name&limit=2")))
    assert script.get(f"{JUDGED}?sort=name&cursor={cursor}").status_code == 200
    for query in (f"sort=-name&cursor={cursor}", f"cursor={cursor}", f"sort=name&cursor={cursor}x", "cursor=W10"):
        assert script.get(f"{JUDGED}?{query}").status_code == 400
    theirs = made(rita)[1].get(f"{JUDGED.replace('acme', 'rival')}?sort=name&cursor={cursor}")
    assert theirs.status_code == 400


def test_the_number_of_queries_stands(mia: Membership, script: Script, prod: Environment) -> None:
    script.get(JUDGED)
    numbers = []
    for count in (0, 60):
        spread(prod, count)
        with CaptureQueriesContext(connection) as asked:
            assert script.get(f"{JUDGED}?limit=1000").status_code == 200
        numbers.append(len(asked))
    assert numbers == [6, 6]


def test_targets_are_heeded(script: Script, prod: Environment, alice: User) -> None:
    targets.set_of_team(prod.team, 1, person=alice)
    assert body(script, "status=late")["metadata"]["recordCount"] == 2


def test_an_environment_that_was_never_listed_is_not_called_good(mia: Membership, prod: Environment) -> None:
    new = furnish(mia.team, "compute-on/new", 3)
    Environment.objects.filter(pk=new.pk).update(listed_at=None, data_at=None, partial_at=new.listed_at)
    _token, script = made(mia, "compute-on/new")
    assert body(script)["metadata"]["counts"]["unknown"] == 2
    assert "X-Data-As-Of" not in script.get(JUDGED)
