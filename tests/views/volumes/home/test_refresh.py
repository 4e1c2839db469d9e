"""Refreshing the volumes page: nothing moves unless a user asks, and the texts are true."""

import pytest
import time_machine
from django.test import Client

from snapshots.models import Environment
from snapshots.models.environment import generation_of
from snapshots.simulator.faults import Fault
from snapshots.simulator.server import Simulator
from snapshots.views.common import refreshing
from tests.conftest import Answer
from tests.views.snapshots.conftest import HTMX, PATH
from tests.views.snapshots.reading import by_id, tree
from tests.views.volumes.home.steps import HOME, PLAIN, home, names, rows

pytestmark = pytest.mark.django_db
REFRESH = f"{PLAIN}refresh/"


@pytest.fixture
def seen(environment: Environment, sim: Simulator, alice_client: Client, clock: time_machine.Traveller) -> Environment:
    """The environment, listed by the provider a minute and a second ago."""
    assert press(alice_client).status_code == 200
    clock.shift(61)
    sim.clear()
    environment.refresh_from_db()
    return environment


def press(client: Client, query: str = "", *, page: str = PLAIN, **fields: str) -> Answer:
    return client.post(REFRESH + query, fields, headers=HTMX | {"HX-Current-URL": f"http://testserver{page}"})


def auto(client: Client, *, page: str = PLAIN, **fields: str) -> Answer:
    return press(client, page=page, auto="1", **fields)


def news(answer: Answer) -> str:
    return "".join(each.text for each in tree(answer).all(id="news"))


def test_the_button_asks_and_brings_the_table(alice_client: Client, seen: Environment, sim: Simulator) -> None:
    sim.world.add_snapshot(PATH)
    answer = press(alice_client)
    assert len(sim.requests) == 1
    assert news(answer) == "Checked: 1 new."
    assert len(rows(answer)) == 4
    assert tree(answer).one(id="summary").all(css="tile")


def test_the_pages_own_refresh_moves_no_row(alice_client: Client, seen: Environment, sim: Simulator) -> None:
    sim.world.add_snapshot(PATH)
    assert seen.listed_at is not None
    answer = auto(alice_client, generation=generation_of([seen]), since=seen.listed_at.isoformat())
    assert len(sim.requests) == 1
    assert (news(answer), rows(answer)) == ("List has changed (1). Reload", [])
    assert not tree(answer).all(id="summary")
    assert by_id(answer, "freshness").text.startswith("✓")


def test_what_is_shown_then_is_the_same_address(alice_client: Client, seen: Environment, sim: Simulator) -> None:
    sim.world.add_snapshot(PATH)
    answer = auto(alice_client, page=f"{PLAIN}?sort=name", generation=generation_of([seen]), since="x")
    assert tree(answer).one("a", href=f"{PLAIN}?sort=name")


def test_nothing_new_is_not_news(alice_client: Client, seen: Environment) -> None:
    assert seen.listed_at is not None
    assert news(auto(alice_client, generation=generation_of([seen]), since=seen.listed_at.isoformat())) == ""


def test_the_seen_filters_hold(alice_client: Client, seen: Environment) -> None:
    name = names(home(alice_client))[0]
    for page in (HOME, PLAIN):
        assert names(press(alice_client, page=f"{page}?q={name}")) == [name]


def test_the_first_fetch_loads_the_page_anew(alice_client: Client, environment: Environment, sim: Simulator) -> None:
    """Question, pictures and filters waited for it too."""
    assert auto(alice_client, first="1")["HX-Refresh"] == "true"
    assert "HX-Refresh" not in auto(alice_client)


def test_somebody_else_at_it(alice_client: Client, seen: Environment) -> None:
    with refreshing.slot(), refreshing.slot():
        answer = press(alice_client)
    assert (answer.status_code, rows(answer)) == (202, [])
    assert "Refreshing…" in by_id(answer, "freshness").text


def test_a_fault_is_told_and_the_rows_stay(alice_client: Client, seen: Environment, sim: Simulator) -> None:
    sim.faults.add(Fault(status=503))
    answer = press(alice_client)
    assert "could not be refreshed" in news(answer)
    assert "has not answered" in by_id(answer, "banners").text
    assert len(rows(answer)) == 4


def test_without_scripts_it_leads_back(alice_client: Client, seen: Environment, sim: Simulator) -> None:
    answer = alice_client.post(f"{REFRESH}?sort=name")
    assert (answer.status_code, answer["Location"], len(sim.requests)) == (302, f"{PLAIN}?sort=name", 1)


def test_only_the_chosen_environments_are_asked(
    alice_client: Client, seen: Environment, other: Environment, sim: Simulator
) -> None:
    press(alice_client, page=f"{PLAIN}?environment={PATH}")
    assert [call.target for call in sim.requests] == ["/v1/services/compute-on/prod/snapshots"]


@pytest.mark.parametrize("person", ["charlie_client", "anon_client"])
def test_strangers_ask_nothing(person: str, request: pytest.FixtureRequest, seen: Environment, sim: Simulator) -> None:
    answer = press(request.getfixturevalue(person))
    assert answer.status_code in (401, 404)
    assert sim.requests == []
