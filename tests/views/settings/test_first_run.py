"""A team just made is led through key and environments to its first list; members who may not do it see who can."""

import pytest
import time_machine
from django.test import Client

from dashboard.teams.models import ApiKey, Membership, Role, Team, User
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.sync import leases, refresh
from snapshots.sync.leases import Caller
from tests.conftest import Answer
from tests.views.settings.steps import (
    KEY_PAGE,
    PARTLY_KEY,
    PATHS,
    PLACES,
    STRANGE_KEY,
    UNUSED_PATH,
    WORKING_KEY,
    buttons,
    enter,
    results,
    said,
    save,
    verdict,
)
from tests.views.snapshots.conftest import LIST
from tests.views.snapshots.reading import count, empty, tree

pytestmark = pytest.mark.django_db(transaction=True)
HOME, VOLUMES = "/t/acme/", "/t/acme/volumes/"
HTMX = {"HX-Request": "true"}
SEEN = [*PATHS, UNUSED_PATH]


def step(page: Answer) -> str:
    """Which step the page says it is; empty outside of the set-up."""
    return next((nav.all("p")[0].text for nav in tree(page).all("nav", css="steps")), "")


def leads_to(client: Client) -> str:
    """Where the team's home leads on; to itself where it stays."""
    return str(client.get(HOME).headers.get("Location", HOME))


def landed(page: Answer) -> str:
    return str(page.redirect_chain[-1][0])


def add(client: Client, *ticked: str, **typed: str) -> Answer:
    return client.post(f"{PLACES}add/", {"environment": ticked, **typed}, follow=True)


def progress(page: Answer) -> list[str]:
    return [line.text for shown in tree(page).all("ul", css="fetching") for line in shown.all("li")]


def waits_without_a_script(page: Answer) -> bool:
    return '<noscript><meta http-equiv="refresh"' in page.content.decode()


@pytest.fixture
def keyed(alice_client: Client, sim: Simulator) -> Client:
    """The admin of a team whose key is in use and that names no environment yet."""
    save(alice_client, enter(alice_client, WORKING_KEY))
    return alice_client


def test_home_leads_an_admin_from_step_to_step(alice_client: Client, sim: Simulator) -> None:
    assert leads_to(alice_client) == KEY_PAGE
    assert step(alice_client.get(KEY_PAGE)) == "Step 2 of 3"
    page = save(alice_client, enter(alice_client, WORKING_KEY))
    assert (landed(page), step(page), leads_to(alice_client)) == (PLACES, "Step 3 of 3", PLACES)
    page = add(alice_client, *SEEN)
    assert (landed(page), leads_to(alice_client)) == (VOLUMES, VOLUMES)
    assert tree(page).one("section", css="question").all("button")
    assert step(alice_client.get(KEY_PAGE)) == step(alice_client.get(PLACES)) == ""


def test_looking_again_at_the_first_fetch_keeps_what_was_chosen(keyed: Client) -> None:
    add(keyed, *SEEN)
    page = tree(keyed.get(f"{LIST}?state=Error&sort=name"))
    (again,) = [link for link in page.all("a") if link.text == "Reload"]
    assert again.attributes["href"] == again.attributes["data-hx-get"] == f"{LIST}?state=Error&sort=name"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MEMBER])
def test_whoever_may_not_reads_what_is_missing_and_who_can(
    alice: User, bob: User, bob_client: Client, team: Team, sim: Simulator, role: Role
) -> None:
    Membership.objects.filter(user=bob).update(role=role)
    assert leads_to(bob_client) == HOME
    page = empty(bob_client.get(HOME))
    assert page.startswith("no_key This team has no API key yet")
    assert page.endswith("Ask alice@example.com (admin).")


def test_all_that_the_key_sees_is_ticked_and_counted(keyed: Client) -> None:
    page = keyed.get(PLACES)
    boxes = tree(page).all("input", type="checkbox", name="environment")
    assert [box.attributes["value"] for box in boxes if "checked" in box.attributes] == SEEN
    assert tree(page).one(css="add-all").text == "Add 4 environments"


def test_a_wrong_key_is_said_and_the_step_stays(alice_client: Client, sim: Simulator, team: Team) -> None:
    page = enter(alice_client, STRANGE_KEY)
    assert (verdict(page), results(page)) == ("refused", ["✕ not allowed"])
    assert (step(page), leads_to(alice_client)) == ("Step 2 of 3", KEY_PAGE)
    assert not ApiKey.objects.exists()


def test_a_key_that_sees_nothing_leads_to_typing(alice_client: Client, sim: Simulator) -> None:
    sim.keys["CANARY-key-without-any-environment"] = frozenset()
    page = enter(alice_client, "CANARY-key-without-any-environment")
    assert results(page) == ["✓ sees 0 environments"]
    page = save(alice_client, page)
    assert (landed(page), step(page)) == (PLACES, "Step 3 of 3")
    assert tree(page).one("input", name="service_code")
    assert "Add" in buttons(page)


def test_two_of_three_that_are_refused_are_left_out_or_added_anyway(keyed: Client, sim: Simulator, team: Team) -> None:
    for path in PATHS[1:]:
        sim.fault(environment=path, refuse=403)
    page = add(keyed, *PATHS)
    assert results(page) == ["✕ prod · compute-on: not allowed", "✕ prod · compute-qc: not allowed"]
    assert (step(page), said(page)) == ("Step 3 of 3", ["Added: dev · compute-on."])
    links = {link.text: link.attributes["href"] for link in tree(page).one("main").all("a")}
    assert links["Skip and continue"] == HOME
    assert leads_to(keyed) == VOLUMES
    page = add(keyed, *PATHS[1:], anyway="1", first="1")
    assert (landed(page), team.environments.count()) == (VOLUMES, 3)


