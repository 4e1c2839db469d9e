"""A member makes an access token, copies it, uses it, and revokes it."""

import json
from collections.abc import Callable
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab

pytestmark = pytest.mark.browser
PAGE = "/t/acme/settings/tokens/"
OpenTab = Callable[..., Tab]


def asked(tab: Tab, token: str) -> int:
    """Ask as a script does; give how many rows there are, or the status of a refusal."""
    address = f"{tab.url}/api/v1/services/compute-on/test_area/snapshots"
    try:
        with urlopen(Request(address, headers={"MC-Api-Key": token}), timeout=60) as answer:
            return len(json.load(answer)["data"])
    except HTTPError as refused:
        return refused.code


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_token_is_made_used_and_revoked(open_tab: OpenTab, width: str) -> None:
    tab = open_tab(width)
    tab.enter(PAGE, "alice@example.com")
    tab.page.get_by_label("Purpose").fill(f"nightly check {width}")
    tab.page.get_by_label("prod · compute-qc").check()
    tab.page.get_by_label("test_area · compute-on").check()
    tab.page.get_by_role("button", name="Create token").click()
    expect(tab.page.get_by_text("Copy it now; it won’t be shown again.")).to_be_visible()
    tab.page.get_by_role("button", name="Copy token").click()
    token = tab.pasted()
    tab.keep("tokens-made")
    assert asked(tab, token) > 0
    tab.goto(PAGE)
    assert token not in tab.page.content()
    tab.keep("tokens")
    tab.page.get_by_role("button", name=f"Revoke nightly check {width}").click()
    expect(tab.page.get_by_text("was revoked")).to_be_visible()
    assert asked(tab, token) == 401
    tab.check()
