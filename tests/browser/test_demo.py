"""The demo in a real browser: the home page shows every verdict, and some change during the test."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from snapshots.demo.show import PASSWORD
from tests.browser.conftest import Tab
from tests.management.programs import free_port, running, until
from tests.management.test_demo import address

pytestmark = pytest.mark.browser
VOLUMES = "/t/acme/volumes/"
STORIES = f"{VOLUMES}?environment=compute-on/shop&environment=compute-qc/dev"
TOLD = {
    "billing-db-data": "No usable snapshot",
    "ledger-data": "Daily late by 1 d",
    "contracts": "9 d old, target 7 d",
    "search-index": "Daily stuck for 8 h",
    "payments-data": "Daily failing",
    "archive": "Age unknown",
    "dev-queue": "Was late at ",
    "dev-files": "Run was due ",
    "cart-cache": "First snapshot due by ",
    "warehouse-data": "Running",
    "checkout-db-data": "Fresh",
    "product-photos": "many fewer usable since ",
}


@dataclass(frozen=True)
class Demo:
    url: str


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo as it comes up by itself."""
    folder = tmp_path_factory.mktemp("demo")
    ports = (f"--port={free_port()}", f"--simulator-port={free_port()}")
    options = ("-m", "snapshots.demo", f"--folder={folder / 'var'}", *ports)
    with running(*options, env=dict(os.environ), folder=folder) as process:
        yield Demo(address(process))
        process.end()


@pytest.fixture
def alice(open_tab: Callable[..., Tab]) -> Tab:
    return signed_in(open_tab(), "alice@example.com")


def signed_in(tab: Tab, email: str) -> Tab:
    tab.goto("/")
    tab.page.get_by_label("Email").fill(email)
    tab.page.get_by_label("Password").fill(PASSWORD)
    tab.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("Volumes")
    return tab


def row(page: Page, volume: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=volume, exact=True))


@pytest.mark.proof
def test_every_verdict_is_told(alice: Tab) -> None:
    alice.goto(STORIES)
    for volume, words in TOLD.items():
        expect(row(alice.page, volume)).to_contain_text(words)
    expect(alice.page.get_by_text("The provider rejects this team’s key for")).to_be_visible()
    top = alice.page.get_by_role("banner").bounding_box()
    assert top, "the bar of every page"
    assert top["height"] > 40, "complete, with all pictures of the page"
    alice.keep("demo-volumes")
    alice.page.get_by_role("link", name="1 excluded").click()
    expect(row(alice.page, "ci-scratch")).to_contain_text("Excluded")
    alice.page.get_by_role("link", name="1 deleted with snapshots left").click()
    expect(row(alice.page, "old-shop-data")).to_contain_text("Deleted")
    alice.check()


@pytest.mark.proof
def test_the_other_team_is_asked_on_its_first_day(open_tab: Callable[..., Tab]) -> None:
    tab = signed_in(open_tab(), "charlie@example.com")
    expect(tab.page.get_by_text("How recent must each volume’s latest usable snapshot be?")).to_be_visible()
    tab.check()


@pytest.mark.proof
def test_something_happens_while_one_watches(alice: Tab) -> None:
    alice.goto(f"{VOLUMES}?environment=compute-on/shop&q=orders-db-data")

    def is_fresh() -> bool:
        alice.page.reload()
        return "Fresh" in row(alice.page, "orders-db-data").inner_text()

    until(is_fresh, seconds=120, what="the run that is under way")
    alice.check()
