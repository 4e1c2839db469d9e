"""The team's home in a browser: which volumes have no recent usable snapshot, and why."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.browser.conftest import Tab
from tests.browser.stack import KEY, Stack
from tests.browser.volume_stories import HOSTILE, tell

pytestmark = pytest.mark.browser
HOME, PLAIN, PLACE = "/t/acme/", "/t/acme/volumes/", "compute-qc/prod"
WIDTHS = ["desktop", "phone"]
WEEK = """
from dashboard.teams.models import Team, User
from snapshots.policy.targets import set_of_team
for team in Team.objects.all():
    set_of_team(team, 168, person=User.objects.first())
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Stack]:
    """The product with a provider whose volumes have a story each; the team asks for seven days."""
    stack = Stack(tmp_path_factory.mktemp("volumes"), database)
    world = World(seed=7, environments=["compute-on/test_area", PLACE], volumes=0, snapshots=0)
    tell(world, PLACE, datetime.now(UTC))
    stack.simulator = Simulator(world, keys={KEY: None})
    with stack:
        stack.manage("shell", "-c", WEEK)
        yield stack


@pytest.fixture
def home(open_tab: Callable[..., Tab]) -> Callable[..., Tab]:
    """Sign in and land at the team's home."""

    def home(width: str = "desktop", *, scripts: bool = True) -> Tab:
        tab = open_tab(width, scripts=scripts)
        tab.enter("/", "alice@example.com")
        expect(tab.page).to_have_url(f"{tab.url}{HOME}")
        return tab

    return home


def rows(page: Page) -> list[str]:
    return page.locator("tr.vrow .v-name a").all_inner_texts()


@pytest.mark.few(1)
@pytest.mark.parametrize("width", WIDTHS)
def test_problems_first_and_why(home: Callable[..., Tab], width: str) -> None:
    tab = home(width)
    assert rows(tab.page)[:3] == ["billing-db-data", "ROOT-35545", "ci-cache"]
    assert HOSTILE in rows(tab.page)
    expect(tab.page.locator("#freshness")).to_contain_text("All 2 environments checked")
    tab.keep("volumes")
    row = tab.page.locator("tr.vrow", has_text="ROOT-35545")
    row.locator("summary").click()
    expect(row.get_by_text("Daily runs since")).to_be_visible()
    tab.keep("volumes-why")
    tab.page.keyboard.press("Escape")
    expect(row.get_by_text("Daily runs since")).to_be_hidden()


def test_it_fits_on_small_phones(home: Callable[..., Tab]) -> None:
    tab = home("phone")
    for width in (390, 360, 320):
        tab.page.set_viewport_size({"width": width, "height": 800})
        tab.check()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_tile_filters_and_back_leads_back(home: Callable[..., Tab], width: str) -> None:
    tab = home(width)
    tab.page.get_by_role("link", name="Late, stuck or failing").click()
    expect(tab.page).to_have_url(f"{tab.url}{PLAIN}?status=late&status=stuck&status=failing")
    expect(tab.page.locator("tr.vrow")).to_have_count(5)
    expect(tab.page.locator(".tile[aria-current]")).to_contain_text("Late, stuck or failing")
    expect(tab.page.locator("#count")).to_have_text("5 of 12 volumes")
    tab.keep("volumes-filtered")
    tab.page.go_back()
    expect(tab.page).to_have_url(f"{tab.url}{HOME}")
    expect(tab.page.locator("tr.vrow")).to_have_count(12)
    tab.check()


@pytest.mark.proof
@pytest.mark.parametrize("width", WIDTHS)
def test_by_instance(home: Callable[..., Tab], width: str) -> None:
    tab = home(width)
    if width == "phone":
        tab.page.locator("details.fold > summary", has_text="Filters").click()
    tab.page.locator("details.menu > summary", has_text="Group").click()
    tab.page.get_by_label("By instance").check()
    expect(tab.page).to_have_url(f"{tab.url}{PLAIN}?group=instance")
    expect(tab.page.get_by_role("heading", name="web-02")).to_contain_text("2 disks, newest usable")
    tab.page.keyboard.press("Escape")
    tab.keep("volumes-by-instance")


@pytest.mark.proof
def test_typing_adds_no_step(home: Callable[..., Tab]) -> None:
    tab = home()
    tab.page.get_by_label("Search volumes and instances").press_sequentially("web-02")
    expect(tab.page).to_have_url(f"{tab.url}{PLAIN}?q=web-02")
    expect(tab.page.locator("tr.vrow")).to_have_count(2)
    expect(tab.page.get_by_label("Search volumes and instances")).to_have_value("web-02")
    tab.page.get_by_role("link", name=re.compile("Remove filter: Search")).click()
    expect(tab.page.locator("tr.vrow")).to_have_count(12)
    tab.check()


def test_a_refresh_by_itself_moves_nothing(home: Callable[..., Tab], stack: Stack) -> None:
    tab = home()
    before = rows(tab.page)
    volume = next(row for row in stack.simulator.world.volumes(PLACE) if row["name"] == "ROOT-35545")
    stack.simulator.world.add_snapshot(PLACE, volume_id=str(volume["id"]), interval_type="DAILY")
    stack.age_by(minutes=2)
    tab.page.reload()
    expect(tab.page.locator("#news")).to_contain_text("change")
    assert rows(tab.page) == before
    tab.page.locator("#news").get_by_role("link", name="Reload").click()
    expect(tab.page.locator("tr.vrow", has_text="ROOT-35545").locator(".badge")).to_contain_text("Fresh")
    assert rows(tab.page) != before
    tab.check()


@pytest.mark.proof
def test_without_scripts_it_all_works(home: Callable[..., Tab]) -> None:
    tab = home(scripts=False)
    tab.page.locator("details.menu > summary", has_text="Status").click()
    tab.page.get_by_role("checkbox", name=re.compile("^No usable snapshot")).check()
    tab.page.locator("#choices-status").locator("xpath=../..").get_by_role("button", name="Apply").click()
    expect(tab.page).to_have_url(re.compile("status=none"))
    assert rows(tab.page) == ["billing-db-data"]
    tab.page.locator("tr.vrow summary").first.click()
    expect(tab.page.get_by_text("no usable snapshot.", exact=False)).to_be_visible()
    tab.page.get_by_role("button", name="Refresh").click()
    expect(tab.page.get_by_role("status").filter(has_text="hecked")).to_be_visible()


@pytest.mark.proof
@pytest.mark.parametrize("width", WIDTHS)
def test_the_first_day_is_not_grey(home: Callable[..., Tab], stack: Stack, width: str) -> None:
    stack.change("DELETE FROM snapshots_policy")
    tab = home(width)
    expect(tab.page.locator(".tile").first).to_contain_text("No usable snapshot")
    expect(tab.page.locator(".tile").nth(3)).to_contain_text("Within 24 hours")
    tab.keep("volumes-first-day")
    tab.page.get_by_role("button", name="7 days").click()
    expect(tab.page.locator(".tile").nth(3)).to_contain_text("Fresh")
