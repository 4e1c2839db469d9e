"""Which environments a team watches: offered by its key, tried when added, hidden at once when removed."""

from pathlib import Path

import pytest
import time_machine
from django.test import Client

from dashboard.teams.models import ApiKey, AuditEvent, Team, User
from snapshots.management.rounds import environments_of
from snapshots.models import Environment, Snapshot, Volume
from snapshots.setup.environments import remove
from snapshots.simulator.server import Simulator
from snapshots.sync import refresh
from snapshots.sync.leases import Caller, Late
from snapshots.sync.store_snapshots import store_listing
from tests.conftest import Answer
from tests.management.steps import TEAM, run, write
from tests.views.settings.steps import (
    OLD_KEY,
    PARTLY_KEY,
    PATHS,
    PLACES,
    UNUSED_PATH,
    WORKING_KEY,
    buttons,
    enter,
    results,
    said,
    save,
)
from tests.views.snapshots.conftest import LIST, NOW, claimed, listing
from tests.views.snapshots.reading import count, rows, tree

pytestmark = pytest.mark.django_db(transaction=True)
DEV = f"{PLACES}compute-on/dev/"


def offered(page: Answer) -> list[str]:
    return [box.attributes["value"] for box in tree(page).all("input", type="checkbox", name="environment")]


def watched(page: Answer) -> list[str]:
    return [line.all("div")[0].text for shown in tree(page).all("ul", css="places") for line in shown.all("li")]


def paths(team: Team) -> list[str]:
    return [environment.path for environment in Environment.objects.of_team(team)]


def add(client: Client, *ticked: str, **typed: str) -> Answer:
    return client.post(f"{PLACES}add/", {"environment": ticked, **typed}, follow=True)


@pytest.fixture
def fetched(alice_client: Client, sim: Simulator, old_key: ApiKey, environments: list[Environment]) -> Client:
    """The admin of a team whose three environments have just been listed."""
    list(refresh.refresh(environments, caller=Caller.COMMAND))
    return alice_client


def test_after_a_key_what_it_sees_is_offered_ticked(alice_client: Client, sim: Simulator, team: Team) -> None:
    page = save(alice_client, enter(alice_client, PARTLY_KEY))
    assert page.redirect_chain[-1][0] == PLACES
    assert offered(page) == PATHS[:2]
    assert all("checked" in box.attributes for box in tree(page).all("input", name="environment"))
    page = add(alice_client, *PATHS[:2])
    assert said(page) == ["Added: dev · compute-on, prod · compute-on."]
    assert page.redirect_chain[-1][0] == "/t/acme/volumes/"
    assert (sorted(paths(team)), offered(alice_client.get(PLACES))) == (PATHS[:2], [])


def test_what_is_watched_is_not_offered(alice_client: Client, sim: Simulator, old_key: ApiKey) -> None:
    assert offered(save(alice_client, enter(alice_client, WORKING_KEY))) == [UNUSED_PATH]


def test_the_provider_is_asked_which_there_are(alice_client: Client, sim: Simulator, old_key: ApiKey) -> None:
    assert offered(alice_client.get(PLACES)) == []
    page = alice_client.post(f"{PLACES}look/", follow=True)
    assert (said(page), offered(page)) == (["The key sees 4 environments."], [UNUSED_PATH])
    sim.fault(status=503)
    page = alice_client.post(f"{PLACES}look/", follow=True)
    assert "The provider is not available at the moment." in said(page)[0]
    assert offered(page) == [UNUSED_PATH]


def test_a_typed_one_that_answers_is_added(alice_client: Client, sim: Simulator, old_key: ApiKey, team: Team) -> None:
    page = add(alice_client, service_code="compute-qc", name=" test ")
    assert said(page) == ["Added: test · compute-qc."]
    assert UNUSED_PATH in paths(team)
    event = AuditEvent.objects.get(kind="environment_added")
    assert (event.actor_email, event.target) == ("alice@example.com", "test · compute-qc")
    assert [call.path for call in sim.requests] == ["/v1/services/compute-qc/test/snapshots"]
    assert not Snapshot.objects.exists()


