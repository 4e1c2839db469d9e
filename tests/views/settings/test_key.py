"""A key is tried before it counts: what each answer leads to, and what stays as it was."""

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from dashboard.teams.models import ApiKey, AuditEvent, Membership, Role, Team, User
from snapshots.management.rounds import News, round_once
from snapshots.models import Environment, Snapshot
from snapshots.simulator.server import Simulator
from snapshots.sync import refresh
from snapshots.sync.leases import Caller, Why
from tests.views.settings.steps import (
    KEY_PAGE,
    OLD_KEY,
    PARTLY_KEY,
    STRANGE_KEY,
    WORKING_KEY,
    buttons,
    enter,
    form_errors,
    headings,
    is_used,
    known,
    results,
    said,
    save,
    stored,
    verdict,
)
from tests.views.snapshots.reading import tree

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.usefixtures("old_key")
def test_a_key_that_works_is_used_only_when_saved(alice_client: Client, sim: Simulator, team: Team) -> None:
    page = enter(alice_client, WORKING_KEY, whose="robot@example.com")
    assert results(page) == [
        "✓ dev · compute-on: 24 snapshots",
        "✓ prod · compute-on: 24 snapshots",
        "✓ prod · compute-qc: 24 snapshots",
    ]
    assert buttons(page) == ["Save", "Cancel", "Test this key"]
    assert is_used(team, OLD_KEY)
    assert said(save(alice_client, page)) == ["The key is saved and in use."]
    assert (is_used(team, WORKING_KEY), stored(team)) == (True, [])


@pytest.mark.usefixtures("old_key")
def test_a_trial_is_one_list_for_each_environment_and_writes_nothing(alice_client: Client, sim: Simulator) -> None:
    before = list(Environment.objects.order_by("pk").values())
    enter(alice_client, WORKING_KEY)
    assert (sim.calls("/snapshots"), sim.calls("/environments")) == (3, 1)
    assert {call.headers["MC-Api-Key"] for call in sim.requests} == {WORKING_KEY}
    assert list(Environment.objects.order_by("pk").values()) == before
    assert not Snapshot.objects.exists()


@pytest.mark.usefixtures("old_key")
def test_a_key_that_works_in_part_says_where(alice_client: Client, sim: Simulator, team: Team) -> None:
    page = enter(alice_client, PARTLY_KEY)
    assert results(page)[1:] == ["✓ prod · compute-on: 24 snapshots", "✕ prod · compute-qc: not allowed"]
    assert "Save, 2 of 3 work" in buttons(page)
    save(alice_client, page)
    assert is_used(team, PARTLY_KEY)


@pytest.mark.usefixtures("old_key")
def test_a_refused_key_is_not_even_stored(alice_client: Client, sim: Simulator, team: Team) -> None:
    page = enter(alice_client, STRANGE_KEY)
    assert (verdict(page), len(results(page)), buttons(page)) == ("refused", 3, ["Test this key"])
    assert (stored(team), is_used(team, OLD_KEY)) == ([], True)
    assert verdict(alice_client.get(KEY_PAGE)) == ""


@pytest.mark.few(1)
@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429}, {"reset": True}])
@pytest.mark.usefixtures("old_key")
def test_a_key_that_cannot_be_tried_is_not_saved(
    alice_client: Client, sim: Simulator, team: Team, fault: dict[str, object]
) -> None:
    sim.fault(**fault)
    page = enter(alice_client, WORKING_KEY)
    assert (verdict(page), len(results(page)), buttons(page)) == ("unknown", 3, ["Test this key"])
    sim.clear_faults()
    round_once(None, Caller.COMMAND, list[str]().append, news=News(all_of_it=False))
    assert (stored(team), is_used(team, OLD_KEY)) == ([], True)


@pytest.mark.usefixtures("old_key")
def test_a_trial_forgets_the_key_tried_before(alice_client: Client, sim: Simulator, team: Team) -> None:
    page = enter(alice_client, WORKING_KEY)
    assert verdict(page) == "works"
    enter(alice_client, STRANGE_KEY)
    save(alice_client, page)
    assert (stored(team), is_used(team, OLD_KEY)) == ([], True)


