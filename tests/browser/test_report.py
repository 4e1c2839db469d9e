"""The report in a browser: in both themes, at every width, and on paper with its foot."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab

pytestmark = pytest.mark.browser
OpenTab = Callable[..., Tab]
NOW = datetime.now(UTC)
RANGE = f"/t/acme/reports/?from={NOW - timedelta(days=20):%Y-%m-%d}&to={NOW:%Y-%m-%d}"


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_the_page_in_both_themes(open_tab: OpenTab, width: str) -> None:
    tab = open_tab(width)
    tab.enter(RANGE, "bob@example.com")
    expect(tab.page.locator(".report-table tfoot tr")).to_have_count(1)
    expect(tab.page.locator(".calendar").first).to_be_visible()
    assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    tab.keep("report")


def test_another_range_and_an_order(open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.enter("/t/acme/reports/", "bob@example.com")
    tab.page.get_by_text("Other range…").click()
    tab.page.get_by_label("From").fill(f"{NOW:%Y-%m-%d}")
    tab.page.get_by_label("To", exact=True).fill(f"{NOW:%Y-%m-%d}")
    tab.page.get_by_role("button", name="Show").click()
    expect(tab.page.locator(".day-mark")).to_have_count(1)
    tab.page.locator(".r-name a", has_text="Volume").first.click()
    expect(tab.page.locator("th.r-name[aria-sort]")).to_have_attribute("aria-sort", "ascending")


def test_on_paper_each_page_has_its_foot(open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.enter(RANGE, "bob@example.com")
    tab.page.emulate_media(media="print")
    for seen in ("h1 .paper-only", ".report-sentences", ".calendar", "#report-notes"):
        expect(tab.page.locator(seen).first).to_be_visible()
    expect(tab.page.locator(".page-tools").get_by_role("button")).to_have_count(0)
    foot = tab.page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--foot')")
    assert foot.strip('"').startswith("Acme Platform · ")
    assert tab.page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
