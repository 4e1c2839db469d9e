"""What is judged once for all that looks the same: nothing that axe by itself finds is missed by it."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from tests.browser.axe import judged
from tests.proof import first

pytestmark = pytest.mark.browser
ROWS = "<tr class=row><td>one</td><td>two</td></tr>" * 20
PALE = "#ccc"
PLACES = {
    "one cell of many": f"<table>{ROWS}<tr class=row><td>one</td><td style='color:{PALE}'>two</td></tr>{ROWS}</table>",
    "a dark row": f"<table>{ROWS}<tr style='background:#333;color:#000'><td>one</td></tr>{ROWS}</table>",
    "below a dark box": f"<table>{ROWS}</table><div style='background:#111'><p>one</p></div>",
    "half seen through": "<div><p>one</p></div><div style='opacity:.3'><p>one</p><p>two</p></div>",
    "smaller and paler": "<p style='color:#888;font-size:24px'>one</p><p style='color:#888'>two</p>",
    "two grounds": "<div style='background:#fff'><b>one</b></div><div style='background:#222'><b>two</b></div>",
    "floating over another ground": """
        <style>i { position: absolute; left: 9px; width: 90px; height: 30px } u { display: block; height: 40px }</style>
        <div style='position:relative'><u></u><i style='top:5px'>one</i></div>
        <div style='position:relative'><u style='background:#222'></u><i style='top:5px'>two</i></div>""",
}
PAGE = "<!doctype html><html lang=en><title>A page</title><main style='color:#000;background:#fff'><h1>It</h1>{}</main>"
PLAIN = """axe.run({runOnly: ["color-contrast"]})
  .then(({violations}) => violations.flatMap(({nodes}) => nodes.map(({html}) => html)))"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("place", first(2, PLACES))
@pytest.mark.parametrize("theme", first(1, ["light", "dark"]))
def test_all_that_is_too_pale_is_found(page: Page, place: str, theme: str) -> None:
    page.set_content(PAGE.format(PLACES[place]))
    found = [one for one in judged(page).response["violations"] if one["id"] == "color-contrast"]
    page.set_content(PAGE.format(PLACES[place]))
    page.evaluate(AXE_SCRIPT)
    plain = page.evaluate(PLAIN)
    assert [node["html"] for one in found for node in one["nodes"]] == plain != []