def test_one_that_does_not_answer_is_added_only_by_ones_word(
    alice_client: Client, sim: Simulator, old_key: ApiKey, team: Team
) -> None:
    page = add(alice_client, UNUSED_PATH, service_code="compute-on", name="nowhere")
    assert said(page) == ["Added: test · compute-qc."]
    assert tree(page).one(id="doubtful")
    assert results(page) == ["✕ nowhere · compute-on: not known to the provider"]
    assert "compute-on/nowhere" not in paths(team)
    asked = len(sim.requests)
    page = add(alice_client, "compute-on/nowhere", anyway="1")
    assert (said(page), len(sim.requests)) == (["Added: nowhere · compute-on."], asked)
    assert "compute-on/nowhere" in paths(team)


@pytest.mark.usefixtures("sim")
def test_without_a_key_it_takes_ones_word(alice_client: Client, team: Team) -> None:
    page = add(alice_client, service_code="compute-on", name="prod")
    assert results(page) == ["✕ prod · compute-on: This team has no API key yet"]
    assert (buttons(page)[0], paths(team)) == ("Add anyway", [])


@pytest.mark.few(2)
@pytest.mark.parametrize("name", ["..", "a/b", "a b", "", "ü", "x" * 65, "a?b"])
def test_what_no_address_can_hold_asks_nobody(
    alice_client: Client, sim: Simulator, old_key: ApiKey, team: Team, name: str
) -> None:
    for values in ({"service_code": "compute-on", "name": name}, {"environment": f"compute-on/{name}"}):
        page = alice_client.post(f"{PLACES}add/", values | {"anyway": "1"}, follow=True)
        assert (page.status_code, len(said(page))) == (200, 1)
    assert (sim.requests, len(paths(team))) == ([], 3)


def test_nothing_chosen_is_said(alice_client: Client, sim: Simulator, old_key: ApiKey) -> None:
    assert len(said(add(alice_client))) == 1


@pytest.mark.both_databases
def test_one_watched_already_is_added_once(alice_client: Client, sim: Simulator, old_key: ApiKey, team: Team) -> None:
    add(alice_client, PATHS[0], PATHS[0], UNUSED_PATH, UNUSED_PATH)
    add(alice_client, UNUSED_PATH, anyway="1")
    assert sorted(paths(team)) == [*PATHS, UNUSED_PATH]
    assert AuditEvent.objects.count() == 1


def test_each_says_what_it_answered_last(
    alice_client: Client, sim: Simulator, old_key: ApiKey, environments: list[Environment]
) -> None:
    sim.fault(environment=PATHS[1], refuse=403)
    sim.fault(environment=PATHS[2], status=503)
    list(refresh.refresh(environments, caller=Caller.COMMAND))
    assert watched(alice_client.get(PLACES)) == [
        "dev · compute-on ✓ 24 snapshots, checked just now",
        "prod · compute-on ✕ the provider rejects the key (error 403), since 12:00 UTC, next try 12:15 UTC",
        "prod · compute-qc ! no answer (error 503), since 12:00 UTC, next try 12:01 UTC",
    ]


def test_trying_again_passes_over_a_refusal(
    alice_client: Client,
    sim: Simulator,
    old_key: ApiKey,
    environments: list[Environment],
    clock: time_machine.Traveller,
) -> None:
    sim.fault(environment=PATHS[0], refuse=403, times=1)
    list(refresh.refresh(environments, caller=Caller.COMMAND))
    page = alice_client.post(f"{DEV}try/", follow=True)
    assert "12:00 UTC" in said(page)[0]
    clock.shift(11)
    assert said(alice_client.post(f"{DEV}try/", follow=True)) == ["dev · compute-on is up to date."]
    assert "✓ 24 snapshots" in watched(alice_client.get(PLACES))[0]