def test_all_refused_none_is_added_and_the_step_stays(keyed: Client, sim: Simulator, team: Team) -> None:
    sim.fault(refuse=403)
    page = add(keyed, *PATHS)
    assert (len(results(page)), step(page), leads_to(keyed)) == (3, "Step 3 of 3", PLACES)
    assert team.environments.count() == 0


def test_the_set_up_takes_up_where_it_was_left(keyed: Client, alice: User) -> None:
    later = Client()
    later.force_login(alice)
    assert later.get("/")["Location"] == HOME
    assert leads_to(later) == PLACES
    page = later.get(PLACES)
    assert len(tree(page).all("input", type="checkbox", name="environment")) == len(SEEN)


def test_provider_down_is_said_and_the_step_stays(alice_client: Client, sim: Simulator) -> None:
    sim.fault(status=503)
    page = enter(alice_client, WORKING_KEY)
    assert (verdict(page), step(page), leads_to(alice_client)) == ("unknown", "Step 2 of 3", KEY_PAGE)
    assert not ApiKey.objects.exists()


def test_the_first_fetch_counts_environment_by_environment(keyed: Client, sim: Simulator, team: Team) -> None:
    page = add(keyed, *PATHS)
    assert empty(page).startswith("first_fetch First fetch in progress 0 of 3 environments fetched.")
    assert ([line.split(": ")[1] for line in progress(page)], count(page)) == (["waiting"] * 3, "")
    leases.claim(Environment.objects.get(name="dev"), caller=Caller.COMMAND)
    list(refresh.refresh([Environment.objects.get(service_code="compute-qc")], caller=Caller.COMMAND))
    for page in (keyed.get(VOLUMES), keyed.get(LIST)):
        assert progress(page) == [
            "◐ dev · compute-on: being fetched",
            "– prod · compute-on: waiting",
            "✓ prod · compute-qc: 24 snapshots fetched",
        ]
        assert (empty(page), waits_without_a_script(page)) == ("", True)


def test_a_refused_one_is_said_beside_those_that_wait(keyed: Client, sim: Simulator) -> None:
    add(keyed, *PATHS)
    sim.fault(environment=PATHS[0], refuse=403)
    list(refresh.refresh([Environment.objects.get(name="dev")], caller=Caller.COMMAND))
    assert progress(keyed.get(LIST))[0] == "✕ dev · compute-on: error 403"


def test_the_volumes_look_again_and_load_anew_after_the_first_fetch(keyed: Client, sim: Simulator) -> None:
    add(keyed, *PATHS)
    again = HTMX | {"HX-Trigger": "look-again", "HX-Current-URL": f"http://testserver{VOLUMES}"}
    page = keyed.get(VOLUMES)
    link = tree(page).one("a", id="look-again").attributes
    assert (link["href"], link["data-hx-get"], waits_without_a_script(page)) == (VOLUMES, VOLUMES, True)
    assert (len(progress(keyed.get(VOLUMES, headers=again))), count(page)) == (3, "")
    assert "HX-Refresh" not in keyed.get(VOLUMES, headers=again)
    list(refresh.refresh(list(Environment.objects.all()), caller=Caller.COMMAND))
    assert keyed.get(VOLUMES, headers=again)["HX-Refresh"] == "true"
    assert "HX-Refresh" not in keyed.get(VOLUMES, headers=HTMX)
    page = keyed.get(VOLUMES)
    assert (progress(page), tree(page).all("table", css="volumes") != []) == ([], True)


def test_the_page_ends_in_the_list_and_asks_no_more(keyed: Client, sim: Simulator) -> None:
    add(keyed, *PATHS)
    asking = next(
        link for link in tree(keyed.get(LIST)).all("a") if link.attributes.get("data-hx-trigger") == "every 2s"
    )
    assert (asking.attributes["data-hx-get"], asking.attributes["href"]) == (LIST, LIST)
    list(refresh.refresh(list(Environment.objects.all()), caller=Caller.COMMAND))
    for page in (keyed.get(LIST), keyed.get(LIST, headers=HTMX)):
        assert (progress(page), waits_without_a_script(page), b"every 2s" in page.content) == ([], False, False)
        assert tree(page).all("table", css="snapshots")


def test_a_fetch_that_failed_everywhere_asks_no_more(keyed: Client, sim: Simulator) -> None:
    add(keyed, *PATHS)
    sim.fault(status=503)
    list(refresh.refresh(list(Environment.objects.all()), caller=Caller.COMMAND))
    page = keyed.get(LIST)
    assert empty(page).startswith("first_fetch Nothing fetched yet")
    assert (progress(page), waits_without_a_script(page)) == ([], False)


def test_a_later_environment_moves_nothing_under_the_reader(
    keyed: Client, sim: Simulator, clock: time_machine.Traveller
) -> None:
    add(keyed, PATHS[0])
    list(refresh.refresh(list(Environment.objects.all()), caller=Caller.COMMAND))
    clock.shift(61)
    page = add(keyed, PATHS[1])
    assert landed(page) == PLACES
    page = keyed.get(LIST)
    assert (progress(page), waits_without_a_script(page)) == ([], False)
    assert "no complete list yet" in tree(page).one(id="freshness").text


def test_a_key_that_sees_a_part_offers_that_part(alice_client: Client, sim: Simulator) -> None:
    page = save(alice_client, enter(alice_client, PARTLY_KEY))
    assert tree(page).one(css="add-all").text == "Add 2 environments"
