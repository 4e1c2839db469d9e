"""Refreshing from a page: who makes a call and when, and what the answer moves. Against a provider on real sockets."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from dashboard.teams.models import ApiKey, Membership, Role
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.views.common import refreshing
from tests.views.snapshots.asking import HERE, REFRESH, auto, has_table, news, press
from tests.views.snapshots.conftest import HTMX, LIST, OTHER_PATH, PATH, claimed, refuse
from tests.views.snapshots.reading import banners, by_id, freshness, links, numbers, rows, tree

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("environment", "sim")]


def form_of(client: Client, address: str = LIST) -> dict[str, str]:
    """The hidden fields of a page's refresh form."""
    return {
        each.attributes["name"]: each.attributes["value"]
        for each in by_id(client.get(address), "refresh-follow").all("input")
    }


def is_due(client: Client, address: str = LIST) -> bool:
    return bool(by_id(client.get(address), "refresh-follow").all("span", **{"data-due": "1"}))


def test_a_page_asks_by_itself_only_when_its_data_is_old(
    alice_client: Client, sim: Simulator, clock: time_machine.Traveller
) -> None:
    assert is_due(alice_client)
    auto(alice_client)
    assert (sim.calls("/snapshots"), is_due(alice_client)) == (1, False)
    clock.shift(59)
    assert not is_due(alice_client)
    auto(alice_client)
    assert sim.calls() == 1
    clock.shift(1)
    assert is_due(alice_client)
    auto(alice_client)
    assert sim.calls() == 2


def test_one_call_an_environment_and_all_of_the_page(alice_client: Client, sim: Simulator, other: Environment) -> None:
    auto(alice_client)
    assert sorted(call.target for call in sim.requests) == [
        "/v1/services/compute-on/prod/snapshots",
        "/v1/services/compute-qc/prod/snapshots",
    ]


def test_only_the_environments_of_the_page(alice_client: Client, sim: Simulator, other: Environment) -> None:
    seen = f"{LIST}?environment={OTHER_PATH}"
    auto(alice_client, f"?environment={OTHER_PATH}", seen=seen)
    assert [call.target for call in sim.requests] == ["/v1/services/compute-qc/prod/snapshots"]


@pytest.mark.usefixtures("seen")
def test_the_button_swaps_the_table_and_says_what_it_found(alice_client: Client, sim: Simulator) -> None:
    added = str(sim.world.add_snapshot(PATH, name="brand new")["id"])
    answer = press(alice_client)
    assert news(answer) == "Checked: 1 new."
    assert has_table(answer)
    assert len(rows(answer)) == 25
    assert added.encode() in answer.content
    assert freshness(answer)[0] == "ok"
    assert by_id(answer, "count").text == "25 snapshots"


@pytest.mark.usefixtures("seen")
def test_nothing_changed(alice_client: Client) -> None:
    assert news(press(alice_client)) == "Checked: nothing changed."


@pytest.mark.usefixtures("seen")
def test_what_changed_and_what_went_is_told_apart(
    alice_client: Client, sim: Simulator, clock: time_machine.Traveller
) -> None:
    ids = [str(row["id"]) for row in sim.world.snapshots(PATH)]
    sim.world.set_state(PATH, ids[0], "Destroying")
    sim.world.set_state(PATH, ids[1], "Destroying")
    sim.world.remove_snapshot(PATH, ids[2])
    assert news(press(alice_client)) == "Checked: 2 changed, 1 no longer listed."


@pytest.mark.usefixtures("seen")
def test_an_automatic_refresh_moves_nothing(
    alice_client: Client, sim: Simulator, clock: time_machine.Traveller
) -> None:
    fields = form_of(alice_client)
    clock.shift(1)
    for _ in range(3):
        sim.world.add_snapshot(PATH)
    answer = auto(alice_client, **fields)
    assert not has_table(answer)
    assert news(answer) == "List has changed (3). Reload"
    assert links(answer)["Reload"] == LIST
    assert len(numbers(alice_client.get(links(answer)["Reload"]))) == 27
    told = tree(alice_client.get(links(answer)["List has changed (3)."]))
    assert len(told.all("li", css="change")) == 3


