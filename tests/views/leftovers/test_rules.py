"""Which snapshots are leftovers, and why: each reason needs proof."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.models import Environment, Snapshot
from tests.views.leftovers.conftest import (
    about,
    ask,
    cards,
    change,
    disk,
    facts,
    left_out,
    matrix,
    only_usable,
    shown,
    stored,
)
from tests.views.snapshots.conftest import NOW, OTHER_PATH, Fill, fail

pytestmark = pytest.mark.django_db
SEVERAL = "?reason=deleted&reason=old&reason=surplus&reason=outside"


@pytest.mark.both_databases
def test_the_four_reasons_are_never_mixed(alice_client: Client, told: Environment) -> None:
    page = ask(alice_client)
    found = shown(page)
    assert list(found) == ["archive", "legacy-share", "mail-spool", "data"]
    assert found["archive"] == ["334 d: Old"]
    assert found["legacy-share"] == ["275 d: Volume deleted, Old, Outside any schedule", "274 d: Volume deleted, Old"]
    # 36 usable ones, of which the newest 30 are needed.
    assert found["mail-spool"] == [f"{age} d: More than needed" for age in range(94, 88, -1)]
    assert found["data"] == ["82 d: Outside any schedule"]
    assert cards(page) == {"Volume deleted": 2, "Old": 3, "More than needed": 6, "Outside any schedule": 2}
    assert about(page) == "10 of 48 snapshots may not be needed"


@pytest.mark.both_databases
def test_the_matrix_counts_each_reason_by_age(alice_client: Client, told: Environment) -> None:
    assert matrix(ask(alice_client)) == {
        "Volume deleted": [0, 0, 2, 0, 2],
        "Old": [0, 0, 3, 0, 3],
        "More than needed": [1, 5, 0, 0, 6],
        "Outside any schedule": [1, 0, 1, 0, 2],
    }


def test_both_choices_are_in_the_address(alice_client: Client, told: Environment) -> None:
    assert shown(ask(alice_client, "?days=300&reason=old")) == {"archive": ["334 d: Old"]}
    assert cards(ask(alice_client, "?keep=35"))["More than needed"] == 1
    assert cards(ask(alice_client, "?keep=36"))["More than needed"] == 0
    assert cards(ask(alice_client, "?keep=1"))["More than needed"] == 38


def test_younger_than_thirty_days_is_never_left_over(alice_client: Client, fill: Fill) -> None:
    fill([*disk("many", *range(29)), *disk("many", 29.9, kind="MANUAL"), *disk("many", 30.1, kind="MANUAL")])
    change("many", deleted_at=NOW)
    assert shown(ask(alice_client, "?keep=1&days=30")) == {
        "many": ["30 d: Volume deleted, Old, More than needed, Outside any schedule"]
    }


def test_only_usable_ones_are_needed(alice_client: Client, fill: Fill) -> None:
    """A failed one takes no place among the newest."""
    fill([*disk("db", 40, 41, state="Error"), *disk("db", 42, 43)])
    assert shown(ask(alice_client, "?keep=1")) == {"db": ["43 d: More than needed"]}
    assert shown(ask(alice_client, "?keep=2")) == {}


@pytest.mark.both_databases
def test_a_range_counts_by_its_younger_end(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    """Taken between two syncs it is not called old; nor is what may be younger called more than needed."""
    first = disk("db", 210)
    clock.move_to(NOW - timedelta(days=200))
    fill(first)
    clock.move_to(NOW - timedelta(days=170))
    both = [*first, *disk("db", 185), *disk("db", 170, name="by hand")]
    fill(both)
    clock.move_to(NOW)
    fill(both)
    vague = Snapshot.objects.get(name="by hand")
    assert (vague.taken_after, vague.taken_before) == (NOW - timedelta(days=200), NOW - timedelta(days=170))
    assert shown(ask(alice_client, "?reason=old"))["db"] == ["210 d: Old", "185 d: Old"]
    assert "170 d or more: Old" in shown(ask(alice_client, "?reason=old&days=169"))["db"]
    assert shown(ask(alice_client, "?reason=surplus&keep=1"))["db"] == ["210 d: Old, More than needed"]


def test_what_was_there_at_the_first_sync_is_at_least_that_old(
    alice_client: Client, fill: Fill, clock: time_machine.Traveller
) -> None:
    clock.move_to(NOW - timedelta(days=190))
    undated = disk("db", 0, name="by hand")
    fill(undated)
    clock.move_to(NOW)
    fill(undated)
    assert shown(ask(alice_client)) == {"db": ["190 d or more: Old"]}
    assert shown(ask(alice_client, "?days=191")) == {}


def test_an_unknown_type_is_not_outside_of_schedules(alice_client: Client, fill: Fill) -> None:
    fill(
        [
            *disk("db", 1),
            *disk("db", 40, kind="FORTNIGHTLY"),
            *disk("db", 41, kind="TEMPLATE"),
            *disk("lone", 42, kind="MANUAL"),
        ]
    )
    assert shown(ask(alice_client)) == {"db": ["41 d: Outside any schedule"]}


def test_what_the_provider_lists_no_longer_is_no_leftover(
    alice_client: Client, fill: Fill, clock: time_machine.Traveller
) -> None:
    """Already when one list lacks it, and neither is it usable."""
    rows = disk("db", 200, 210, 220)
    fill(rows)
    clock.shift(60)
    fill(rows[:2])
    assert stored(220).listed
    assert shown(ask(alice_client))["db"] == ["210 d: Old", "200 d: Old"]
    clock.shift(60)
    fill(rows[:1])
    assert shown(ask(alice_client)) == {"db": ["200 d: Old"]}
    assert only_usable(ask(alice_client)) == ["200 d"]


@pytest.mark.both_databases(proof=True)
def test_the_only_usable_one_is_marked_under_every_filter(alice_client: Client, fill: Fill) -> None:
    """What the filters find is not what there is: a younger one, or one without a reason, counts too."""
    fill(
        [
            *disk("lone", 400, kind="MANUAL"),
            *disk("lone", 390, state="Error"),
            *disk("pair", 300),
            *disk("pair", 2),
            *disk("two", 250, 260),
        ]
    )
    for query in (
        "",
        "?reason=old",
        "?aged=365",
        "?aged=365&reason=old",
        "?q=lone",
        "?days=30&keep=1",
        "?sort=age",
        SEVERAL,
    ):
        page = ask(alice_client, query)
        assert only_usable(page) == ["400 d"], query
        assert facts(page)["lone"].startswith("1 usable")
    assert only_usable(ask(alice_client, f"?snapshot={stored(400).snapshot_id}")) == ["400 d"]
    assert only_usable(ask(alice_client, "?q=pair")) == only_usable(ask(alice_client, "?aged=180&q=two")) == []
    assert shown(ask(alice_client, "?aged=180&q=pair")) == {"pair": ["300 d: Old"]}


def test_the_head_says_what_would_remain(alice_client: Client, told: Environment) -> None:
    found = facts(ask(alice_client))
    assert found["mail-spool"] == "36 usable, 30 without these; newest 24 h old".replace("24 h", "1 d")
    assert found["legacy-share"] == "! none usable without these · 2 usable; newest 274 d old"
    assert found["archive"] == "1 usable; newest 334 d old"
    assert facts(ask(alice_client, "?reason=outside"))["legacy-share"] == "2 usable, 1 without these; newest 274 d old"


def test_without_a_volume_there_is_nothing_to_remain(alice_client: Client, fill: Fill) -> None:
    fill(disk("", 200, 210, volume_id=""))
    page = ask(alice_client, "?keep=1")
    assert shown(page) == {"No volume": ["210 d: Old", "200 d: Old"]}
    assert (facts(page), only_usable(page)) == ({"No volume": ""}, [])


def test_from_an_incomplete_list_nothing_is_called_left_over(
    alice_client: Client, told: Environment, fill: Fill, clock: time_machine.Traveller
) -> None:
    clock.shift(60)
    fill(disk("archive", 334), record_count=500)
    page = ask(alice_client)
    assert (shown(page), cards(page)["Volume deleted"]) == ({}, 0)
    assert left_out(page) == ["prod · compute-on is left out: its last complete and trusted list is from 12:00 UTC."]


def test_from_a_doubted_list_nothing_is_called_left_over(
    alice_client: Client, told: Environment, fill: Fill, clock: time_machine.Traveller
) -> None:
    """It suddenly lacks most rows, so that one would seem to be the only usable one."""
    clock.shift(60)
    fill(disk("archive", 334))
    assert Environment.objects.get().suspect_since
    page = ask(alice_client)
    assert (shown(page), left_out(page) != []) == ({}, True)


@pytest.mark.parametrize("values", [{"capped_rows": 47}, {"volumes_suspect_since": NOW}, {"believed_at": None}])
def test_a_list_that_proves_nothing_is_left_out(
    alice_client: Client, told: Environment, values: dict[str, object]
) -> None:
    Environment.objects.update(**values)
    page = ask(alice_client)
    assert (shown(page), sum(cards(page).values()), len(left_out(page))) == ({}, 0, 1)


def test_an_old_list_is_left_out_and_the_others_stay(
    alice_client: Client, told: Environment, fill: Fill, clock: time_machine.Traveller
) -> None:
    others = disk("elsewhere", 200)
    fill(others, path=OTHER_PATH)
    fail(told)
    clock.shift(timedelta(minutes=59))
    assert left_out(ask(alice_client)) == []
    clock.shift(timedelta(minutes=2))
    fill(others, path=OTHER_PATH)
    page = ask(alice_client)
    assert list(shown(page)) == ["elsewhere"]
    assert left_out(page) == ["prod · compute-on is left out: its last complete and trusted list is from 12:00 UTC."]
    only_old = ask(alice_client, "?environment=compute-on/prod")
    assert b"empty-left_out" in only_old.content


def test_nothing_of_another_team_is_counted(
    alice_client: Client, rival: Team, told: Environment, fill: Fill, charlie_client: Client
) -> None:
    """Not even with the same volumes and snapshots."""
    before = ask(alice_client, "?keep=1")
    ApiKey.replace(rival, Secret("a-key-of-rival"))
    fill([*disk("archive", 334, 1), *disk("RIVALS-own", 400)], of=rival)
    after = ask(alice_client, "?keep=1")
    assert (shown(after), cards(after), facts(after)) == (shown(before), cards(before), facts(before))
    assert only_usable(after) == only_usable(before)
    theirs = charlie_client.get("/t/rival/leftovers/")
    assert list(shown(theirs)) == ["RIVALS-own", "archive"]
    assert charlie_client.get("/t/acme/leftovers/").status_code == 404
