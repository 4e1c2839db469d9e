"""The team's home: which volumes have no recent usable snapshot, problems first, and numbers that add up."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import ApiKey, Membership, Role, Team, User
from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Policy, Volume
from snapshots.rules.verdict import Verdict
from snapshots.verdicts.sql import FOR_EVER
from tests.verdicts.current import values_at
from tests.views.snapshots.conftest import HTMX, OTHER_PATH, Fill, fail
from tests.views.snapshots.reading import banners, count, empty, freshness, links, tree
from tests.views.volumes.home.steps import (
    HOME,
    HOSTILE,
    PLAIN,
    asides,
    badges,
    cell,
    disk,
    home,
    names,
    rows,
    stands,
    stories,
    tile_links,
    tiles,
)

pytestmark = pytest.mark.django_db
ORDER = ["none", "late", "mixed", "stuck", "failing", "undated", "running", "fresh"]


@pytest.mark.both_databases
def test_problems_come_first_then_the_oldest(alice_client: Client, told: Environment) -> None:
    assert names(home(alice_client)) == ORDER


def test_the_home_and_the_plain_address_show_the_same(alice_client: Client, told: Environment) -> None:
    plain, start = home(alice_client), alice_client.get(HOME)
    assert names(start) == ORDER
    assert tree(start).one(id="results").text == tree(plain).one(id="results").text
    assert tree(start).one("h1").text == "Volumes"


def test_each_row_says_what_is_known(alice_client: Client, told: Environment) -> None:
    page = home(alice_client)
    assert badges(page)["mixed"] == "! Daily late by 1 d"
    assert cell(page, "mixed", "status").endswith("Hourly OK")
    assert cell(page, "late", "newest") == "3 d ago21 Nov 12:00 UTC"
    assert cell(page, "undated", "newest") == "before 24 Novtime not known"
    assert cell(page, "none", "newest") == "none"
    assert (cell(page, "mixed", "promise"), cell(page, "undated", "promise")) == (
        "Hourly, DailyTarget 7 d",
        "Target 7 d",
    )
    assert (cell(page, "fresh", "usable"), cell(page, "none", "usable")) == ("2 usable", "0 usable")


def test_each_row_leads_to_its_volume(alice_client: Client, told: Environment) -> None:
    found = links(home(alice_client))
    assert found["late"] == f"{PLAIN}compute-on/prod/{stands('late').volume.volume_id}/"


def test_each_row_tells_why(alice_client: Client, told: Environment) -> None:
    (row,) = [row for row in rows(home(alice_client)) if "Daily late by 2 d" in row.text]
    assert "22 Nov 12:00, deadline 18:00." in row.one("details").one("p").text


@pytest.mark.both_databases
def test_the_tiles_add_up(alice_client: Client, told: Environment) -> None:
    page = home(alice_client)
    assert tiles(page) == {"No usable snapshot": 1, "Late, stuck or failing": 4, "Unknown": 1, "Fresh": 2}
    assert asides(page) == "8 checked"
    assert count(page) == "8 volumes"
    assert "1 undated or unconfirmed" in tree(page).one(id="summary").text
    assert "1 running" in tree(page).one(id="summary").text
    assert [tile.attributes["aria-label"] for tile in tree(page).all("a", css="tile")] == [
        "1 volume with no usable snapshot: 1 never had one",
        "4 volumes late, stuck or failing: oldest: 3 d",
        "1 volume unknown: 1 undated or unconfirmed",
        "2 volumes fresh: 1 running",
    ]
    Volume.objects.filter(name="none").delete()
    Environment.objects.update(generation=99)
    zero = tree(home(alice_client)).all("a", css="tile")[0]
    assert (zero.attributes["class"], zero.one("strong").text) == ("tile zero", "0")


def test_a_tile_shows_what_it_counts_and_leads_back(alice_client: Client, told: Environment) -> None:
    for url, number in tile_links(home(alice_client)):
        page = alice_client.get(url)
        assert len(rows(page)) == number
        (current,) = [tile for tile in tree(page).all(css="tile") if "aria-current" in tile.attributes]
        assert current.attributes["href"] == PLAIN


def test_what_is_excluded_is_counted_and_found(alice_client: Client, told: Environment) -> None:
    Volume.objects.filter(name__in=["late", "fresh"]).update(excluded_until=FOR_EVER, exclusion_reason="lab")
    Volume.objects.filter(name="stuck").update(deleted_at=timezone.now())
    page = home(alice_client)
    assert asides(page) == "5 checked · 2 excluded · 1 deleted with snapshots left · Leftovers"
    assert sum(tiles(page).values()) == 5
    assert {"late", "fresh", "stuck"}.isdisjoint(names(page))
    assert names(alice_client.get(links(page)["2 excluded"])) == ["late", "fresh"]
    assert badges(alice_client.get(links(page)["1 deleted with snapshots left"])) == {"stuck": "– Deleted"}
    assert links(page)["Leftovers"] == "/t/acme/leftovers/?reason=deleted"
    assert names(home(alice_client, "?q=stuck")) == ["stuck"]
    assert names(home(alice_client, "?q=web-")) == ["running", "late", "fresh"]


def test_a_deleted_volume_with_nothing_left_is_left_out(alice_client: Client, told: Environment) -> None:
    Volume.objects.filter(name="stuck").update(deleted_at=timezone.now(), snapshot_count=0)
    assert "deleted" not in asides(home(alice_client))
    assert names(home(alice_client, "?q=stuck")) == []


@pytest.mark.both_databases
def test_the_database_says_what_the_function_says(told: Environment, clock: time_machine.Traveller) -> None:
    """The rows are worded by the pure function, counted and filtered by SQL."""
    for hours in (0, 1, 3, 5, 7, 20, 23.9, 24.1):
        clock.move_to(timezone.now().replace(hour=12, minute=0, second=0, day=24) + timedelta(hours=hours))
        said = {name: Verdict(value) for name, value in values_at(timezone.now(), [told], "name", "verdict")}
        assert said == {name: stands(name).verdict for name in ORDER}


@pytest.mark.both_databases
def test_verdicts_follow_the_clock_without_a_sync(
    alice_client: Client, told: Environment, clock: time_machine.Traveller
) -> None:
    assert badges(home(alice_client))["late"] == "! Daily late by 2 d"
    clock.shift(timedelta(hours=6, minutes=1))
    page = home(alice_client)
    assert badges(page)["late"] == "? Was late at 12:00"
    assert names(page)[:5] == ORDER[:5]
    assert "on stale data" in tree(page).one(id="summary").text
    assert tiles(page)["No usable snapshot"] == tiles(page)["Late, stuck or failing"] == 0


def test_old_data_is_said_on_the_row(alice_client: Client, told: Environment, clock: time_machine.Traveller) -> None:
    clock.shift(timedelta(minutes=20))
    fail(told)
    page = home(alice_client)
    assert cell(page, "late", "newest").endswith("as of 12:00")
    assert freshness(page)[0] == "warn"
    assert "has not answered since 12:20 UTC (error 503)" in banners(page)[0]


def test_fewer_usable_ones_are_marked_for_a_week(alice_client: Client, told: Environment) -> None:
    Volume.objects.filter(name="fresh").update(fewer_at=timezone.now() - timedelta(days=6))
    Volume.objects.filter(name="late").update(fewer_at=timezone.now() - timedelta(days=8))
    page = home(alice_client)
    assert cell(page, "fresh", "newest").endswith("many fewer usable since 18 Nov 12:00")
    assert "fewer" not in cell(page, "late", "newest")


def test_an_exclusion_that_ended_is_said(alice_client: Client, told: Environment) -> None:
    Volume.objects.filter(name="fresh").update(excluded_until=timezone.now() - timedelta(days=1))
    assert cell(home(alice_client), "fresh", "newest").endswith("exclusion ended 23 Nov")


def test_an_instance_is_the_endpoints_or_a_guess(alice_client: Client, told: Environment) -> None:
    Volume.objects.filter(name="late").update(instance_name="renamed-01", from_endpoint=True)
    Volume.objects.filter(name="none").update(from_endpoint=True)
    page = home(alice_client)
    assert cell(page, "late", "name") == "laterenamed-01 · prod · compute-on"
    assert cell(page, "fresh", "name") == "freshweb-02? · prod · compute-on"
    assert cell(page, "none", "name") == "noneno instance · prod · compute-on"
    assert cell(page, "undated", "name") == "undatedinstance not known · prod · compute-on"


def test_a_detached_volume_has_no_instance(alice_client: Client, week: Policy, fill: Fill) -> None:
    fill(disk("loose", 1, host="detached"))
    assert cell(home(alice_client), "loose", "name") == "looseinstance not known · prod · compute-on"


def test_hostile_names_are_only_text(alice_client: Client, week: Policy, fill: Fill) -> None:
    fill(disk(HOSTILE, 1, host=HOSTILE))
    Volume.objects.update(instance_name=HOSTILE, exclusion_reason=HOSTILE)
    for query in ("", "?group=instance", "?q=script"):
        page = home(alice_client, query)
        assert names(page) == [HOSTILE]
        assert b"<script>alert" not in page.content
        assert b"{{" in page.content
    Volume.objects.update(excluded_until=FOR_EVER)
    assert HOSTILE in cell(home(alice_client, "?status=excluded"), HOSTILE, "status")


def test_a_viewer_has_no_boxes_and_a_member_has(alice_client: Client, bob_client: Client, told: Environment) -> None:
    page = home(alice_client)
    boxes = [box for box in tree(page).all("input", name="volume") if box.attributes["form"] == "acts"]
    assert {box.attributes["value"] for box in boxes} == {str(pk) for pk in Volume.objects.values_list("pk", flat=True)}
    assert tree(page).all("form", id="acts")
    assert not tree(home(bob_client)).all("input", name="volume")
    assert not tree(home(bob_client)).all("form", id="acts")


def test_a_stranger_sees_nothing(
    charlie_client: Client, told: Environment, in_rival: Sequence[SnapshotRecord], team: Team
) -> None:
    Volume.objects.filter(team=team).update(name="FOREIGN")
    for url in (HOME, PLAIN, f"{PLAIN}?q=FOREIGN"):
        answer = charlie_client.get(url)
        assert answer.status_code == 404
        assert b">FOREIGN" not in answer.content
    own = charlie_client.get("/t/rival/volumes/?q=FOREIGN")
    assert (own.status_code, count(own)) == (200, "0 of 8 volumes")
    assert b">FOREIGN" not in own.content


def test_the_tab_is_first_and_current(alice_client: Client, told: Environment) -> None:
    for url in (HOME, PLAIN):
        pages = tree(alice_client.get(url)).one("nav", css="pages").all("a")
        assert [page.text for page in pages][:3] == ["Volumes", "Alerts", "Snapshots"]
        assert [page.text for page in pages if "aria-current" in page.attributes] == ["Volumes"]
    listed = tree(alice_client.get(f"{HOME}snapshots/")).one("nav", css="pages").all("a")
    assert [page.text for page in listed if "aria-current" in page.attributes] == ["Snapshots"]


def test_no_key(alice_client: Client, bob_client: Client, team: Team) -> None:
    assert empty(home(alice_client)).startswith("no_key This team has no API key yet")
    assert "Ask alice@example.com (admin)." in empty(home(bob_client))


def test_no_environment(alice_client: Client, key: ApiKey) -> None:
    assert empty(home(alice_client)).startswith("no_environment This team has no environment yet")
    assert empty(home(alice_client, **HTMX)).startswith("no_environment")


def test_first_fetch_under_way(alice_client: Client, environment: Environment) -> None:
    page = home(alice_client)
    assert empty(page).startswith("first_fetch First fetch in progress 0 of 1 environments fetched.")
    assert freshness(page)[0] == "busy"


def test_no_volume(alice_client: Client, fill: Fill) -> None:
    fill([])
    assert empty(home(alice_client)).startswith("no_snapshot No volume yet The provider lists no volumes here")


def test_nothing_matches(alice_client: Client, told: Environment) -> None:
    page = home(alice_client, "?q=zzz")
    assert empty(page) == "no_match Nothing matches Without the filters there are 8 volumes. Clear all filters"
    assert links(page)["Clear all filters"] == PLAIN
    assert count(page) == "0 of 8 volumes"


def test_two_environments_are_named(alice_client: Client, told: Environment, fill: Fill) -> None:
    fill(disk("elsewhere", 1), path=OTHER_PATH)
    page = home(alice_client)
    assert cell(page, "elsewhere", "name").endswith("prod · compute-qc")
    assert asides(page) == "9 checked"


def test_the_team_is_remembered(alice_client: Client, alice: User, rival: Team, told: Environment) -> None:
    Membership.objects.create(user=alice, team=rival, role=Role.VIEWER)
    home(alice_client)
    assert alice_client.get("/")["Location"] == HOME


def test_removed_environments_are_not_counted(alice_client: Client, told: Environment, fill: Fill) -> None:
    fill(stories(), path=OTHER_PATH)
    Environment.objects.filter(service_code="compute-qc").update(removed_at=timezone.now())
    assert asides(home(alice_client)) == "8 checked"
