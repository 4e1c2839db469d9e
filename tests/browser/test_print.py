"""Printed pages: without controls, and dark on light in every theme."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import SHOTS, Tab
from tests.proof import first

pytestmark = pytest.mark.browser
OpenTab = Callable[..., Tab]
PAPER: ViewportSize = {"width": 718, "height": 1016}
"""A4 at 96 dots an inch, within its margins."""
PRESSED = "button, summary:not(.why > *), .button, .bar, .tabs, .filters, .pager-links, [type=submit], [type=checkbox]"
# Every text that is seen: how light it is, and how light what lies behind it, from 0 to 1.
LIGHTNESS = """() => {
  const light = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const seen = [...document.querySelectorAll("main *")].filter((one) =>
    one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const [r, g, b, a = 1] = light(getComputedStyle(one).backgroundColor);
      if (a > 0) return (r + g + b) / 765;
    }
    return 1;
  };
  return seen.map((one) => {
    const [r, g, b] = light(getComputedStyle(one).color);
    return [(r + g + b) / 765, behind(one), one.textContent.trim().slice(0, 40)];
  });
}"""
CUT_OFF = """() => [...document.querySelectorAll("main .first, main .second, main .field")]
  .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1 && one.clientWidth)
  .map((one) => one.value || one.textContent)"""


PAGES = {
    "volumes": "/t/acme/volumes/?environment=compute-on/test_area",
    "list": "/t/acme/snapshots/?state=BackedUp",
    "changes": "/t/acme/changes/",
    "alerts": "/t/acme/alerts/",
    "report": "/t/acme/reports/?from=2026-01-01&to=2999-01-01",
    "snapshot": "/t/acme/snapshots/",
    "people": "/t/acme/settings/people/",
    "audit": "/t/acme/settings/audit/",
    "key": "/t/acme/settings/key/",
    "environments": "/t/acme/settings/environments/",
}


def printed(open_tab: OpenTab, path: str) -> Page:
    """The page as it goes to the printer."""
    tab = open_tab()
    tab.enter(path, "alice@example.com")
    if path == PAGES["snapshot"]:
        tab.goto(str(tab.page.locator(".row .col-name a").first.get_attribute("href")))
    tab.page.set_viewport_size(PAPER)
    tab.page.emulate_media(media="print")
    return tab.page


@pytest.mark.proof
@pytest.mark.parametrize("name", first(1, PAGES))
def test_is_dark_on_light_without_a_button(open_tab: OpenTab, name: str) -> None:
    page = printed(open_tab, PAGES[name])
    for theme in ("light", "dark"):
        page.emulate_media(media="print", color_scheme=theme)
        page.screenshot(path=SHOTS / f"print-{name}-{theme}.png", full_page=True)
        expect(page.locator(PRESSED).filter(visible=True)).to_have_count(0)
        texts = page.evaluate(LIGHTNESS)
        assert len(texts) > 5
        assert [text for ink, paper, text in texts if ink > 0.5 or paper < 0.85] == []
        assert page.evaluate(CUT_OFF) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_says_what_the_page_says(open_tab: OpenTab) -> None:
    page = printed(open_tab, PAGES["list"])
    page.emulate_media(media="print", color_scheme="dark")
    for told in (".on-paper", "h1", "#count", "#freshness", ".chip", ".col-state .badge", ".pager"):
        expect(page.locator(told).first).to_be_visible()
    expect(page.locator("tr.row")).to_have_count(50)
    expect(page.locator(".chip").first).to_have_text("State: Completed")
    expect(page.locator(".on-paper bdi")).to_have_text("Acme Platform")


def test_the_head_row_is_on_every_sheet_and_no_row_is_split(open_tab: OpenTab) -> None:
    page = printed(open_tab, PAGES["volumes"])
    look = """(one) => {
      const style = getComputedStyle(one);
      return [style.display, style.position, style.breakInside];
    }"""
    assert page.locator("thead").first.evaluate(look)[0] == "table-header-group"
    assert page.locator("thead th").nth(1).evaluate(look)[1] == "static"
    assert page.locator("tr.vrow").first.evaluate(look)[::2] == ["table-row", "avoid"]


@pytest.mark.proof
def test_a_snapshot_says_where_it_is_found(open_tab: OpenTab, tmp_path: Path) -> None:
    page = printed(open_tab, PAGES["snapshot"])
    address = page.locator("#address")
    expect(address).to_be_visible()
    expect(address).to_have_value(page.url.partition("?")[0])
    pdf = page.pdf(path=tmp_path / "snapshot.pdf", format="A4", prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") <= 2


def test_a_link_that_lets_somebody_in_is_not_printed(open_tab: OpenTab) -> None:
    page = printed(open_tab, PAGES["people"])
    page.emulate_media(media="screen")
    page.get_by_label("Email").fill("paper@example.com")
    page.get_by_role("button", name="Create invite link").click()
    expect(page.locator("#link")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("#link")).to_be_hidden()
    expect(page.locator(".person").filter(has_text="paper@example.com")).to_be_visible()
