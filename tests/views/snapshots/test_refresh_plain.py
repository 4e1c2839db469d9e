"""A refresh without scripts, and one of a page that is about a single volume."""

import pytest
import time_machine
from django.test import Client

from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.views.common import refreshing
from tests.loops import in_turn
from tests.views.snapshots.asking import HERE, REFRESH, auto, has_table, news, press
from tests.views.snapshots.conftest import HTMX, LIST, OTHER_PATH, PATH, claimed
from tests.views.snapshots.reading import count, numbers, rows, tree

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("environment", "sim")]


@pytest.fixture
def volume(sim: Simulator) -> str:
    """A volume with more than one snapshot."""
    volumes = [str(row["volumeId"]) for row in sim.world.snapshots(PATH) if row.get("volumeId")]
    return max(volumes, key=volumes.count)


def said(client: Client, address: str = LIST) -> str:
    return tree(client.get(address)).one("ul", css="messages").text


def test_without_scripts_it_leads_back_to_the_same_view(alice_client: Client) -> None:
    answer = alice_client.post(f"{REFRESH}?state=BackedUp&sort=name&page_size=25")
    assert answer.status_code == 302
    assert answer["Location"] == f"{LIST}?state=BackedUp&sort=name&page_size=25"
    assert said(alice_client, answer["Location"]) == "Checked: 24 new."


@in_turn(
    "target",
    [
        "http://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "https:evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.example",
        " //evil.example",
        "http:///evil.example",
        "/%0d%0aSet-Cookie:x\r\nX: y",
        "",
    ],
)
def test_it_never_leads_off_this_site(alice_client: Client, target: str) -> None:
    answer = alice_client.post(REFRESH, {"next": target})
    assert answer.status_code == 302
    location = answer["Location"]
    assert location == LIST or (location.startswith("/%0d%0a") and "\r" not in location and "X" not in answer.headers)


def test_it_leads_to_an_own_address_that_the_form_names(alice_client: Client) -> None:
    assert alice_client.post(REFRESH, {"next": "/t/acme/snapshots/?q=x"})["Location"] == "/t/acme/snapshots/?q=x"


def test_without_scripts_a_held_lease_is_said(alice_client: Client, environment: Environment, sim: Simulator) -> None:
    claimed(environment)
    assert alice_client.post(REFRESH).status_code == 302
    assert said(alice_client) == "A refresh is already running. Reload in a moment."
    assert sim.calls() == 0


def test_without_scripts_a_full_process_says_so_too(alice_client: Client, sim: Simulator) -> None:
    with refreshing.slot(), refreshing.slot():
        alice_client.post(REFRESH)
    assert said(alice_client) == "A refresh is already running. Reload in a moment."
    assert sim.calls() == 0


@pytest.mark.usefixtures("seen")
def test_a_page_of_one_volume_asks_for_it_alone(
    alice_client: Client, sim: Simulator, volume: str, environment: Environment
) -> None:
    environment.refresh_from_db()
    stamps = (environment.listed_at, environment.tried_at)
    sim.world.add_snapshot(PATH, volume_id=volume)
    answer = press(alice_client, seen=f"{LIST}?volume_id={volume}")
    assert [call.target for call in sim.requests] == [f"/v1/services/compute-on/prod/snapshots?volume_id={volume}"]
    assert news(answer) == "Checked this volume only: 1 snapshot changed."
    assert has_table(answer)
    environment.refresh_from_db()
    assert (environment.listed_at, environment.tried_at, environment.lease_until) == (*stamps, None)


@pytest.mark.usefixtures("seen")
def test_one_volume_buries_nothing(alice_client: Client, sim: Simulator, volume: str) -> None:
    before = len(numbers(alice_client.get(f"{LIST}?volume_id={volume}")))
    for row in sim.world.snapshots(PATH):
        if row.get("volumeId") == volume:
            sim.world.remove_snapshot(PATH, str(row["id"]))
    answer = press(alice_client, seen=f"{LIST}?volume_id={volume}")
    assert news(answer) == "Checked this volume only: nothing changed."
    assert len(rows(answer)) == before


