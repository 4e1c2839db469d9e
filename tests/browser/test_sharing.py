"""A link that is made, opened by somebody else's browser, withdrawn, and opened once more."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Request, expect

from tests.browser.conftest import Tab
from tests.browser.stack import Stack

pytestmark = pytest.mark.browser
LINKS = "/t/acme/settings/shared-links/"
OpenTab = Callable[..., Tab]


def at_a_snapshot(open_tab: OpenTab, width: str = "desktop") -> Tab:
    alice = open_tab(width)
    alice.enter("/t/acme/snapshots/?environment=compute-qc/prod&state=BackedUp", "alice@example.com")
    alice.page.locator("tr.row .col-name a").first.click()
    expect(alice.page.get_by_role("link", name="Share outside…")).to_be_visible()
    return alice


def make(tab: Tab) -> str:
    """Press what makes a link, and give its path."""
    tab.page.get_by_role("link", name="Share outside…").click()
    tab.page.get_by_role("button", name="Create link").click()
    field = tab.page.get_by_role("textbox", name="Shared link")
    return field.input_value().removeprefix(tab.url)


def visit(tab: Tab, path: str) -> tuple[int, list[str]]:
    """Open a page as a stranger; gives its status and the referrers that it sent."""
    sent: list[str] = []

    def hear(request: Request) -> None:
        sent.extend(value for name, value in request.all_headers().items() if name == "referer" and value)

    tab.page.on("requestfinished", hear)
    answer = tab.page.goto(f"{tab.url}{path}")
    assert answer is not None
    tab.page.wait_for_load_state("networkidle")
    return answer.status, sent


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_made_opened_withdrawn_and_opened_again(open_tab: OpenTab, stack: Stack, width: str) -> None:
    alice = at_a_snapshot(open_tab, width)
    name = alice.page.locator("h1").inner_text()
    alice.page.locator("#share").scroll_into_view_if_needed()
    alice.keep("share-panel")
    link = make(alice)
    alice.keep("share-made")
    stranger = open_tab(width)
    stranger.expected = ["404"]
    assert visit(stranger, link) == (200, [])
    expect(stranger.page.get_by_role("heading", name=name)).to_be_visible()
    expect(stranger.page).to_have_title("Shared snapshot")
    expect(stranger.page.locator("a, form, script")).to_have_count(0)
    stranger.keep("shared")
    withdraw(alice, link)
    assert visit(stranger, link) == (404, [])
    expect(stranger.page.get_by_role("heading", name="This link does not work.")).to_be_visible()
    stranger.keep("shared-ended")
    assert stranger.context.cookies() == []
    public, _dot, secret = link.partition(".")
    assert f'"GET {public}.*** HTTP/1.1" 200' in stack.log
    assert f'"GET {public}.*** HTTP/1.1" 404' in stack.log
    assert secret not in stack.log


def withdraw(alice: Tab, link: str) -> None:
    public = link.removeprefix("/s/").partition(".")[0]
    alice.goto(LINKS)
    line = alice.page.locator("ul.links > li").filter(has_text=public)
    expect(line).to_contain_text(re.compile("requested once"))
    alice.keep("share-links")
    line.get_by_role("button", name="Revoke").click()
    expect(alice.page.get_by_text("The link was revoked.")).to_be_visible()


@pytest.mark.proof
def test_the_link_is_copied_and_a_reload_makes_no_second(open_tab: OpenTab) -> None:
    alice = at_a_snapshot(open_tab)
    link = make(alice)
    alice.page.get_by_role("button", name="Copy the link").click()
    expect(alice.page.get_by_role("button", name="Copied")).to_be_visible()
    assert alice.pasted() == f"{alice.url}{link}"
    alice.page.reload()
    expect(alice.page.get_by_role("heading", name="This link already exists")).to_be_visible()
    alice.keep("share-made-before")


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_all_are_withdrawn_after_a_question(open_tab: OpenTab, width: str) -> None:
    alice = at_a_snapshot(open_tab, width)
    path = alice.page.url
    links = [make(alice)]
    alice.page.goto(path)
    links.append(make(alice))
    alice.page.goto(path)
    alice.keep("share-panel-with-links")
    alice.page.get_by_role("link", name="Revoke all links to this snapshot…").click()
    alice.keep("share-revoke-all")
    alice.page.get_by_role("button", name="Revoke", exact=True).click()
    expect(alice.page.get_by_text(re.compile(r"^Revoked: \d links\.$"))).to_be_visible()
    alice.goto("/t/acme/settings/security/")
    alice.keep("security-shared-links")
    alice.page.get_by_role("link", name="Turn off…").click()
    alice.keep("share-switch")
    stranger = open_tab(width)
    assert [visit(stranger, link)[0] for link in links] == [404, 404]
