"""The leftovers page in a browser: cards and matrix filter, the list groups by volume, ticked rows are copied."""

import csv
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.browser.conftest import Tab
from tests.browser.leftover_stories import tell
from tests.browser.stack import KEY, Stack

pytestmark = pytest.mark.browser
PAGE, PLACE = "/t/acme/leftovers/", "compute-qc/prod"
BOB = "bob@example.com"
WIDTHS = ["desktop", "phone"]
GONE = """
from django.utils import timezone
from snapshots.models import Volume
Volume.objects.filter(name="legacy-share").update(deleted_at=timezone.now())
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Stack]:
    """The product with a provider whose volumes have leftovers; one of them was deleted."""
    stack = Stack(tmp_path_factory.mktemp("leftovers"), database)
    world = World(seed=7, environments=["compute-on/test_area", PLACE], volumes=0, snapshots=0)
    tell(world, PLACE, datetime.now(UTC))
    stack.simulator = Simulator(world, keys={KEY: None})
    with stack:
        stack.manage("shell", "-c", GONE)
        yield stack


@pytest.fixture
def opened(open_tab: Callable[..., Tab]) -> Callable[..., Tab]:
    def opened(width: str = "desktop", query: str = "", *, scripts: bool = True) -> Tab:
        tab = open_tab(width, scripts=scripts)
        tab.enter(f"{PAGE}{query}", BOB)
        return tab

    return opened


@pytest.mark.proof
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_in_both_themes(opened: Callable[..., Tab], width: str) -> None:
    tab = opened(width)
    expect(tab.page.locator(".reason-card").first).to_be_visible()
    expect(tab.page.locator("tbody.volume-rows", has_text="archive").locator(".only-usable")).to_be_visible()
    tab.keep("leftovers")


def test_it_fits_at_every_width(opened: Callable[..., Tab]) -> None:
    """With a name of 200 characters, and on a phone of 320 px."""
    tab = opened()
    for width in (1440, 1100, 960, 959, 768, 701, 700, 390, 320):
        tab.page.set_viewport_size({"width": width, "height": 800})
        tab.check()


def test_every_number_shows_what_it_counts(opened: Callable[..., Tab]) -> None:
    tab = opened()
    cell = tab.page.locator(".matrix tbody tr", has_text="Old").locator("td").nth(2).locator("a")
    number = cell.locator(".m-number").inner_text()
    assert int(number) > 0
    cell.click()
    expect(tab.page).to_have_url(re.compile(r"reason=old&aged=180"))
    expect(tab.page.locator("#count")).to_contain_text(f"{number} snapshot")
    expect(tab.page.locator(".matrix [aria-current]")).to_have_count(1)
    tab.page.go_back()
    expect(tab.page).to_have_url(tab.url + PAGE)
    tab.page.locator("#set-old > summary").click()
    tab.page.get_by_role("link", name="older than 365 days").click()
    expect(tab.page).to_have_url(re.compile(r"\?days=365$"))
    expect(tab.page.locator("#set-old > summary")).to_contain_text("older than 365 days")
    tab.check()


@pytest.mark.parametrize("width", WIDTHS)
def test_ticked_rows_are_copied_and_warned_of(opened: Callable[..., Tab], width: str) -> None:
    tab = opened(width)
    page = tab.page
    group = page.locator("tbody.volume-rows", has_text="legacy-share")
    group.locator("[data-group]").check()
    expect(page.locator("#selected")).to_have_text("2 selected")
    expect(page.locator("#last-usable")).to_have_text("! all usable ones of 1 volume")
    tab.keep("leftovers-selected")
    names = group.locator("tr.lrow .l-name a").all_inner_texts()
    page.get_by_role("button", name="Copy names").click()
    assert tab.pasted().split("\n") == names
    group.locator("tr.lrow input").first.uncheck()
    expect(page.locator("#selected")).to_have_text("1 selected")
    expect(page.locator("#last-usable")).to_be_empty()
    page.get_by_role("button", name="Copy ids").click()
    assert re.fullmatch(r"[0-9a-f-]{36}", tab.pasted())
    page.locator("#sort-age").click()
    expect(page).to_have_url(re.compile("sort=age"))
    expect(page.locator("#selected")).to_have_text("1 selected")
    page.locator("#acts summary").click()
    with page.expect_download() as download:
        page.locator("#acts").get_by_role("button", name="CSV").click()
    with Path(download.value.path()).open(newline="", encoding="utf-8-sig") as lines:
        (row,) = csv.DictReader(lines)
    assert (row["usableOfVolume"], row["volume"]) == ("2", "legacy-share")
    tab.check()


@pytest.mark.proof
def test_without_scripts_ids_and_names_can_be_copied(opened: Callable[..., Tab]) -> None:
    tab = opened(scripts=False)
    page = tab.page
    page.locator("tr.lrow input").nth(0).check()
    page.locator("tr.lrow input").nth(1).check()
    page.get_by_role("button", name="Show ids and names").click()
    expect(page.get_by_label("Ids")).to_have_value(re.compile(r"^[0-9a-f-]{36}\n[0-9a-f-]{36}$"))
    expect(page.locator("tr.lrow")).to_have_count(2)
    page.get_by_role("link", name="Remove filter: 2 selected snapshots").click()
    page.locator("#card-1").click()
    expect(page).to_have_url(re.compile(r"\?reason=deleted$"))
    page.locator("#set-needed > summary").click()
    page.get_by_role("link", name="the newest 7 of each volume").click()
    expect(page).to_have_url(re.compile(r"keep=7"))
    tab.picture("leftovers-plain")


@pytest.mark.proof
def test_the_way_to_the_console_is_explained(opened: Callable[..., Tab]) -> None:
    tab = opened()
    tab.page.get_by_text("How to delete in the provider’s console").click()
    expect(tab.page.get_by_text("It can’t be brought back.")).to_be_visible()
    tab.keep("leftovers-console")
    # Only Refresh: nothing can be deleted here.
    expect(tab.page.locator("main form[method=post]")).to_have_count(1)


@pytest.mark.proof
def test_nothing_left_over(opened: Callable[..., Tab]) -> None:
    tab = opened(query="?environment=compute-on/test_area")
    expect(tab.page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    tab.keep("leftovers-empty")


@pytest.mark.proof
def test_an_environment_without_a_recent_list_is_left_out_until_it_has_one(
    opened: Callable[..., Tab], stack: Stack
) -> None:
    stack.age_by(minutes=90)
    stack.simulator.fault(path="/compute-qc/prod/snapshots", status=503)
    tab = opened()
    # The other environment answers: it comes back by itself.
    expect(tab.page.locator(".left-out")).to_have_count(1)
    expect(tab.page.locator(".left-out")).to_contain_text("prod · compute-qc is left out")
    expect(tab.page.locator("tr.lrow")).to_have_count(0)
    tab.keep("leftovers-left-out")
    stack.simulator.clear_faults()
    stack.forget_tries()
    tab.page.get_by_role("button", name="Refresh").click()
    expect(tab.page.locator("tr.lrow").first).to_be_visible()
    expect(tab.page.locator(".left-out")).to_have_count(0)
    tab.check()
