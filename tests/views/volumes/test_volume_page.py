"""One volume's page: its status and reason, its past, and what a member may change."""

from datetime import datetime, timedelta

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from time_machine import Traveller

from dashboard.teams.models import AuditEvent, EventKind, User
from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Policy, Snapshot, Volume
from snapshots.simulator.server import Simulator
from tests.views.snapshots.conftest import (
    HTMX,
    NOW,
    OTHER_VOLUME,
    PATH,
    VOLUME,
    Fill,
    clock,
    environment,
    fill,
    key,
    record,
    seen,
    sim,
    taken,
)
from tests.views.snapshots.reading import Element, Response, by_id, freshness, links, tree

__all__ = ["clock", "environment", "fill", "key", "seen", "sim"]
pytestmark = pytest.mark.django_db
PAGE = f"/t/acme/volumes/{PATH}/{VOLUME}/"
DELETED = f"{PAGE}deleted/"


def daily(days: list[int], hour: int = 3, **fields: str) -> list[SnapshotRecord]:
    """Daily snapshots of these days ago."""
    midnight = datetime(NOW.year, NOW.month, NOW.day, hour, 10, tzinfo=NOW.tzinfo)
    return [taken(number + 1, midnight - timedelta(days=number), **fields) for number in days]


def panel(page: Response, title: str) -> Element:
    """The section that this heading names."""
    return next(each for each in tree(page).all("section") if each.attributes.get("aria-labelledby") == title)


def timeline(page: Response, title: str) -> list[str]:
    return [item.text for item in panel(page, title).one(css="timeline").all("li")]


def facts(page: Response) -> dict[str, str]:
    return {pair.one("dt").text: pair.one("dd").text for pair in panel(page, "facts-title").one("dl").all("div")}


def moments(page: Response) -> dict[str, str]:
    (found,) = tree(page).all("dl", css="moments")
    return {pair.one("dt").text: pair.one("dd").text for pair in found.all("div")}


def banners(page: Response) -> list[str]:
    return [banner.text for banner in by_id(page, "detail").all(css="banner")]


# --- what it says


def test_a_fresh_volume_and_why_it_is(bob_client: Client, fill: Fill) -> None:
    fill(daily(list(range(30))))
    page = bob_client.get(PAGE)
    assert page.status_code == 200
    verdict = by_id(page, "verdict").text
    assert verdict.startswith("✓ Fresh")
    assert "24 Nov 03:10 (from the name). The next run is due 25 Nov 03:10, deadline 09:10." in verdict
    assert tree(page).one("h1").text == "ROOT-35545"
    assert tree(page).one(css="title-facts").text == "web-01? · prod · compute-on"
    assert tree(page).one(css="strip-text").text == "1 of 1 daily run OK"
    assert freshness(page)[0] == "ok"


def test_a_late_one_and_its_schedule(bob_client: Client, fill: Fill) -> None:
    fill(daily(list(range(2, 30))))
    page = bob_client.get(PAGE)
    assert by_id(page, "verdict").text.startswith("! Daily late by 1 d")
    assert moments(page) == {
        "Newest usable": "22 Nov 03:10 (from the name)",
        "Runs since": "26 Oct",
        "Was due": "23 Nov 03:10 UTC",
        "Late since": "23 Nov 09:10 UTC",
    }
    assert panel(page, "schedule-DAILY").one(css="badge").text == "! Late"


def test_a_time_that_is_only_a_range_gives_no_exact_one(bob_client: Client, fill: Fill) -> None:
    fill([taken(1, NOW, name="by-hand")])
    shown = moments(bob_client.get(PAGE))
    assert shown["Next due, at the latest"] == "25 Nov 12:00 UTC"
    assert shown["Late from, at the latest"] == "25 Nov 18:00 UTC"


def test_tries_since_the_newest_usable_one(bob_client: Client, fill: Fill) -> None:
    fill([*daily(list(range(2, 9))), *daily([0, 1], state="Error")])
    page = bob_client.get(PAGE)
    assert moments(page)["Attempts since then"] == "2, 2 failed"
    assert "failed on 2 days (23 Nov–24 Nov)" in panel(page, "verdict-title").text