@pytest.mark.usefixtures("old_key")
def test_retry_after_is_obeyed_by_a_trial_too(
    alice_client: Client, sim: Simulator, environments: list[Environment]
) -> None:
    sim.fault(status=429, headers={"Retry-After": "600"}, environment=environments[0].path)
    list(refresh.refresh(environments, caller=Caller.COMMAND))
    sim.clear_faults()
    sim.clear()
    page = enter(alice_client, WORKING_KEY)
    assert (results(page)[0][0], verdict(page), sim.calls("/snapshots")) == ("✕", "works", 2)


@pytest.mark.few(2)
@pytest.mark.parametrize("key", ["", " CANARY", "CANARY\n", "CANARY\r\nX: y", "CANARYé", "CANARY\0", "C" * 10_000])
@pytest.mark.usefixtures("old_key")
def test_a_key_of_the_wrong_alphabet_asks_nobody(alice_client: Client, sim: Simulator, team: Team, key: str) -> None:
    page = enter(alice_client, key)
    assert (page.status_code, len(form_errors(page))) == (200, 1)
    assert b"CANARY" not in page.content
    assert b"CCCC" not in page.content
    assert (sim.requests, stored(team), is_used(team, OLD_KEY)) == ([], [], True)


@pytest.mark.usefixtures("old_key")
def test_cancel_forgets_the_key(alice_client: Client, sim: Simulator, team: Team) -> None:
    enter(alice_client, WORKING_KEY)
    (pending,) = stored(team)
    page = alice_client.post(f"{KEY_PAGE}cancel/", {"pending": pending.pk}, follow=True)
    assert said(page) == ["The tested key was discarded. Nothing has changed."]
    assert (stored(team), is_used(team, OLD_KEY)) == ([], True)


@pytest.mark.usefixtures("old_key")
def test_a_tried_key_waits_ten_minutes(
    alice_client: Client, sim: Simulator, team: Team, clock: time_machine.Traveller
) -> None:
    page = enter(alice_client, WORKING_KEY)
    clock.shift(10 * 60)
    assert headings(alice_client.get(KEY_PAGE))[0] == "Key in use"
    assert "expired" in said(save(alice_client, page))[0]
    assert is_used(team, OLD_KEY)


def test_the_sync_deletes_a_tried_key_after_ten_minutes(
    alice_client: Client, sim: Simulator, team: Team, clock: time_machine.Traveller
) -> None:
    enter(alice_client, WORKING_KEY)
    for minutes, left in ((9, 1), (1, 0)):
        clock.shift(minutes * 60)
        round_once(None, Caller.COMMAND, list[str]().append, news=News(all_of_it=False))
        assert len(stored(team)) == left


@pytest.mark.usefixtures("old_key")
def test_only_who_tried_a_key_may_save_it(
    alice_client: Client, bob: User, bob_client: Client, sim: Simulator, team: Team
) -> None:
    Membership.objects.filter(user=bob).update(role=Role.ADMIN)
    page = enter(alice_client, WORKING_KEY)
    assert results(bob_client.get(KEY_PAGE)) == []
    assert "expired" in said(save(bob_client, page))[0]
    assert is_used(team, OLD_KEY)
    assert "Save" in buttons(alice_client.get(KEY_PAGE))


@pytest.mark.usefixtures("old_key")
def test_the_answers_on_the_page_are_of_the_key_that_is_saved(alice_client: Client, sim: Simulator, team: Team) -> None:
    first = enter(alice_client, PARTLY_KEY)
    enter(alice_client, WORKING_KEY)
    assert "expired" in said(save(alice_client, first))[0]
    assert is_used(team, OLD_KEY)


