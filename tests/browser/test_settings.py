"""An admin gives the team another key and other environments, and needs nobody else for it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab
from tests.browser.stack import KEY, Stack

pytestmark = pytest.mark.browser
KEY_PAGE = "/t/acme/settings/key/"
PLACES = "/t/acme/settings/environments/"
PARTLY_KEY = "CANARY-key-that-sees-one-of-two"
OpenTab = Callable[..., Tab]


def alice_at(open_tab: OpenTab, width: str, path: str) -> Tab:
    tab = open_tab(width)
    tab.enter(path, "alice@example.com")
    return tab


def enter(tab: Tab, key: str) -> None:
    tab.page.get_by_label("API key of a Viewer account").fill(key)
    tab.page.get_by_role("button", name="Test this key").click()
    expect(tab.page.get_by_role("heading", name="Key works")).to_be_visible()


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_key_is_tried_then_left_or_saved(open_tab: OpenTab, stack: Stack, width: str) -> None:
    stack.simulator.keys[PARTLY_KEY] = frozenset({"compute-on/test_area"})
    tab = alice_at(open_tab, width, KEY_PAGE)
    enter(tab, PARTLY_KEY)
    expect(tab.page.get_by_text("prod · compute-qc: not allowed")).to_be_visible()
    expect(tab.page.get_by_role("button", name="Save, 1 of 2 works")).to_be_visible()
    tab.keep("settings-key")
    tab.page.get_by_role("button", name="Cancel").click()
    expect(tab.page.get_by_text("The tested key was discarded. Nothing has changed.")).to_be_visible()
    enter(tab, KEY)
    tab.page.get_by_role("button", name="Save", exact=True).click()
    expect(tab.page.get_by_text("The key is saved and in use.")).to_be_visible()
    tab.check()


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_an_environment_is_removed_and_added_again(open_tab: OpenTab, width: str) -> None:
    tab = alice_at(open_tab, width, PLACES)
    tab.page.get_by_role("link", name="Remove prod · compute-qc").click()
    tab.keep("settings-remove")
    tab.page.get_by_role("button", name="Remove").click()
    expect(tab.page.get_by_text("Removed prod · compute-qc.")).to_be_visible()
    tab.page.get_by_role("button", name="Reload list from the provider").click()
    expect(tab.page.get_by_label("prod · compute-qc")).to_be_checked()
    tab.keep("settings-environments")
    tab.page.get_by_role("button", name="Add 1 environment", exact=True).click()
    expect(tab.page.get_by_text("Added: prod · compute-qc.")).to_be_visible()
    expect(tab.page.get_by_role("link", name="Remove prod · compute-qc")).to_be_visible()
    tab.check()