def test_old_data_is_said_of_each_schedule_too(bob_client: Client, fill: Fill) -> None:
    fill(daily(list(range(1, 30))))
    before = NOW - timedelta(hours=22)
    Environment.objects.update(listed_at=before, data_at=before)
    page = bob_client.get(PAGE)
    assert by_id(page, "verdict").text.startswith("? Stale data from 23 Nov 14:00 Run was due 03:10")
    assert panel(page, "schedule-DAILY").one(css="badge").text == "? Unknown"


def test_two_schedules_stand_apart(bob_client: Client, fill: Fill) -> None:
    weekly = taken(99, NOW - timedelta(days=2), interval_type="WEEKLY")
    fill([*daily(list(range(3, 9))), weekly])
    page = bob_client.get(PAGE)
    badges = {
        name: panel(page, f"schedule-{name}").one(css="schedule-head").one(css="badge").text
        for name in ("DAILY", "WEEKLY")
    }
    assert badges == {"DAILY": "! Late", "WEEKLY": "✓ Fresh"}


def test_its_snapshots_with_the_gaps_marked(bob_client: Client, fill: Fill) -> None:
    fill(daily([2, 3, 6, 7]))
    page = bob_client.get(PAGE)
    assert [text.split(" · ")[0] for text in timeline(page, "line-title")] == [
        "2 d without a usable snapshot so far",
        "22 Nov 03:10",
        "21 Nov 03:10",
        "no usable snapshot left from these 3 d",
        "18 Nov 03:10",
        "17 Nov 03:10",
    ]
    gaps = panel(page, "line-title").all("li", css="gap")
    assert len(gaps) == 2
    assert links(page)["See all 4 snapshots"] == f"/t/acme/snapshots/?volume_id={VOLUME}&environment={PATH}"


def gaps(page: Response) -> int:
    return len(panel(page, "line-title").all("li", css="gap"))


def test_a_failed_one_fills_no_gap(bob_client: Client, fill: Fill) -> None:
    fill([*daily([0]), *daily([1, 2], state="Error"), *daily([3])])
    assert gaps(bob_client.get(PAGE)) == 1


# What may have been taken and be usable in the time between 21 and 24 November; and after 21 November.
MAY_BE_THERE = {
    "without a known time": {"name": "by-hand"},
    "without a known time, copied": {"name": "by-hand", "state": "Copying"},
    "in a state that is not known": {"name": "by-hand", "state": "Processing"},
}


@pytest.mark.few(2)
@pytest.mark.parametrize("which", MAY_BE_THERE)
@pytest.mark.parametrize("newest", [0, 3])
def test_no_gap_where_one_may_lie_in_it(which: str, newest: int, bob_client: Client, fill: Fill) -> None:
    fill([*daily(sorted({newest, 3})), *(taken(number, NOW, **MAY_BE_THERE[which]) for number in range(50, 75))])
    assert gaps(bob_client.get(PAGE)) == 0


def test_what_was_there_before_the_gap_does_not_hide_it(bob_client: Client, fill: Fill, clock: Traveller) -> None:
    fill([old := taken(50, NOW, name="by-hand")])
    clock.shift(9 * 86_400)
    first, last = (taken(number, NOW + timedelta(days=number)) for number in (1, 9))
    fill([old, first, last])
    bob_client.force_login(User.objects.get(email="bob@example.com"))
    assert gaps(bob_client.get(PAGE)) == 1


def test_a_range_covers_all_of_its_time(bob_client: Client, fill: Fill, clock: Traveller) -> None:
    fill(rows := daily([0]))
    clock.shift(5 * 86_400)
    by_hand = taken(60, NOW, name="by-hand", interval_type="MANUAL")
    fill([taken(61, NOW + timedelta(days=5), interval_type="DAILY"), by_hand, *rows])
    bob_client.force_login(User.objects.get(email="bob@example.com"))
    assert gaps(bob_client.get(PAGE)) == 0


def test_between_undated_ones_no_gap_is_claimed(bob_client: Client, fill: Fill, clock: Traveller) -> None:
    rows = [taken(number, NOW, name=f"by-hand-{number}") for number in (1, 2)]
    fill(rows)
    clock.shift(3 * 86_400)
    fill(rows)
    # The old session has expired since.
    bob_client.force_login(User.objects.get(email="bob@example.com"))
    page = bob_client.get(PAGE)
    assert [text.split(" · ")[0] for text in timeline(page, "line-title")] == ["before 24 Nov", "before 24 Nov"]