def test_the_first_key_of_a_team_is_tried_by_what_it_sees(alice_client: Client, sim: Simulator, team: Team) -> None:
    assert headings(alice_client.get(KEY_PAGE)) == ["No key yet", "Enter a key"]
    page = enter(alice_client, PARTLY_KEY)
    assert results(page) == ["✓ sees 2 environments"]
    save(alice_client, page)
    key = ApiKey.objects.get(team=team)
    assert key.sees == [["compute-on", "dev"], ["compute-on", "prod"]]


def test_the_page_tells_of_the_key_what_may_be_told(
    alice_client: Client, sim: Simulator, old_key: ApiKey, clock: time_machine.Traveller
) -> None:
    save(alice_client, enter(alice_client, WORKING_KEY, whose="robot@example.com"))
    assert known(alice_client) == {
        "Key": "••••wxyz",
        "Key owner": "robot@example.com",
        "Saved": "just now, alice@example.com",
        "Last success": "none yet",
    }
    clock.shift(60)
    list(refresh.refresh(list(Environment.objects.all()), caller=Caller.COMMAND))
    clock.shift(180)
    later = known(alice_client)
    assert (later["Saved"], later["Last success"]) == ("4 min ago, alice@example.com", "3 min ago")


@pytest.mark.usefixtures("old_key")
def test_of_a_short_key_no_sign_is_shown(alice_client: Client, sim: Simulator) -> None:
    sim.keys["nineteen-letters-ok"] = None
    save(alice_client, enter(alice_client, "nineteen-letters-ok"))
    assert known(alice_client)["Key"] == "••••"


def test_a_new_key_is_tried_at_once_where_the_old_one_was_refused(
    alice_client: Client, sim: Simulator, old_key: ApiKey, environments: list[Environment]
) -> None:
    del sim.keys[OLD_KEY]
    (refused,) = refresh.refresh(environments[:1], caller=Caller.COMMAND)
    assert refused.fault is not None
    (waiting,) = refresh.refresh(environments[:1], caller=Caller.COMMAND)
    assert waiting.denied is not None
    assert waiting.denied.why is Why.REFUSED
    save(alice_client, enter(alice_client, WORKING_KEY))
    Environment.objects.update(tried_at=None)
    (outcome,) = refresh.refresh(environments[:1], caller=Caller.COMMAND)
    assert outcome.written is not None


def test_saving_is_audited_without_the_key(alice_client: Client, sim: Simulator, old_key: ApiKey, alice: User) -> None:
    save(alice_client, enter(alice_client, WORKING_KEY))
    event = AuditEvent.objects.get(kind="key_changed")
    assert (event.actor, event.team, event.target, event.ip) == (alice, old_key.team, "••••wxyz", "127.0.0.1")
    assert WORKING_KEY not in str(vars(event))


@pytest.mark.usefixtures("old_key")
def test_guessing_keys_through_us_ends_after_five_a_minute(alice_client: Client, sim: Simulator) -> None:
    for _ in range(5):
        enter(alice_client, STRANGE_KEY)
    asked = len(sim.requests)
    page = enter(alice_client, WORKING_KEY)
    assert "This team has tested 5 keys within a minute." in tree(page).shown(role="alert").text
    assert len(sim.requests) == asked


def test_without_a_ring_no_key_is_taken(alice_client: Client, sim: Simulator, settings: Settings) -> None:
    settings.API_KEY_ENCRYPTION_KEYS = []
    page = enter(alice_client, WORKING_KEY)
    assert "API_KEY_ENCRYPTION_KEYS" in tree(page).shown(role="alert").text
    assert sim.requests == []


def test_a_key_that_cannot_be_read_asks_to_be_entered_again(
    alice_client: Client, sim: Simulator, old_key: ApiKey, environments: list[Environment]
) -> None:
    ApiKey.objects.update(sealed="damaged")
    list(refresh.refresh(environments, caller=Caller.COMMAND))
    page = alice_client.get(KEY_PAGE)
    assert tree(page).shown(css="banner").text == "✕The stored key cannot be read. Enter it again."
    assert sim.requests == []
