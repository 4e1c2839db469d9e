"""Suggested rhythms in a browser: the strip on the volumes page, the page to review them, undo, not now."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.browser.conftest import Tab
from tests.browser.stack import KEY, Stack

pytestmark = pytest.mark.browser
HOME, PLACE = "/t/acme/volumes/", "compute-qc/prod"
LONG = "a-volume-with-a-long-name-" + "that-goes-on-" * 12
SCRIPTS = {"db-data": 1, "web-data": 1, "mail-data": 1, LONG: 7}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Stack]:
    """The product with a provider whose volumes have manual snapshots of scripts, each day or each week."""
    stack = Stack(tmp_path_factory.mktemp("rhythms"), database)
    world = World(seed=7, environments=["compute-on/test_area", PLACE], volumes=0, snapshots=0)
    for name, every in SCRIPTS.items():
        row = world.add_volume(PLACE, name=name, instance_name="app-01")
        for ago in reversed(range(8)):
            at = datetime.now(UTC) - timedelta(hours=1, days=every * ago)
            world.add_snapshot(PLACE, volume_id=str(row["id"]), interval_type="MANUAL", state="BackedUp", created=at)
    stack.simulator = Simulator(world, keys={KEY: None})
    with stack:
        yield stack


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_rhythms_are_reviewed_confirmed_and_taken_back(open_tab: Callable[..., Tab], width: str) -> None:
    tab = open_tab(width, scripts=width == "desktop")
    tab.enter(HOME, "alice@example.com")
    page = tab.page
    strip = page.get_by_role("region", name="Suggested rhythm")
    expect(strip.get_by_text("3 volumes look daily about")).to_be_visible()
    tab.keep("rhythm-strip")
    strip.get_by_role("link", name="Review").click()
    rows = page.locator("[data-rhythm]")
    expect(rows).to_have_count(4)
    tab.keep("rhythms")
    page.get_by_role("checkbox", name="db-data").check()
    page.get_by_role("button", name="Expect the selected ones").click()
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Expect all 3").click()
    expect(rows).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    tab.goto("/t/acme/rhythms/")
    expect(rows).to_have_count(3)
    tab.goto(f"{HOME}?schedule=RHYTHM")
    page.get_by_role("link", name="db-data").click()
    expect(page.get_by_role("heading", name="Daily rhythm")).to_be_visible()
    tab.keep("rhythm-of-volume")
    page.get_by_role("button", name="End Daily rhythm").click()
    expect(page.locator("[data-rhythm]")).to_have_count(1)
    tab.check()


@pytest.mark.proof
def test_not_now_hides_the_strip(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab("desktop")
    tab.enter(HOME, "alice@example.com")
    strip = tab.page.get_by_role("region", name="Suggested rhythm")
    strip.get_by_role("button", name="Not now").click()
    expect(tab.page.locator("#results")).to_be_visible()
    expect(strip).to_have_count(0)
    tab.check()