def test_removing_asks_first_and_says_what_is_forgotten(fetched: Client, team: Team) -> None:
    page = fetched.get(f"{DEV}remove/")
    assert "24 snapshots" in tree(page).one("main").text
    assert PATHS[0] in paths(team)


def test_removing_hides_at_once(fetched: Client, team: Team, sim: Simulator) -> None:
    one = Snapshot.objects.filter(environment__name="dev").first()
    assert one is not None
    address = f"{LIST}compute-on/dev/{one.snapshot_id}/"
    assert (count(fetched.get(LIST)), fetched.get(address).status_code) == ("72 snapshots", 200)
    fetched.post(f"{DEV}remove/")
    page = fetched.get(f"{LIST}?page_size=100")
    assert (count(page), len(rows(page))) == ("48 snapshots", 48)
    assert fetched.get(address).status_code == fetched.get(f"{DEV}remove/").status_code == 404
    assert b"compute-on/dev" not in page.content
    assert rows(fetched.get(f"{LIST}?q={one.snapshot_id}")) == []
    assert [each.path for each in environments_of("acme")] == [PATHS[1], PATHS[2]]


def test_removing_is_audited_and_asks_the_provider_nothing(fetched: Client, sim: Simulator) -> None:
    sim.clear()
    fetched.post(f"{DEV}remove/")
    assert sim.requests == []
    event = AuditEvent.objects.get(kind="environment_removed")
    assert (event.actor_email, event.target) == ("alice@example.com", "dev · compute-on")


def forgotten() -> list[str]:
    """The environments that `prune` forgets now; the sessions of those weeks go too."""
    return [line for line in run("prune").lines if "environment" in line]


def test_added_again_it_is_all_there(fetched: Client, alice: User, team: Team, clock: time_machine.Traveller) -> None:
    before = list(Snapshot.objects.filter(environment__name="dev").order_by("pk").values())
    fetched.post(f"{DEV}remove/")
    clock.shift(6 * 24 * 3600)
    fetched.force_login(alice)
    add(fetched, PATHS[0])
    clock.shift(2 * 24 * 3600)
    assert forgotten() == []
    assert (len(before), sorted(paths(team))) == (24, PATHS)
    assert list(Snapshot.objects.filter(environment__name="dev").order_by("pk").values()) == before


@pytest.mark.both_databases
def test_after_seven_days_it_is_forgotten(fetched: Client, team: Team, clock: time_machine.Traveller) -> None:
    fetched.post(f"{DEV}remove/")
    clock.shift(7 * 24 * 3600 - 1)
    assert forgotten() == []
    clock.shift(1)
    assert forgotten() == ["- acme: environment compute-on/dev (snapshots: 24, with their history)"]
    left = {model: model._base_manager.count() for model in (Environment, Snapshot, Volume)}
    assert (left[Environment], left[Snapshot]) == (2, 48)
    assert not Volume.objects.exclude(environment__in=Environment.objects.all()).exists()
    assert forgotten() == []


@pytest.mark.both_databases
def test_a_refresh_under_way_writes_nothing_into_what_was_removed(
    fetched: Client, environments: list[Environment], alice: User, clock: time_machine.Traveller
) -> None:
    clock.shift(60)
    held = claimed(environments[0])
    remove(environments[0], person=alice)
    with pytest.raises(Late):
        store_listing(held, listing([]), received_at=NOW)
    assert Snapshot.objects.filter(environment=environments[0], listed=True).count() == 24


def test_a_team_file_brings_back_what_was_removed(
    fetched: Client, team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY", OLD_KEY)
    monkeypatch.setenv("ALICE_PASSWORD", "not-asked-for")
    fetched.post(f"{PLACES}compute-on/prod/remove/")
    ran = run("provision", write(tmp_path, TEAM))
    assert (ran.status, ran.lines) == (0, ["+ acme: environment compute-on/prod", "1 change made."])
    assert count(fetched.get(LIST)) == "72 snapshots"
