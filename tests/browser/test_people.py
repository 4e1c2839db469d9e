"""How somebody comes into a team and out of it, as those who do it see it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab
from tests.browser.stack import PASSWORD

pytestmark = pytest.mark.browser
PEOPLE = "/t/acme/settings/people/"
OpenTab = Callable[..., Tab]


def signed_in(open_tab: OpenTab, width: str, email: str, path: str) -> Tab:
    tab = open_tab(width)
    tab.enter(path, email)
    return tab


def copied_invitation(tab: Tab, email: str) -> str:
    tab.page.get_by_label("Email").fill(email)
    tab.page.locator("#id_role").select_option("member")
    tab.page.get_by_role("button", name="Create invite link").click()
    tab.page.get_by_role("button", name="Copy link").click()
    expect(tab.page.locator("#copied")).to_have_text(re.compile("Copied"))
    link = tab.pasted()
    expect(tab.page.locator("#link")).to_have_value(link)
    assert link.startswith(f"{tab.url}/invitation/")
    return link


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_from_the_link_to_the_list_and_out_again(open_tab: OpenTab, width: str) -> None:
    email = f"dora-{width}@example.com"
    alice = signed_in(open_tab, width, "alice@example.com", PEOPLE)
    link = copied_invitation(alice, email)
    alice.keep("people-link")
    dora = open_tab(width)
    dora.page.goto(link)
    dora.keep("invitation")
    dora.page.get_by_label("Password").fill(PASSWORD)
    dora.page.get_by_role("button", name="Set password and join").click()
    expect(dora.page.get_by_text("You joined the team Acme Platform.")).to_be_visible()
    alice.goto(PEOPLE)
    alice.page.get_by_role("link", name=f"Remove {email}").click()
    alice.keep("remove")
    alice.page.get_by_role("button", name="Remove").click()
    expect(alice.page.get_by_text(f"{email} is no longer in the team.")).to_be_visible()
    dora.expected.append("404")
    dora.page.reload()
    expect(dora.page.get_by_role("heading", level=1)).to_have_text(f"Nothing here for {email}")
    dora.check()


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_pages_of_people_and_audit(open_tab: OpenTab, width: str) -> None:
    alice = signed_in(open_tab, width, "alice@example.com", PEOPLE)
    alice.page.get_by_label("Email").fill("bob@example.com")
    alice.page.get_by_role("button", name="Create invite link").click()
    expect(alice.page.get_by_text("bob@example.com is already in the team.")).to_be_visible()
    alice.page.get_by_label("Email").fill("waiting@example.com")
    alice.page.get_by_role("button", name="Create invite link").click()
    alice.goto(PEOPLE)
    alice.keep("people")
    alice.page.get_by_role("navigation", name="Team settings").get_by_role("link", name="Audit").click()
    expect(alice.page.locator(".event-kind").filter(has_text="Signed in").first).to_be_visible()
    alice.keep("audit")
    alice.goto("/invitation/never-made/")
    alice.keep("invitation-ended")
    bob = signed_in(open_tab, width, "bob@example.com", PEOPLE)
    bob.keep("people-viewer")
    bob.page.get_by_role("link", name="Leave").click()
    bob.keep("leave")


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_session_is_ended_from_elsewhere(open_tab: OpenTab, width: str) -> None:
    here, there = open_tab(width), open_tab(width)
    for tab in (here, there):
        tab.goto("/accounts/sessions/")
        tab.sign_in("charlie@example.com")
    here.page.reload()
    here.keep("sessions")
    here.page.get_by_role("button", name="End").first.click()
    expect(here.page.get_by_text("Session ended.")).to_be_visible()
    there.page.reload()
    expect(there.page).to_have_url(re.compile("/accounts/login/"))