@pytest.mark.usefixtures("seen")
def test_what_somebody_else_fetched_is_announced_too(alice_client: Client, bob_client: Client, sim: Simulator) -> None:
    fields = form_of(bob_client)
    sim.world.add_snapshot(PATH)
    press(alice_client)
    sim.clear()
    assert news(auto(bob_client, **fields)) == "List has changed (1). Reload"
    assert sim.calls() == 0


@pytest.mark.usefixtures("seen")
def test_an_automatic_refresh_without_a_change_is_silent(alice_client: Client) -> None:
    answer = auto(alice_client, **form_of(alice_client))
    assert (news(answer), has_table(answer)) == ("", False)
    assert freshness(answer) == ("ok", "✓ prod · compute-on checked just now")


@pytest.mark.few(3)
@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize(
    "since",
    [
        *("", "yesterday", "2026-11-24T12:00:00", "9" * 5000, "2026-11-24T12:00:00+99:00"),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z"),
    ],
)
def test_a_form_that_says_nonsense_is_no_fault(alice_client: Client, sim: Simulator, since: str) -> None:
    sim.world.add_snapshot(PATH)
    answer = auto(alice_client, since=since, generation="x\0", first="2", again="no")
    assert answer.status_code == 200
    assert news(answer) == "List has changed (1). Reload"


def test_the_first_fetch_fills_the_page(alice_client: Client) -> None:
    answer = auto(alice_client, **form_of(alice_client))
    assert has_table(answer)
    assert len(rows(answer)) == 24
    assert by_id(answer, "count").text == "24 snapshots"


def test_a_first_fetch_that_failed_leaves_the_page(alice_client: Client, sim: Simulator) -> None:
    sim.fault(status=503)
    answer = auto(alice_client, **form_of(alice_client))
    assert not has_table(answer)
    assert freshness(answer) == ("bad", "✕ Nothing could be fetched yet")
    assert "has not answered since 12:00 UTC (error 503)." in banners(answer)[0]


@pytest.mark.usefixtures("seen")
def test_the_address_that_the_person_sees_decides(alice_client: Client) -> None:
    answer = press(alice_client, "?state=Error&sort=name", seen=f"{LIST}?interval_type=MANUAL")
    types = {row.one(css="col-type").text for row in rows(answer)}
    assert types == {"Manual"}
    assert by_id(answer, "refresh-follow").all("span")[0].attributes["data-url"] == f"{REFRESH}?interval_type=MANUAL"


@pytest.mark.few(2)
@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize(
    "seen_url",
    ["", "http://evil.example/t/acme/snapshots/?q=x", f"{HERE}/t/rival/snapshots/?q=x", f"{HERE}/?q=x", "::"],
)
def test_an_address_that_is_not_this_list_does_not(alice_client: Client, seen_url: str) -> None:
    answer = alice_client.post(f"{REFRESH}?interval_type=MANUAL", headers=HTMX | {"HX-Current-URL": seen_url})
    assert answer.status_code == 200
    assert {row.one(css="col-type").text for row in rows(answer)} == {"Manual"}


@pytest.mark.usefixtures("seen")
def test_a_fault_is_told_and_the_rows_stay(alice_client: Client, sim: Simulator) -> None:
    sim.fault(status=503)
    answer = press(alice_client)
    assert news(answer) == "prod · compute-on could not be refreshed."
    assert len(rows(answer)) == 24
    assert "Showing data from 12:00 UTC, 1 min ago. Nothing has been removed." in banners(answer)[0]


def test_several_faults_are_counted(alice_client: Client, sim: Simulator, other: Environment) -> None:
    sim.fault(html=True)
    assert news(press(alice_client)) == "2 environments could not be refreshed."


