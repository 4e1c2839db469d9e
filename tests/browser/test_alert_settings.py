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
    form = tab.page.get_by_role("region", name="Add a webhook")
    form.get_by_label("Name").fill(f"pager {width}")
    form.get_by_label("Address").fill("https://alerts.example.com/hook")
    form.get_by_role("button", name="Add the webhook").click()
    tab.page.get_by_role("button", name="Copy secret").click()
    assert len(tab.pasted()) > 40
    tab.keep("alert-settings-made")
    tab.page.get_by_label("Send alerts to").check()
    tab.page.get_by_label("Summary").select_option("weekly")
    tab.page.get_by_role("button", name="Save").click()
    tab.page.get_by_role("button", name=f"Pause pager {width}").click()
    expect(tab.page.locator("[data-state=paused]")).to_be_visible()
    tab.keep("alert-settings")
    tab.page.get_by_role("link", name=f"Change… pager {width}").click()
    tab.keep("alert-settings-webhook")
    tab.page.get_by_role("button", name="Delete the webhook").click()
    expect(tab.page.locator("[data-state=paused]")).to_have_count(0)
    expect(tab.page.get_by_label("Summary")).to_have_value("weekly")
    tab.check()


@pytest.mark.proof
def test_a_service_is_created_and_changed(open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.enter(PAGE, "alice@example.com")
    form = tab.page.get_by_role("region", name="Add a chat or paging service")
    form.get_by_label("Service").select_option("ntfy")
    form.get_by_label("Name").fill("duty")
    form.get_by_label("Webhook address or key").fill("https://ntfy.sh/a-topic")
    form.get_by_role("button", name="Add the service").click()
    tab.page.get_by_role("link", name="Change… duty").click()
    expect(tab.page.get_by_label("Name")).to_have_value("duty")
    expect(tab.page.get_by_label("Webhook address or key")).to_have_value("")
    tab.keep("alert-settings-service")
    tab.page.get_by_role("button", name="Delete the service").click()
    expect(tab.page.get_by_role("link", name="Change… duty")).to_have_count(0)
    tab.check()


def test_a_feed_is_created_and_ended(open_tab: OpenTab) -> None:
    tab = open_tab("phone")
    tab.enter(PAGE, "bob@example.com")
    tab.page.get_by_role("button", name="Create an address").click()
    tab.page.get_by_role("button", name="Copy address").click()
    assert "/s/feed." in tab.pasted()
    tab.keep("alert-settings-feed")
    tab.page.get_by_role("button", name="End the feed").click()
    expect(tab.page.get_by_role("button", name="Create an address")).to_be_visible()
    tab.check()
