"""An open snapshot page asks by itself when its data is old, and says so without moving what is read."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from snapshots.models import Environment
from snapshots.simulator.faults import Fault
from snapshots.simulator.server import Simulator
from snapshots.views.common import refreshing
from tests.views.snapshots.conftest import HTMX, LIST, PATH, claimed
from tests.views.snapshots.reading import Response, by_id, tree

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def shown(sim: Simulator, seen: Environment) -> str:
    """The page of a usable snapshot whose environment was listed a minute and a second ago."""
    one = next(row for row in sim.world.snapshots(PATH) if row["state"] == "BackedUp")
    return f"{LIST}{PATH}/{one['id']}/"


def watch(client: Client, page: str, **fields: str) -> Response:
    since = tree(client.get(page)).one("input", name="since").attributes["value"] or ""
    return client.post(f"{page}check/", {"auto": "1", "since": since} | fields, headers=HTMX)


def strong(page: Response) -> str:
    return tree(page).one(id="verdict").one("strong").text


def test_old_data_is_asked_for_once_and_the_answer_follows(
    alice_client: Client, sim: Simulator, clock: time_machine.Traveller, shown: str
) -> None:
    clock.shift(HOUR)
    page = alice_client.get(shown)
    assert "data-due" in tree(page).one(id="refresh-follow").one("span").attributes
    assert strong(page).startswith("Was usable at 12:00 UTC")
    answer = watch(alice_client, shown)
    assert strong(answer) == "Usable."
    assert "checked just now" in by_id(answer, "freshness").text
    assert [call.path for call in sim.requests] == [f"/v1/services/{PATH}/snapshots"]
    assert "data-due" not in tree(alice_client.get(shown)).one(id="refresh-follow").one("span").attributes


def test_within_the_ttl_no_call_is_made(alice_client: Client, sim: Simulator, shown: str) -> None:
    watch(alice_client, shown)
    sim.clear()
    assert watch(alice_client, shown).status_code == 200
    assert sim.calls() == 0


def test_a_change_is_announced_and_nothing_moves(alice_client: Client, sim: Simulator, shown: str) -> None:
    sim.world.set_state(PATH, shown.split("/")[-2], "Destroying")
    answer = watch(alice_client, shown)
    assert by_id(answer, "news").text == "This snapshot has changed. Reload"
    assert tree(answer).all(id="verdict") == []
    assert strong(alice_client.get(shown)) == "Not usable: it is being removed."


def test_a_fault_is_labelled(alice_client: Client, sim: Simulator, shown: str, clock: time_machine.Traveller) -> None:
    clock.shift(HOUR)
    sim.add_fault(Fault(status=503))
    answer = watch(alice_client, shown)
    assert "has not answered since" in by_id(answer, "banners").text
    assert strong(answer).startswith("Was usable at 12:00 UTC")


@pytest.mark.both_databases
def test_while_another_refresh_holds_the_lease(alice_client: Client, seen: Environment, shown: str) -> None:
    claimed(seen)
    answer = watch(alice_client, shown)
    assert answer.status_code == 202
    assert "Refreshing…" in by_id(answer, "freshness").text


def test_a_third_question_waits_for_its_place(alice_client: Client, sim: Simulator, shown: str) -> None:
    with refreshing.slot(), refreshing.slot():
        assert watch(alice_client, shown).status_code == 202
        pressed = alice_client.post(f"{shown}check/", headers=HTMX)
        assert by_id(pressed, "news").text == "A refresh is running. Try again in a moment."
    assert sim.calls() == 0
    assert watch(alice_client, shown).status_code == 200


def test_the_button_confirms_this_one_though_the_list_is_old(
    alice_client: Client, sim: Simulator, shown: str, clock: time_machine.Traveller
) -> None:
    clock.shift(HOUR)
    answer = alice_client.post(f"{shown}check/", headers=HTMX)
    assert strong(answer) == "Usable."
    assert "from 12:00 UTC" in by_id(answer, "freshness").text
    assert strong(alice_client.get(shown)).startswith("Was usable at 12:00 UTC")