def test_more_than_twenty_end_with_dots(bob_client: Client, fill: Fill) -> None:
    fill(daily(list(range(30))))
    line = timeline(bob_client.get(PAGE), "line-title")
    assert (len(line), line[-1]) == (21, "…")


def test_what_is_left_over(bob_client: Client, fill: Fill) -> None:
    fill([*daily([0, 1]), *daily([5], state="Allocated"), *daily([9], state="BackingUp", interval_type="MANUAL")])
    page = bob_client.get(PAGE)
    assert [text.split(" · ")[0] for text in timeline(page, "left-title")] == ["19 Nov 03:10", "15 Nov 03:10"]
    assert by_id(page, "verdict").text.startswith("✓ Fresh")


def test_what_is_being_made_now_is_not_left_over(bob_client: Client, fill: Fill) -> None:
    fill([*daily([1, 2]), *daily([0], state="Creating")])
    page = bob_client.get(PAGE)
    assert [each for each in tree(page).all("section") if each.attributes.get("aria-labelledby") == "left-title"] == []
    assert "In progress since" in moments(page)


def test_what_happened_to_it_alone(bob_client: Client, fill: Fill, clock: Traveller) -> None:
    fill(daily([1, 2]))
    clock.shift(60)
    failed = taken(1, NOW + timedelta(seconds=30), state="Error")
    fill([*daily([1, 2]), failed, record(70, volume_id=OTHER_VOLUME, state="Error")])
    happened = panel(bob_client.get(PAGE), "changes-title")
    (line,) = happened.one("ol").all("li")
    assert line.text.startswith("24 Nov 12:01 ✕ Failed")
    assert line.one("a").text == failed.name
    assert happened.one(css="small").attributes["href"] == f"/t/acme/changes/?volume_id={VOLUME}&environment={PATH}"


def test_a_target_is_named_with_where_it_comes_from(bob_client: Client, fill: Fill) -> None:
    where = fill([taken(1, NOW - timedelta(days=9), interval_type="MANUAL")])
    assert by_id(bob_client.get(PAGE), "verdict").text.startswith("– No schedule or target")
    Policy.objects.create(team=where.team, target_hours=7 * 24)
    page = bob_client.get(PAGE)
    assert "7 days (team default)" in panel(page, "asked-title").text


def test_what_the_endpoint_tells(bob_client: Client, fill: Fill) -> None:
    where = fill(daily([0]))
    assert facts(bob_client.get(PAGE))["Listed"] == "known only from its snapshots"
    where.volumes_listed_at = NOW
    where.save()
    told = {"size_in_gb": 40, "kind": "OS", "zone_name": "QC-1", "instance_name": "web-07", "state": "Ready"}
    created = {"created": "2026-10-19T14:25:41-0400", "from_endpoint": True, "listed": True}
    Volume.objects.update(**told, **created)
    shown = facts(bob_client.get(PAGE))
    assert (shown["Size"], shown["Type"], shown["Zone"], shown["Instance"]) == ("40 GB", "OS", "QC-1", "web-07")
    assert (shown["Created"], shown["Listed"]) == ("19 Oct 18:25 UTC", "last seen 24 Nov 12:00 UTC")


@pytest.mark.parametrize("kind", ["refused", "not_found"])
def test_without_the_endpoint_it_says_what_cannot_be_known(bob_client: Client, fill: Fill, kind: str) -> None:
    where = fill(daily([0]))
    assert banners(bob_client.get(PAGE)) == []
    Environment.objects.filter(pk=where.pk).update(volumes_fault=kind)
    assert "Whether this volume still exists" in banners(bob_client.get(PAGE))[0]
    Environment.objects.filter(pk=where.pk).update(volumes_fault="unavailable")
    assert banners(bob_client.get(PAGE)) == []


def test_a_sudden_loss_and_an_ended_exclusion_are_said(bob_client: Client, fill: Fill) -> None:
    fill(daily([0]))
    Volume.objects.update(fewer_at=NOW - timedelta(hours=1), excluded_until=NOW - timedelta(days=1))
    loss, returned = banners(bob_client.get(PAGE))
    assert "24 Nov 11:00 UTC" in loss
    assert "exclusion ended 23 Nov" in returned


def test_never_listed_whole(bob_client: Client, fill: Fill) -> None:
    fill(daily([0]), record_count=5)
    page = bob_client.get(PAGE)
    assert by_id(page, "verdict").text.startswith("? No complete list yet")
    assert "not watched on 30 days" in panel(page, "verdict-title").text