@pytest.mark.usefixtures("seen")
def test_the_button_passes_over_our_own_back_off(
    alice_client: Client, sim: Simulator, clock: time_machine.Traveller
) -> None:
    sim.fault(status=503, times=1)
    press(alice_client)
    clock.shift(11)
    assert not is_due(alice_client)
    auto(alice_client)
    assert sim.calls() == 1
    assert news(press(alice_client)) == "Checked: nothing changed."
    assert sim.calls() == 2


@pytest.mark.usefixtures("seen")
def test_the_button_obeys_retry_after(alice_client: Client, sim: Simulator, clock: time_machine.Traveller) -> None:
    sim.fault(status=429, headers={"Retry-After": "120"}, times=1)
    press(alice_client)
    clock.shift(60)
    assert news(press(alice_client)) == "The provider asked us to wait until 12:03 UTC."
    assert sim.calls() == 1
    clock.shift(61)
    press(alice_client)
    assert sim.calls() == 2


@pytest.mark.usefixtures("seen")
def test_the_button_obeys_the_gap(alice_client: Client, sim: Simulator, clock: time_machine.Traveller) -> None:
    press(alice_client)
    clock.shift(4)
    assert news(press(alice_client)) == "Checked a moment ago; the next check is possible in 6 s."
    assert sim.calls() == 1
    clock.shift(6)
    press(alice_client)
    assert sim.calls() == 2


def test_a_refused_key_is_tried_again_by_an_admin_alone(
    alice_client: Client, bob_client: Client, sim: Simulator, environment: Environment, clock: time_machine.Traveller
) -> None:
    refuse(environment)
    clock.shift(61)
    for role in (Role.VIEWER, Role.MEMBER):
        Membership.objects.filter(user__email="bob@example.com").update(role=role)
        assert news(press(bob_client)) == "The provider rejects the key; an admin can try again."
    assert sim.calls() == 0
    assert news(press(alice_client)) == "Checked: 24 new."


@pytest.mark.both_databases
@pytest.mark.usefixtures("seen")
def test_who_finds_the_lease_held_is_told_to_ask_again(
    alice_client: Client, sim: Simulator, environment: Environment, clock: time_machine.Traveller
) -> None:
    claimed(environment)
    for answer in (press(alice_client), auto(alice_client), auto(alice_client, again="1")):
        assert answer.status_code == 202
        assert freshness(answer)[1].endswith("Refreshing…")
        assert not has_table(answer)
    assert sim.calls() == 0
    clock.shift(timedelta(seconds=46))
    assert press(alice_client).status_code == 200


@pytest.mark.usefixtures("seen")
def test_the_button_asked_again_gets_its_table(alice_client: Client, sim: Simulator) -> None:
    answer = auto(alice_client, again="1")
    assert has_table(answer)
    assert news(answer) == "Checked: nothing changed."


@pytest.mark.both_databases
@pytest.mark.usefixtures("seen")
def test_at_most_two_at_once_in_a_process(alice_client: Client, sim: Simulator) -> None:
    with refreshing.slot():
        assert press(alice_client).status_code == 200
        with refreshing.slot():
            answer = auto(alice_client)
            assert answer.status_code == 202
    assert sim.calls() == 1


@pytest.mark.both_databases
@pytest.mark.usefixtures("seen")
def test_a_place_is_given_back_after_every_end(
    alice_client: Client, sim: Simulator, clock: time_machine.Traveller
) -> None:
    for fault in ({"status": 503}, {"reset": True}, {"html": True}, {"truncated": True}, {"status": 302}):
        sim.fault(**fault, times=1)
        clock.shift(timedelta(minutes=1))
        assert press(alice_client).status_code == 200
    assert refreshing.SLOTS.taken().total() == 0


def test_without_a_key_nothing_is_asked(alice_client: Client, sim: Simulator) -> None:
    ApiKey.objects.all().delete()
    assert news(press(alice_client)) == "The provider can’t be asked right now. Try again in a moment."
    assert sim.calls() == 0
