"""One's own sessions: seen, and ended from elsewhere."""

import pytest
from django.test import Client

from dashboard.teams.models import User
from tests.conftest import PASSWORD
from tests.views.snapshots.reading import tree

SESSIONS = "/accounts/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36"


def signed_in(user: User, browser: str = FIREFOX) -> Client:
    client = Client(headers={"User-Agent": browser})
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return client


def listed(client: Client) -> list[str]:
    return [one.text for one in tree(client.get(SESSIONS)).all("li", css="person")]


def to_end(client: Client) -> list[str]:
    return [one.attributes["value"] for one in tree(client.get(SESSIONS)).all("input", name="session")]


@pytest.mark.both_databases
def test_sessions_are_listed_the_newest_first_and_this_one_has_no_end(alice: User) -> None:
    first, second = signed_in(alice), signed_in(alice, CHROME)
    newest, oldest = listed(first)
    assert newest.startswith("Chrome on Windows")
    assert oldest.startswith("Firefox on Linux This session")
    assert "127.0.0.1" in newest
    assert (len(to_end(first)), len(to_end(second))) == (1, 1)


@pytest.mark.both_databases
def test_ended_session_is_refused_on_its_next_request(alice: User) -> None:
    here, there = signed_in(alice), signed_in(alice, CHROME)
    assert there.get(SESSIONS).status_code == 200
    assert here.post(SESSIONS, {"session": to_end(here)[0]})["Location"] == SESSIONS
    assert there.get(SESSIONS)["Location"] == f"/accounts/login/?next={SESSIONS}"
    assert len(listed(here)) == 1


def test_somebody_elses_session_is_not_there(alice: User, bob: User) -> None:
    here, there = signed_in(alice), signed_in(alice, CHROME)
    (pk,) = to_end(here)
    stranger = signed_in(bob)
    assert len(listed(stranger)) == 1
    assert stranger.post(SESSIONS, {"session": pk}).status_code == 404
    assert there.get(SESSIONS).status_code == 200


def test_changed_password_and_sign_out_leave_nothing_in_the_list(alice: User) -> None:
    here, there, gone = signed_in(alice), signed_in(alice), signed_in(alice)
    gone.post("/accounts/logout/")
    assert len(listed(here)) == 2
    new = {"oldpassword": PASSWORD, "password1": "seven-lamps-on-the-shore", "password2": "seven-lamps-on-the-shore"}
    here.post("/accounts/password/change/", new)
    assert len(listed(here)) == 1
    assert there.get(SESSIONS).status_code == 302


@pytest.mark.parametrize("chosen", ["", "x", "0", "9" * 30])
def test_nonsense_ends_nothing(alice: User, chosen: str) -> None:
    here, there = signed_in(alice), signed_in(alice)
    assert here.post(SESSIONS, {"session": chosen}).status_code == 302
    assert there.get(SESSIONS).status_code == 200


@pytest.mark.parametrize("agent", ["", "curl/8", "<script>alert(1)</script>"])
def test_what_a_browser_says_is_never_markup(alice: User, agent: str) -> None:
    page = signed_in(alice, agent)
    assert listed(page)[0].startswith("Unknown browser")
    assert b"<script>alert" not in page.get(SESSIONS).content
