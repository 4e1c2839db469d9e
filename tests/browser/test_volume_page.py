"""One volume's page and the pictures, in a real browser: seen, checked, and what a member says there."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from snapshots.simulator.world import World
from tests.browser.conftest import SHOTS, Tab
from tests.browser.stack import Stack

pytestmark = pytest.mark.browser
PLACE = "compute-qc/prod"
GAPS = "00000000-0000-4000-8000-00000000aaaa"
STOPPED = "00000000-0000-4000-8000-00000000bbbb"
LOST = "00000000-0000-4000-8000-00000000cccc"
HOSTILE = "00000000-0000-4000-8000-00000000dddd"
NAME = "<img src=x onerror=alert(1)>\u202e&amp;"
WIDTHS = pytest.mark.parametrize("width", ["desktop", "phone"])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Stack]:
    """A separate stack, whose provider has volumes with a past."""
    prepared = Stack(tmp_path_factory.mktemp("volume"), database)
    _tell(prepared.simulator.world, datetime.now(UTC))
    with prepared as running:
        yield running


def _tell(world: World, now: datetime) -> None:
    world.add_volume(PLACE, id=GAPS, name="billing-db-data", instance_name="db-01")
    world.add_volume(PLACE, id=STOPPED, name="registry-data", instance_name="reg-01")
    world.add_volume(PLACE, id=HOSTILE, name=NAME, instance_name="web-02")
    # The provider lists no volume with this id.
    _take(world, LOST, now, [10, 11, 12], volume="scratch")
    _take(world, GAPS, now, [*range(4, 12), *range(16, 28)])
    _take(world, GAPS, now, [1, 2], state="Error")
    _take(world, GAPS, now, [20.5], state="Allocated")
    _take(world, GAPS, now, [3, 10, 17], interval_type="WEEKLY")
    _take(world, STOPPED, now, list(range(9, 25)))
    _take(world, HOSTILE, now, [0.1, 1.1, 2.1], name=NAME)


def _take(world: World, volume_id: str, now: datetime, days: list[float], **fields: str) -> None:
    fields = {"interval_type": "DAILY", **fields}
    for number in reversed(days):
        world.add_snapshot(PLACE, volume_id=volume_id, created=now - timedelta(days=number), **fields)


def opened(
    open_tab: Callable[..., Tab], volume_id: str, width: str = "desktop", who: str = "alice", *, scripts: bool = True
) -> Tab:
    tab = open_tab(width, scripts=scripts)
    tab.enter(f"/t/acme/volumes/{PLACE}/{volume_id}/", f"{who}@example.com")
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
    return tab


@WIDTHS
def test_it_says_what_and_why_and_shows_the_gaps(open_tab: Callable[..., Tab], width: str) -> None:
    tab = opened(open_tab, GAPS, width)
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("billing-db-data")
    expect(tab.page.locator("#verdict .badge")).to_contain_text("Daily late by")
    expect(tab.page.locator("#verdict .why")).to_contain_text("2 attempts since then, both failed.")
    expect(tab.page.locator(".timeline .gap").first).to_contain_text("without a usable snapshot")
    expect(tab.page.get_by_role("heading", name="Left over")).to_be_visible()
    expect(tab.page.get_by_role("img", name=re.compile("^Last 30 days: taken on"))).to_be_visible()
    tab.keep("volume")


@pytest.mark.proof
@WIDTHS
def test_a_hostile_name_is_text(open_tab: Callable[..., Tab], width: str) -> None:
    tab = opened(open_tab, HOSTILE, width)
    expect(tab.page.get_by_role("heading", level=1)).to_contain_text("<img src=x")
    tab.keep("volume-hostile")


def test_the_button_asks_and_the_page_stays(open_tab: Callable[..., Tab], stack: Stack) -> None:
    tab = opened(open_tab, HOSTILE)
    stack.simulator.world.add_snapshot(PLACE, volume_id=HOSTILE, interval_type="DAILY", name="taken-since")
    tab.page.get_by_role("button", name="Check now").click()
    expect(tab.page.locator("#news")).to_contain_text("Checked this volume only: 1 snapshot changed.")
    expect(tab.page.locator("#detail .timeline li").first).to_contain_text("Completed")
    tab.check()


@pytest.mark.proof
def test_a_member_says_that_it_was_deleted_and_takes_it_back(open_tab: Callable[..., Tab]) -> None:
    tab = opened(open_tab, LOST)
    tab.page.get_by_role("button", name="It was deleted intentionally").click()
    expect(tab.page.locator("#detail .banner").first).to_contain_text("Deleted, 3 snapshots left.")
    tab.keep("volume-deleted")
    tab.page.get_by_role("button", name="It was not deleted").click()
    expect(tab.page.locator("#verdict .badge")).not_to_contain_text("Deleted")
    tab.check()


@pytest.mark.proof
def test_a_schedule_that_stopped_on_purpose_without_scripts(open_tab: Callable[..., Tab]) -> None:
    tab = opened(open_tab, STOPPED, scripts=False)
    expect(tab.page.locator("#verdict .badge")).to_contain_text("Daily: no run for 9 d")
    tab.page.get_by_role("button", name="Stopped intentionally").click()
    expect(tab.page.get_by_text("marked as intentionally stopped")).to_be_visible()
    tab.page.get_by_role("button", name="It was not stopped intentionally").click()
    expect(tab.page.locator("#verdict .badge")).to_contain_text("Daily: no run for 9 d")


@pytest.mark.proof
def test_a_viewer_is_offered_nothing_that_would_be_refused(open_tab: Callable[..., Tab]) -> None:
    tab = opened(open_tab, LOST, who="bob")
    expect(tab.page.locator("#detail").get_by_role("button")).to_have_count(0)
    expect(tab.page.locator("#detail form")).to_have_count(0)


def _answer_once(tab: Tab) -> None:
    """The ages are drawn for a team that has said what is young enough; until then its tiles are the ages."""
    answer = tab.page.get_by_role("button", name="7 days", exact=True)
    if answer.count():
        answer.click()
        expect(tab.page.locator(".question")).to_have_count(0)


@pytest.mark.proof
@WIDTHS
def test_the_pictures_and_their_numbers(open_tab: Callable[..., Tab], width: str) -> None:
    tab = open_tab(width)
    tab.enter("/t/acme/volumes/", "alice@example.com")
    _answer_once(tab)
    if width == "phone":
        tab.page.get_by_text("Ages and the last 90 days").click()
    tab.page.get_by_text("Show as table").click()
    expect(tab.page.locator(".share-numbers tbody tr")).to_have_count(1)
    expect(tab.page.locator(".share-text").first).to_contain_text("with a problem")
    tab.page.locator(".pictures").screenshot(path=SHOTS / f"pictures-{width}.png")
    tab.keep("volumes-pictures")
    bar = tab.page.locator(".bars li").filter(has_text="7 to 30 days")
    number = bar.locator(".bar-number").inner_text()
    bar.get_by_role("link").click()
    expect(tab.page).to_have_url(re.compile(r"age=30d"))
    expect(tab.page.locator("tr.vrow")).to_have_count(int(number))
