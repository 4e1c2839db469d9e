"""Refresh from the changes page: new changes are announced, and shown by the button or on demand."""

import pytest
import time_machine
from django.test import Client

from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from tests.views.changes.conftest import CHANGES, MINUTE
from tests.views.changes.test_page import badges, titles
from tests.views.snapshots.asking import AUTO, HERE, news
from tests.views.snapshots.conftest import HTMX, PATH, seen, sim
from tests.views.snapshots.reading import Response, by_id, tree

__all__ = ["seen", "sim"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seen")]


def press(client: Client, **fields: str) -> Response:
    return client.post(f"{CHANGES}refresh/", fields, headers=HTMX | {"HX-Current-URL": HERE + CHANGES})


def shown(client: Client) -> dict[str, str]:
    """What the page's own form would send."""
    fields = by_id(client.get(CHANGES), "refresh-follow").all("input")
    return {field.attributes["name"]: field.attributes["value"] for field in fields} | AUTO


def test_the_button_shows_what_it_found(alice_client: Client, sim: Simulator) -> None:
    sim.world.add_snapshot(PATH, name="brand new")
    answer = press(alice_client)
    assert news(answer) == "Checked: 1 new."
    assert titles(answer)[0] == "brand new"
    assert by_id(answer, "count").text == "2 entries"


def test_the_page_by_itself_only_announces(alice_client: Client, sim: Simulator, clock: time_machine.Traveller) -> None:
    fields = shown(alice_client)
    clock.shift(MINUTE)
    for number in range(25):
        sim.world.add_snapshot(PATH, name=f"new {number}")
    answer = press(alice_client, **fields)
    assert (news(answer), tree(answer).all("li", css="change")) == ("List has changed (25). Reload", [])
    assert tree(answer).one("a", href=CHANGES).text == "Reload"


def test_nothing_new_says_nothing(alice_client: Client, clock: time_machine.Traveller) -> None:
    fields = shown(alice_client)
    clock.shift(MINUTE)
    assert news(press(alice_client, **fields)) == ""


def test_a_refusal_is_announced_and_shown(alice_client: Client, sim: Simulator) -> None:
    sim.fault(path="/snapshots", status=403)
    assert badges(press(alice_client))[0] == "✕ Rejected"


def test_without_htmx_it_leads_back_to_the_same_view(alice_client: Client, seen: Environment) -> None:
    answer = alice_client.post(f"{CHANGES}refresh/?kind=failed")
    assert answer["Location"] == f"{CHANGES}?kind=failed"
    followed = alice_client.get(answer["Location"])
    assert b"Checked: nothing changed." in followed.content


def test_charlie_may_not_ask(charlie_client: Client, sim: Simulator) -> None:
    assert charlie_client.post(f"{CHANGES}refresh/").status_code == 404
    assert sim.calls("/snapshots") == 0
