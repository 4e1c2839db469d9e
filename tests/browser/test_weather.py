"""What a reader sees when the provider is down, when it comes back, and while things change under them."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from snapshots.simulator.faults import Fault
from tests.browser.conftest import Tab
from tests.browser.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
LIST = "/t/acme/snapshots/"


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_old_data_stays_labelled_while_the_provider_is_down(
    open_tab: Callable[..., Tab], stack: Stack, width: str
) -> None:
    tab = open_tab(width)
    tab.goto(LIST)
    tab.sign_in("alice@example.com")
    rows = tab.page.locator("tbody tr").count()
    stack.simulator.add_fault(Fault(environment="compute-qc/prod", status=503))
    stack.manage("sync_snapshots", "--force", status=1)
    tab.goto(LIST)
    expect(tab.page.locator("#banners")).to_contain_text("prod · compute-qc has not answered since")
    expect(tab.page.locator("#freshness")).to_contain_text("1 of 2 current; prod · compute-qc as of")
    assert tab.page.locator("tbody tr").count() == rows > 10
    tab.keep("provider-down")
    stack.simulator.clear_faults()
    stack.manage("sync_snapshots", "--force")
    tab.goto(LIST)
    expect(tab.page.locator("#freshness")).to_contain_text("All 2 environments checked")
    expect(tab.page.locator("#banners")).to_be_empty()


def test_nothing_moves_under_a_reader(open_tab: Callable[..., Tab], stack: Stack) -> None:
    tab = open_tab()
    tab.goto(LIST)
    tab.sign_in("alice@example.com")
    before = tab.page.locator("tbody").inner_text()
    stack.simulator.world.add_snapshot("compute-qc/prod", name="taken-meanwhile")
    stack.manage("sync_snapshots", "--force")
    _ask_by_script(tab)
    expect(tab.page.locator("#news")).to_have_text(re.compile(r"1 change · show"))
    assert tab.page.locator("tbody").inner_text() == before
    tab.page.locator("#news").get_by_role("link", name="show").click()
    expect(tab.page.locator("tbody")).to_contain_text("taken-meanwhile")
    tab.check()


def _ask_by_script(tab: Tab) -> None:
    """What the page's own script does each minute, now."""
    tab.page.evaluate(
        "const form = document.getElementById('refresh');"
        "htmx.ajax('POST', form.action, {source: form, values: {auto: '1'}});"
    )


def test_the_button_swaps_the_table_and_says_so(open_tab: Callable[..., Tab], stack: Stack) -> None:
    tab = open_tab()
    tab.goto(LIST)
    tab.sign_in("alice@example.com")
    stack.simulator.world.add_snapshot("compute-on/test_area", name="taken-by-hand")
    stack.forget_tries()
    tab.page.get_by_role("button", name="Refresh").click()
    expect(tab.page.locator("#news")).to_have_text("Checked: 1 new.")
    expect(tab.page.locator("tbody")).to_contain_text("taken-by-hand")
    tab.check()
