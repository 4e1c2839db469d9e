"""The search of the top bar: by keyboard alone, with an answer that is late, with none, and on a phone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Tab

pytestmark = pytest.mark.browser
LIST = "/t/acme/snapshots/"
PART = re.compile(r"/t/acme/search/\?q=")
# What htmx says of a request that a newer one ended.
ENDED = ["htmx:afterRequest", "htmx:sendAbort"]


def options(page: Page, number: int) -> None:
    """Wait until the search has found something, of which the arrows have chosen this one; 0: none."""
    expect(page.locator("#search-field")).to_have_attribute("aria-expanded", "true")
    chosen = page.locator("#search-results [role=option]").nth(number - 1).get_attribute("id") if number else ""
    assert (page.locator("#search-field").get_attribute("aria-activedescendant") or "") == chosen


def typed(page: Page, text: str) -> None:
    page.wait_for_load_state()  # a page that just opened has no shortcuts yet
    page.keyboard.press("/")
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def test_the_keyboard_is_enough(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.expected += ENDED
    tab.enter(LIST, "alice@example.com")
    page, field = tab.page, tab.page.locator("#search-field")
    typed(page, "root-")
    options(page, 0)
    expect(page.locator("[data-search-status]")).to_contain_text("volumes")
    tab.keep("search")
    for key, number in (("ArrowDown", 1), ("ArrowDown", 2), ("Home", 1), ("ArrowUp", 0), ("ArrowUp", -1), ("End", -1)):
        page.keyboard.press(key)
        options(page, number if number >= 0 else page.locator("#search-results [role=option]").count())
    page.keyboard.press("Escape")
    expect(page.locator(".search-panel")).to_be_hidden()
    expect(field).to_have_value("root-")
    page.keyboard.press("ArrowDown")
    options(page, 0)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/t/acme/search/\?q=root-$"))
    tab.keep("search-page")
    typed(page, "root-3")
    options(page, 0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/t/acme/volumes/[^?]+/$"))
    typed(page, "root-3")
    options(page, 0)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    tab.check()


@pytest.mark.proof
def test_a_suggestion_is_chosen_by_keyboard(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.expected += ENDED
    tab.enter(LIST, "alice@example.com")
    page = tab.page
    typed(page, "rooot-35545")
    options(page, 0)
    expect(page.locator("[data-search-status]")).to_contain_text("ROOT-35545")
    tab.keep("search-suggestion")
    page.keyboard.press("ArrowDown")
    options(page, 1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/t/acme/search/\?q=ROOT-35545$"))
    expect(page.locator(".hit").first).to_be_visible()
    tab.check()


def test_a_late_answer_and_no_answer(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.expected += ENDED
    tab.enter("/t/acme/settings/audit/", "alice@example.com")
    page, held = tab.page, list[Route]()
    page.route(PART, lambda route: held.append(route) if route.request.url.endswith("=ro") else route.continue_())
    with page.expect_request(PART) as first:
        typed(page, "ro")
    page.keyboard.type("ot-")
    options(page, 0)
    assert [first.value.failure, len(held)] == ["net::ERR_ABORTED", 1]
    expect(page.locator("#search-results mark").first).to_have_text("ROOT-")
    tab.expected.append("503")
    page.unroute(PART)
    page.route(PART, lambda route: route.fulfill(status=503))
    page.keyboard.type("3")
    expect(page.locator("[data-search-failed]")).to_be_visible()
    expect(page.locator("#search-field")).to_have_value("root-3")
    expect(page.locator("#failure")).to_be_hidden()
    page.unroute(PART)
    page.locator("[data-search-again]").click()
    options(page, 0)
    expect(page.locator("[data-search-failed]")).to_be_hidden()
    tab.check()


@pytest.mark.proof
def test_on_a_phone_back_closes_it(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab("phone")
    tab.expected += ENDED
    tab.enter(LIST, "alice@example.com")
    page = tab.page
    expect(page.locator("#search-field")).to_be_hidden()
    page.locator("[data-search-open]").click()
    expect(page.locator("#search-field")).to_be_focused()
    page.keyboard.type("root-")
    options(page, 0)
    tab.keep("search-sheet")
    page.go_back()
    expect(page.locator("#search-field")).to_be_hidden()
    expect(page).to_have_url(f"{tab.url}{LIST}")
    tab.check()


def test_without_scripts_it_is_a_form(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(scripts=False)
    tab.enter(LIST, "bob@example.com")
    tab.page.locator("#search-field").fill("root-")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator(".hit").first).to_be_visible()
