"""A session ends twelve hours after the sign-in, regardless of its use."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import Membership, Role, Team, User
from tests.conftest import PASSWORD

LOGIN, PASSWORDS, AGAIN = "/accounts/login/", "/accounts/password/change/", "/accounts/reauthenticate/"
NEW_PASSWORD = "seven-lamps-on-the-shore"
Act = Callable[[Client, int], object]
pytestmark = pytest.mark.defaults


def view_two_teams(client: Client, turn: int) -> object:
    return client.get(f"/t/{('acme', 'rival')[turn % 2]}/snapshots/")


def confirm(client: Client, turn: int) -> object:
    return client.post(AGAIN, {"password": PASSWORD})


def change_password(client: Client, turn: int) -> object:
    old, new = ((PASSWORD, NEW_PASSWORD), (NEW_PASSWORD, PASSWORD))[turn % 2]
    return client.post(PASSWORDS, {"oldpassword": old, "password1": new, "password2": new})


@pytest.mark.parametrize("act", [view_two_teams, confirm, change_password])
def test_nothing_that_is_done_makes_a_session_longer(client: Client, alice: User, rival: Team, act: Act) -> None:
    Membership.objects.create(team=rival, user=alice, role=Role.ADMIN)
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        client.post(LOGIN, {"login": alice.email, "password": PASSWORD})
        for turn in range(11):
            clock.shift(timedelta(hours=1))
            act(client, turn)
            assert Session.objects.get().expire_date <= began + timedelta(hours=12)
        assert int(client.cookies["sessionid"]["max-age"]) <= 3600
        assert client.get("/accounts/").status_code == 200
        clock.shift(timedelta(hours=1, seconds=1))
        assert client.get("/accounts/").status_code == 302


def test_a_new_sign_in_begins_a_new_session(client: Client, alice: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(2):
            client.post(LOGIN, {"login": alice.email, "password": PASSWORD})
            assert client.get("/accounts/").status_code == 200
            clock.shift(timedelta(hours=11))
            client.post("/accounts/logout/")


def test_a_clock_that_was_ahead_at_the_sign_in_makes_no_session_longer(client: Client, alice: User) -> None:
    now = timezone.now()
    with time_machine.travel(now + timedelta(days=3), tick=False):
        client.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    with time_machine.travel(now, tick=False) as clock:
        client.get("/t/acme/snapshots/")
        clock.shift(timedelta(hours=12, seconds=1))
        assert client.get("/accounts/").status_code == 302