@pytest.mark.usefixtures("seen")
def test_rows_of_other_volumes_are_not_taken_for_an_answer(alice_client: Client, sim: Simulator, volume: str) -> None:
    sim.fault(path="/snapshots", set_fields={"volumeId": "00000000-0000-4000-8000-000000000001"})
    assert news(press(alice_client, seen=f"{LIST}?volume_id={volume}")) == "Checked this volume only: nothing changed."
    assert count(alice_client.get(LIST)) == "24 snapshots"


@pytest.mark.usefixtures("seen")
@pytest.mark.defaults
def test_one_volume_is_asked_for_once_within_the_gap(
    alice_client: Client, sim: Simulator, clock: time_machine.Traveller, volume: str
) -> None:
    said = [news(press(alice_client, seen=f"{LIST}?volume_id={volume}")) for _ in range(3)]
    assert said[1:] == ["Checked a moment ago."] * 2
    assert sim.calls() == 1
    clock.shift(11)
    press(alice_client, seen=f"{LIST}?volume_id={volume}")
    assert sim.calls() == 2


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize("how", ["auto", "none", "two"])
def test_anything_else_asks_for_the_whole_list(alice_client: Client, sim: Simulator, volume: str, how: str) -> None:
    query = {"auto": f"?volume_id={volume}", "none": "?volume_id=none", "two": f"?volume_id={volume}&volume_id=none"}
    ask = auto if how == "auto" else press
    ask(alice_client, seen=LIST + query[how])
    assert [call.target for call in sim.requests] == ["/v1/services/compute-on/prod/snapshots"]


def test_a_volume_of_two_environments_is_not_one(
    alice_client: Client, sim: Simulator, other: Environment, volume: str, clock: time_machine.Traveller
) -> None:
    sim.world.add_snapshot(OTHER_PATH, volume_id=volume)
    press(alice_client)
    sim.clear()
    clock.shift(61)
    press(alice_client, seen=f"{LIST}?volume_id={volume}")
    assert sim.calls("/snapshots") == 2
    sim.clear()
    press(alice_client, seen=f"{LIST}?volume_id={volume}&environment={OTHER_PATH}")
    assert [call.target for call in sim.requests] == [f"/v1/services/compute-qc/prod/snapshots?volume_id={volume}"]


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"status": 503}, "ROOT-35545 could not be checked."),
        ({"status": 404}, "ROOT-35545 could not be checked."),
        ({"status": 429, "headers": {"Retry-After": "60"}}, "ROOT-35545 could not be checked."),
    ],
)
def test_a_fault_of_one_volume_is_no_fault_of_the_list(
    alice_client: Client, sim: Simulator, environment: Environment, fault: dict[str, object], says: str
) -> None:
    volume = next(str(row["id"]) for row in sim.world.volumes(PATH))
    sim.world.add_snapshot(PATH, volume_id=volume)
    sim.fault(path="/snapshots", **fault)
    answer = press(alice_client, seen=f"{LIST}?volume_id={volume}")
    assert news(answer).endswith(says.removeprefix("ROOT-35545"))
    environment.refresh_from_db()
    assert (environment.fault_kind, environment.lease_until) == ("", None)


@pytest.mark.usefixtures("seen")
@pytest.mark.defaults
def test_one_volume_obeys_retry_after_and_the_lease(
    alice_client: Client, sim: Simulator, environment: Environment, clock: time_machine.Traveller, volume: str
) -> None:
    sim.fault(status=429, headers={"Retry-After": "60"}, times=1)
    page = f"{LIST}?volume_id={volume}"
    press(alice_client, seen=page)
    clock.shift(11)
    assert news(press(alice_client, seen=page)) == "The provider asked us to wait until 12:02 UTC."
    assert sim.calls() == 1
    environment.refresh_from_db()
    clock.shift(61)
    claimed(environment)
    assert alice_client.post(REFRESH, headers=HTMX | {"HX-Current-URL": HERE + page}).status_code == 202
