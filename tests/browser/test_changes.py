"""What changed, in a real browser: found, filtered, opened and turned over; with and without scripts."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab
from tests.browser.stack import Stack

pytestmark = pytest.mark.browser
CHANGES = "/t/acme/changes/"
PLACE = "compute-qc/prod"
MANY = 64


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Stack]:
    """A separate stack, in which things happened since the first list."""
    with Stack(tmp_path_factory.mktemp("changes"), database) as running:
        _live(running)
        yield running


def _live(stack: Stack) -> None:
    world = stack.simulator.world
    usable = [row for row in world.snapshots(PLACE) if row["state"] == "BackedUp"]
    ids = [str(row["id"]) for row in usable]
    # On a volume of its own: failures of one volume share a line.
    other = next(str(row["volumeId"]) for row in usable if row["volumeId"] != usable[0]["volumeId"])
    making = world.add_snapshot(PLACE, name="vanishes", state="Creating", interval_type="MANUAL", volume_id=other)
    done = world.add_snapshot(PLACE, name="by-hand-before-upgrade", state="BackingUp", interval_type="MANUAL")
    _sync(stack)
    world.set_state(PLACE, str(done["id"]), "BackedUp")
    world.set_state(PLACE, ids[0], "Error")
    world.remove_snapshot(PLACE, ids[1])
    world.remove_snapshot(PLACE, str(making["id"]))
    _sync(stack)
    stack.simulator.fault(path="/compute-on/test_area/snapshots", status=403)
    _sync(stack, status=1)
    stack.simulator.clear_faults()
    _sync(stack)
    for number in range(MANY):
        world.add_snapshot(PLACE, name=f"nightly-{number:02}", interval_type="DAILY")
    _sync(stack)


def _sync(stack: Stack, status: int = 0) -> None:
    stack.manage("sync_snapshots", "--force", status=status)


def signed_in(open_tab: Callable[..., Tab], width: str = "desktop", *, scripts: bool = True) -> Tab:
    tab = open_tab(width, scripts=scripts)
    tab.enter(CHANGES, "bob@example.com")
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("Changes")
    return tab


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_the_page_its_opened_line_and_its_snapshots(open_tab: Callable[..., Tab], width: str) -> None:
    tab = signed_in(open_tab, width)
    expect(tab.page.locator("li.change").first).to_contain_text(f"{MANY} snapshots at once")
    tab.keep("changes")
    tab.page.get_by_role("link", name=f"{MANY} snapshots at once").click()
    expect(tab.page).to_have_url(re.compile(r"\?line=\d+$"))
    expect(tab.page.locator("li.change")).to_have_count(50)
    tab.keep("changes-opened")
    tab.page.go_back()
    tab.page.get_by_role("link", name="by-hand-before-upgrade").click()
    expect(tab.page.locator("section", has_text="Timeline").last).to_contain_text("Completed")
    tab.check()


def test_filters_apply_at_once_and_each_is_a_step_back(open_tab: Callable[..., Tab]) -> None:
    tab = signed_in(open_tab)
    tab.page.locator("summary", has_text="Kind").click()
    tab.page.get_by_role("checkbox", name="Vanished").check()
    expect(tab.page).to_have_url(re.compile(r"\?kind=vanished$"))
    expect(tab.page.locator("li.change")).to_have_count(1)
    expect(tab.page.locator("li.change")).to_contain_text("it probably failed")
    tab.page.keyboard.press("Escape")
    tab.keep("changes-filtered")
    tab.page.go_back()
    expect(tab.page.locator("li.change").nth(3)).to_be_visible()
    tab.page.get_by_label("Search by name, volume or id").press_sequentially("nightly-07")
    expect(tab.page.locator("li.change")).to_have_count(1)
    tab.check()


@pytest.mark.proof
def test_the_volume_filter_finds_and_the_dates_narrow(open_tab: Callable[..., Tab]) -> None:
    tab = signed_in(open_tab)
    tab.page.locator("details.volume-menu > summary").click()
    tab.page.locator("#volume-choices input").first.check()
    expect(tab.page).to_have_url(re.compile("volume_id="))
    tab.page.goto(f"{tab.url}{CHANGES}")
    tab.page.locator("summary", has_text="Time").click()
    tab.page.get_by_label("To", exact=True).fill("2020-01-01")
    tab.page.get_by_role("button", name="Apply").click()
    expect(tab.page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    tab.page.get_by_role("link", name="Clear all filters").click()
    expect(tab.page.locator("li.change").first).to_be_visible()
    tab.check()


def test_pages_turn_and_the_focus_stays(open_tab: Callable[..., Tab]) -> None:
    tab = signed_in(open_tab)
    tab.page.get_by_label("Search by name, volume or id").fill("nightly")
    expect(tab.page.locator("#count")).to_have_text(f"{MANY} entries")
    tab.page.get_by_role("link", name="Next").click()
    expect(tab.page.locator("li.change")).to_have_count(MANY - 50)
    tab.page.get_by_role("link", name="Previous").click()
    expect(tab.page.locator("li.change")).to_have_count(50)
    tab.check()


def test_what_happens_meanwhile_is_announced_and_shown_on_demand(open_tab: Callable[..., Tab], stack: Stack) -> None:
    tab = signed_in(open_tab)
    stack.simulator.world.add_snapshot(PLACE, name="taken-since")
    stack.forget_tries()
    tab.page.get_by_role("button", name="Refresh").click()
    expect(tab.page.locator("#news")).to_contain_text("Checked: 1 new.")
    expect(tab.page.get_by_role("link", name="taken-since")).to_be_visible()
    tab.check()


@pytest.mark.proof
def test_without_scripts_it_all_works(open_tab: Callable[..., Tab]) -> None:
    tab = signed_in(open_tab, scripts=False)
    tab.page.get_by_role("link", name=f"{MANY} snapshots at once").click()
    tab.page.get_by_role("link", name="Next").click()
    expect(tab.page.locator("li.change")).to_have_count(MANY - 50)
    tab.page.goto(f"{tab.url}{CHANGES}")
    tab.page.locator("summary", has_text="Kind").click()
    tab.page.get_by_label("Failed").check()
    tab.page.locator("details[open]").get_by_role("button", name="Apply").click()
    expect(tab.page).to_have_url(re.compile("kind=failed"))
    expect(tab.page.locator("li.change")).to_have_count(1)
