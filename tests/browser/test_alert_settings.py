"""An admin creates a webhook, copies its secret, pauses it and deletes it; a member chooses mails."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab

pytestmark = pytest.mark.browser
PAGE = "/t/acme/settings/alerts/"
OpenTab = Callable[..., Tab]


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_webhook_is_created_paused_and_deleted(open_tab: OpenTab, width: str) -> None:
    tab = open_tab(width)
    tab.enter(PAGE, "alice@example.com")
    tab.page.get_by_label("Name").fill(f"pager {width}")
    tab.page.get_by_label("Address").fill("https://alerts.example.com/hook")
    tab.page.get_by_role("button", name="Add the webhook").click()
    tab.page.get_by_role("button", name="Copy secret").click()
    assert len(tab.pasted()) > 40
    tab.keep("alert-settings-made")
    tab.page.get_by_label("Send alerts to").check()
    tab.page.get_by_role("button", name="Save").click()
    tab.page.get_by_role("button", name=f"Pause pager {width}").click()
    expect(tab.page.locator("[data-state=paused]")).to_be_visible()
    tab.keep("alert-settings")
    tab.page.get_by_role("link", name=f"Change… pager {width}").click()
    tab.keep("alert-settings-webhook")
    tab.page.get_by_role("button", name="Delete the webhook").click()
    expect(tab.page.locator("[data-state=paused]")).to_have_count(0)
    tab.check()