# --- who sees it


def test_strangers_and_unknown_ids_find_nothing(bob_client: Client, charlie_client: Client, fill: Fill) -> None:
    fill(daily([0]))
    assert charlie_client.get(PAGE).status_code == 404
    assert charlie_client.get(PAGE.replace("acme", "rival")).status_code == 404
    assert bob_client.get(PAGE.replace(VOLUME, OTHER_VOLUME)).status_code == 404
    assert bob_client.get(PAGE.replace("/prod/", "/other/")).status_code == 404
    assert bob_client.get(PAGE.replace(VOLUME, VOLUME.upper())).status_code == 200


def test_the_same_id_elsewhere_is_another_volume(bob_client: Client, fill: Fill) -> None:
    fill(daily([0]))
    fill(daily([5], volume="elsewhere"), path="compute-qc/prod")
    page = bob_client.get(PAGE.replace(PATH, "compute-qc/prod"))
    assert tree(page).one("h1").text == "elsewhere"
    assert len(timeline(page, "line-title")) == 2


def test_hostile_names_stay_text(bob_client: Client, fill: Fill) -> None:
    hostile = '<script>alert("x")</script>\u202egnp.exe'
    fill([*daily([1], name=hostile), *daily([0], volume=hostile)])
    page = bob_client.get(PAGE)
    assert b'<script>alert("x")' not in page.content
    assert tree(page).one("h1").one("bdi").text.startswith("<script>alert")


def test_a_volume_without_a_name_goes_by_its_id(bob_client: Client, fill: Fill) -> None:
    fill(daily([0], volume=" "))
    assert tree(bob_client.get(PAGE)).one("h1").text == f"{VOLUME[:8]}…"


def test_the_queries_do_not_grow(bob_client: Client, fill: Fill, clock: Traveller) -> None:
    fill(daily([0]))
    bob_client.get(PAGE)
    few = _queries(bob_client)
    clock.shift(60)
    fill([*daily(list(range(25))), *daily(list(range(30, 60)), state="Error")])
    assert _queries(bob_client) == few <= 20


def _queries(client: Client) -> int:
    caches["fragments"].clear()
    with CaptureQueriesContext(connection) as captured:
        client.get(PAGE)
    return len(captured)


# --- marked as deleted


def test_a_member_says_that_it_was_deleted_and_takes_it_back(
    alice_client: Client, bob_client: Client, fill: Fill
) -> None:
    where = fill(daily(list(range(12))))
    generation = Environment.objects.get(pk=where.pk).generation
    assert alice_client.post(DELETED)["Location"] == PAGE
    page = alice_client.get(PAGE)
    assert banners(page)[0].startswith(
        "–Deleted, 12 snapshots left. Marked as deleted by a member at 24 Nov 12:00 UTC."
    )
    assert by_id(page, "verdict").text.startswith("– Deleted 12 snapshots left")
    assert not tree(page).all(id="schedules-title")
    assert Environment.objects.get(pk=where.pk).generation == generation + 1
    assert "It was not deleted" in page.content.decode()
    assert "It was not deleted" not in bob_client.get(PAGE).content.decode()
    alice_client.post(DELETED, {"undo": "1"})
    assert by_id(alice_client.get(PAGE), "verdict").text.startswith("✓ Fresh")
    kinds = AuditEvent.objects.order_by("pk").values_list("kind", "target", "actor_email")
    target, who = "ROOT-35545 · prod · compute-on", "alice@example.com"
    assert list(kinds)[-2:] == [
        (EventKind.VOLUME_DELETED, target, who),
        (EventKind.VOLUME_KEPT, target, who),
    ]


def test_a_viewer_may_not_and_is_not_offered_it(bob_client: Client, charlie_client: Client, fill: Fill) -> None:
    fill(daily([0]))
    assert DELETED not in bob_client.get(PAGE).content.decode()
    assert bob_client.post(DELETED).status_code == 403
    assert charlie_client.post(DELETED).status_code == 404
    assert Volume.objects.get().deleted_at is None


