"""One POST asks the provider about one snapshot: of an id that the mirror lacks, or of one that is shown."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Membership, Team, User
from snapshots.models import Environment, Snapshot
from snapshots.simulator.server import Simulator
from tests.views.snapshots.conftest import HTMX, KEY, LIST, PATH, claimed, detail, refuse, snapshot_id
from tests.views.snapshots.reading import by_id, tree

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("environment")]
UNKNOWN = "The provider does not know this id."


@pytest.fixture
def known(sim: Simulator) -> str:
    """The id of a usable snapshot that the provider has and the mirror lacks."""
    return next(str(row["id"]) for row in sim.world.snapshots(PATH) if row["state"] == "BackedUp")


def page_of(id: str) -> str:
    return f"{LIST}{PATH}/{id}/"


def look_up(client: Client, id: str) -> str:
    """Ask as the page of an unknown id does; returns the message."""
    answer = client.post(f"{page_of(id)}check/", {"lookup": "1"}, headers=HTMX)
    assert answer.status_code == 200
    return str(tree(answer).text)


def check_shown(client: Client, id: str) -> str:
    return by_id(client.post(f"{page_of(id)}check/", headers=HTMX), "news").text


def test_found_leads_to_its_page(alice_client: Client, sim: Simulator, known: str) -> None:
    assert alice_client.get(page_of(known)).status_code == 404
    answer = alice_client.post(f"{page_of(known)}check/", {"lookup": "1"}, headers=HTMX)
    assert answer["HX-Redirect"] == page_of(known)
    assert alice_client.get(answer["HX-Redirect"]).status_code == 200
    assert [(call.method, call.target) for call in sim.requests] == [
        ("GET", f"/v1/services/compute-on/prod/snapshots/{known}")
    ]


def test_found_without_scripts(alice_client: Client, known: str) -> None:
    answer = alice_client.post(f"{page_of(known)}check/", {"lookup": "1"})
    assert (answer.status_code, answer["Location"]) == (302, page_of(known))
    assert tree(alice_client.get(page_of(known))).one("ul", css="messages").text == "Found at the provider."


@pytest.mark.both_databases
def test_an_upper_case_address_asks_for_the_lower_case_id(alice_client: Client, sim: Simulator, known: str) -> None:
    alice_client.post(f"{LIST}{PATH}/{known.upper()}/check/", {"lookup": "1"}, headers=HTMX)
    assert sim.calls(known) == 1
    assert Snapshot.objects.get().snapshot_id == known


@pytest.mark.defaults
def test_unknown_is_remembered_for_a_minute(
    alice_client: Client, sim: Simulator, clock: time_machine.Traveller
) -> None:
    assert look_up(alice_client, snapshot_id(1)) == UNKNOWN
    clock.shift(59)
    assert look_up(alice_client, snapshot_id(1)) == "The provider did not know this id a moment ago."
    assert sim.calls() == 1
    clock.shift(2)
    assert look_up(alice_client, snapshot_id(1)) == UNKNOWN
    assert sim.calls() == 2


def test_unknown_without_scripts(alice_client: Client, sim: Simulator) -> None:
    page = alice_client.post(f"{detail(1)}check/", follow=True)
    assert page.status_code == 404
    assert tree(page).one("ul", css="messages").text == UNKNOWN


@pytest.mark.defaults
def test_ten_calls_a_minute_and_team(alice_client: Client, sim: Simulator, clock: time_machine.Traveller) -> None:
    said = [look_up(alice_client, snapshot_id(number)) for number in range(12)]
    assert said[:10] == [UNKNOWN] * 10
    assert said[10] == said[11]
    assert said[11].startswith("This team has asked for 10 snapshots within a minute.")
    assert sim.calls() == 10
    clock.shift(61)
    assert look_up(alice_client, snapshot_id(11)) == UNKNOWN


def test_another_team_has_its_own_ten(alice_client: Client, alice: User, sim: Simulator, rival: Team) -> None:
    Membership.objects.create(user=alice, team=rival)
    ApiKey.replace(rival, Secret(KEY))
    Environment.objects.create(team=rival, service_code="compute-on", name="prod")
    for number in range(11):
        look_up(alice_client, snapshot_id(number))
    address = f"{detail(99)}check/".replace("/acme/", "/rival/")
    assert tree(alice_client.post(address, headers=HTMX)).text == UNKNOWN
    assert sim.calls() == 11


def test_refused(alice_client: Client, sim: Simulator) -> None:
    sim.fault(refuse=403)
    assert look_up(alice_client, snapshot_id(1)) == (
        "The provider could not be asked: The provider rejected this API key: it is not valid, or it may not see this."
    )


def test_a_refused_environment_is_asked_by_an_admin_alone(
    alice_client: Client, bob_client: Client, sim: Simulator, environment: Environment, known: str
) -> None:
    refuse(environment)
    assert look_up(bob_client, known) == "The provider rejects this team's key for this environment."
    assert sim.calls() == 0
    assert alice_client.post(f"{page_of(known)}check/", {"lookup": "1"}, headers=HTMX)["HX-Redirect"]
    assert sim.calls() == 1


def test_provider_down_is_said_and_may_be_asked_again(alice_client: Client, sim: Simulator, known: str) -> None:
    sim.fault(status=503, times=2)
    down = "The provider could not be asked: The provider is not available at the moment."
    assert [look_up(alice_client, known), look_up(alice_client, known)] == [down, down]
    assert alice_client.post(f"{page_of(known)}check/", {"lookup": "1"}, headers=HTMX)["HX-Redirect"]


def test_one_that_cannot_be_reached(alice_client: Client, sim: Simulator) -> None:
    sim.stop()
    assert look_up(alice_client, snapshot_id(1)).startswith("The provider could not be asked: The provider cannot be")


def test_retry_after_is_obeyed(alice_client: Client, sim: Simulator, clock: time_machine.Traveller, known: str) -> None:
    sim.fault(status=429, headers={"Retry-After": "120"}, times=1)
    look_up(alice_client, known)
    clock.shift(60)
    assert look_up(alice_client, known) == "The provider asked us to wait until 12:02 UTC."
    assert sim.calls() == 1
    clock.shift(61)
    assert alice_client.post(f"{page_of(known)}check/", {"lookup": "1"}, headers=HTMX)["HX-Redirect"]


@pytest.mark.both_databases
def test_while_a_refresh_is_under_way(alice_client: Client, sim: Simulator, environment: Environment) -> None:
    claimed(environment)
    assert look_up(alice_client, snapshot_id(1)) == "A refresh is running. Try again in a moment."
    assert sim.calls() == 0


def test_an_answer_about_another_snapshot_is_thrown_away(alice_client: Client, sim: Simulator, known: str) -> None:
    sim.fault(wrong_id=True)
    assert "answered about another id" in look_up(alice_client, known)
    assert not Snapshot.objects.exists()


def test_a_check_stamps_no_environment(alice_client: Client, sim: Simulator, known: str) -> None:
    alice_client.post(f"{page_of(known)}check/")
    environment = Environment.objects.get()
    assert (environment.listed_at, environment.tried_at, environment.lease_until) == (None, None, None)
    assert environment.facets["listed"] == 1


@pytest.mark.defaults
def test_checking_what_is_shown(
    alice_client: Client, sim: Simulator, clock: time_machine.Traveller, known: str
) -> None:
    alice_client.post(f"{page_of(known)}check/")
    clock.shift(timedelta(minutes=1))
    assert check_shown(alice_client, known) == "Checked: nothing changed."
    clock.shift(timedelta(minutes=1))
    sim.world.set_state(PATH, known, "Destroying")
    answer = alice_client.post(f"{page_of(known)}check/", headers=HTMX)
    assert by_id(answer, "news").text == "Checked: it changed."
    assert tree(answer).one(css="title-facts").one(css="badge").text == "– Destroying"
    assert not answer.content.lstrip().startswith(b"<!doctype")


@pytest.mark.both_databases
def test_checking_twice_asks_once(alice_client: Client, sim: Simulator, known: str) -> None:
    alice_client.post(f"{page_of(known)}check/")
    assert check_shown(alice_client, known) == "Checked a moment ago."
    assert sim.calls() == 1


@pytest.mark.defaults
def test_what_the_provider_no_longer_knows_is_gone_at_the_second_word(
    alice_client: Client, sim: Simulator, clock: time_machine.Traveller, known: str
) -> None:
    alice_client.post(f"{page_of(known)}check/")
    sim.world.remove_snapshot(PATH, known)
    for badge in ("? Completed", "– Not listed"):
        clock.shift(timedelta(minutes=2))
        assert check_shown(alice_client, known) == UNKNOWN
        assert tree(alice_client.get(page_of(known))).one(css="title-facts").one(css="badge").text == badge


@pytest.mark.parametrize("id", ["1", "x" * 36, "%2e%2e", f"{snapshot_id(1)}%00"])
def test_no_call_for_what_is_no_id(alice_client: Client, sim: Simulator, id: str) -> None:
    assert alice_client.post(f"{LIST}{PATH}/{id}/check/", headers=HTMX).status_code == 404
    assert sim.calls() == 0