@pytest.mark.parametrize(
    ("told", "fault", "may"),
    [
        ({"listed": True, "from_endpoint": True}, "", False),
        ({"listed": True, "from_endpoint": True}, "unavailable", False),
        ({"listed": True, "from_endpoint": True}, "refused", True),
        ({"listed": True, "from_endpoint": True, "missing_since": NOW}, "", True),
        ({}, "", True),
    ],
)
def test_no_word_goes_against_the_providers_list(
    alice_client: Client, fill: Fill, told: dict[str, object], fault: str, may: bool
) -> None:
    where = fill(daily([0]))
    Volume.objects.update(**told)
    Environment.objects.filter(pk=where.pk).update(volumes_fault=fault)
    assert (DELETED in alice_client.get(PAGE).content.decode()) == may
    alice_client.post(DELETED)
    assert (Volume.objects.get().deleted_at is not None) == may


def test_what_the_provider_does_not_know_cannot_be_taken_back(alice_client: Client, fill: Fill) -> None:
    fill(daily([0]))
    gone = {
        "deleted_at": NOW,
        "missing_since": NOW - timedelta(minutes=30),
        "last_seen_at": NOW - timedelta(minutes=45),
    }
    Volume.objects.update(from_endpoint=True, listed=False, **gone)
    page = alice_client.get(PAGE)
    assert banners(page) == [
        "–Deleted, 1 snapshot left. Last listed at 24 Nov 11:15 UTC; the provider no longer knows its id."
    ]
    alice_client.post(DELETED, {"undo": "1"})
    assert Volume.objects.get().deleted_at == NOW


# --- asking the provider


def a_volume(where: Environment) -> str:
    return f"/t/acme/volumes/{PATH}/{Snapshot.objects.filter(environment=where).exclude(volume_id='')[0].volume_id}/"


def test_the_button_asks_for_this_volume_alone(alice_client: Client, seen: Environment, sim: Simulator) -> None:
    page = a_volume(seen)
    answer = alice_client.post(page, headers=HTMX)
    (asked,) = [request.target for request in sim.requests]
    assert f"volume_id={page.rstrip('/').rpartition('/')[2]}" in asked
    assert by_id(answer, "news").text == "Checked this volume only: nothing changed."
    assert tree(answer).one("h1")
    assert tree(answer).all("input", name="back", value=page)


def test_without_scripts_it_leads_back_and_says_so(bob_client: Client, seen: Environment, sim: Simulator) -> None:
    page = a_volume(seen)
    answer = bob_client.post(page, follow=True)
    assert answer.redirect_chain == [(page, 302)]
    assert "Checked this volume only: nothing changed." in answer.content.decode()
    assert "Checked a moment ago." in bob_client.post(page, follow=True).content.decode()
    assert len(sim.requests) == 1


def test_an_open_page_says_that_something_changed_and_moves_nothing(
    bob_client: Client, seen: Environment, sim: Simulator, clock: Traveller
) -> None:
    page = a_volume(seen)
    since = tree(bob_client.get(page)).one("input", name="since").attributes["value"]
    quiet = bob_client.post(page, {"auto": "1", "since": since}, headers=HTMX)
    assert by_id(quiet, "verdict")
    assert not tree(quiet).all("h1")
    sim.world.add_snapshot(PATH, volume_id=page.rstrip("/").rpartition("/")[2])
    clock.shift(61)
    told = bob_client.post(page, {"auto": "1", "since": since}, headers=HTMX)
    assert by_id(told, "news").text == "This volume has changed. Reload"
    assert not tree(told).all(id="verdict")


def test_who_finds_a_refresh_under_way_is_told_to_ask_again(bob_client: Client, seen: Environment) -> None:
    Environment.objects.update(lease_until=timezone.now() + timedelta(seconds=30))
    answer = bob_client.post(a_volume(seen), headers=HTMX)
    assert answer.status_code == 202
    assert "Refreshing…" in answer.content.decode()


@pytest.mark.parametrize(("kind", "is_closed"), [("refused", True), ("not_found", True), ("unavailable", False)])
def test_the_home_page_says_where_no_volume_can_be_known(
    bob_client: Client, fill: Fill, kind: str, is_closed: bool
) -> None:
    where = fill(daily([0]))
    said = "volumes without snapshots can’t be seen in prod · compute-on"
    assert said not in bob_client.get("/t/acme/volumes/").content.decode()
    Environment.objects.filter(pk=where.pk).update(volumes_fault=kind)
    assert (said in bob_client.get("/t/acme/volumes/").content.decode()) == is_closed
