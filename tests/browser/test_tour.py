"""What a team does with it, from the sign-in to the address that a colleague opens."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab
from tests.browser.stack import Stack

pytestmark = pytest.mark.browser
LIST = "/t/acme/snapshots/"
SEED_ID = "33a27b8d-5a27-42a5-aec4-37606e372bda"
SEED_VOLUME = "c779ca42-6966-41af-a7dc-23db4e41d4ee"
SEED_PAGE = f"{LIST}compute-on/test_area/{SEED_ID}/"


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_sign_in_filter_open_pass_on(open_tab: Callable[..., Tab], width: str) -> None:
    tab = open_tab(width)
    tab.goto("/")
    tab.keep("sign-in")
    tab.sign_in("alice@example.com")
    expect(tab.page).to_have_url(re.compile("/t/acme/$"))
    tab.goto(LIST)
    expect(tab.page.locator("#freshness")).to_contain_text("All 2 environments checked")
    tab.keep("list")
    assert {"table", "row", "cell", "rowheader", "columnheader"} <= _spoken_roles(tab)
    _type_the_volume(tab)
    tab.keep("list-filtered")
    tab.page.get_by_role("link", name="i-douglas-ADM_foo_20161116211009").click()
    expect(tab.page).to_have_url(re.compile(SEED_PAGE))
    tab.keep("snapshot")
    address = _copied_link(tab)
    _sign_out(tab)
    tab.page.goto(address)
    expect(tab.page.get_by_text("Sign in to continue.")).to_be_visible()
    tab.sign_in("bob@example.com")
    expect(tab.page).to_have_url(address)
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("i-douglas-ADM_foo_20161116211009")
    tab.check()


def _spoken_roles(tab: Tab) -> set[str]:
    """What the browser tells a screen reader: on a phone too, where its rows are grids, a table stays a table."""
    session = tab.context.new_cdp_session(tab.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return {node["role"]["value"] for node in nodes if not node["ignored"]}


def _type_the_volume(tab: Tab) -> None:
    if tab.width == "phone":
        tab.page.locator("details.fold > summary").click()
    tab.page.locator("details.volume-menu > summary").click()
    tab.page.get_by_label("Find a volume").press_sequentially("ROOT-35545")
    tab.page.locator(f"input[name=volume_id][value='{SEED_VOLUME}']").check()
    expect(tab.page).to_have_url(re.compile(f"volume_id={SEED_VOLUME}"))
    expect(tab.page.locator("#count")).to_contain_text("of")
    tab.page.keyboard.press("Escape")
    expect(tab.page.get_by_role("link", name=re.compile("Remove filter: Volume: ROOT-35545"))).to_be_visible()


def _copied_link(tab: Tab) -> str:
    tab.page.get_by_role("button", name="Copy link").first.click()
    expect(tab.page.locator("#copied")).to_have_text(re.compile("Copied"))
    address = tab.pasted()
    assert address == f"{tab.url}{SEED_PAGE}"
    return address


def _sign_out(tab: Tab) -> None:
    if tab.width == "phone":
        tab.page.locator("details.bar-fold > summary").click()
    tab.page.locator("details.you > summary").click()
    tab.page.get_by_role("button", name="Sign out").click()
    expect(tab.page).to_have_url(re.compile("/accounts/login/"))


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_stranger_learns_nothing_and_can_change_account(open_tab: Callable[..., Tab], width: str) -> None:
    tab = open_tab(width)
    tab.expected.append("404")
    tab.goto(SEED_PAGE)
    tab.sign_in("charlie@example.com")
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("Nothing here for charlie@example.com")
    assert "douglas" not in tab.page.content()
    tab.keep("nothing-here")
    tab.page.get_by_role("button", name="Use another account").click()
    tab.sign_in("alice@example.com")
    expect(tab.page).to_have_url(f"{tab.url}{SEED_PAGE}")


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_an_id_that_we_do_not_have_is_asked_for(open_tab: Callable[..., Tab], stack: Stack, width: str) -> None:
    taken = stack.simulator.world.add_snapshot("compute-qc/prod", name=f"just-taken-{width}")
    tab = open_tab(width)
    tab.expected.append("404")
    tab.enter("/", "bob@example.com")
    tab.goto(f"{LIST}compute-qc/prod/{taken['id']}/")
    expect(tab.page.get_by_role("heading", level=1)).to_have_text(f"just-taken-{width}")
    unknown = f"00000000-0000-4000-8000-{'1' if width == 'phone' else '2':0>12}"
    tab.goto(f"{LIST}compute-qc/prod/{unknown}/")
    expect(tab.page.get_by_role("heading", level=1)).to_contain_text("Not in our copy of")
    expect(tab.page.get_by_text("The provider does not know this id.")).to_be_visible()
    tab.keep("not-in-our-copy")


@pytest.mark.proof
def test_choosing_adds_one_back_step_and_typing_none(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.enter(LIST, "alice@example.com")
    tab.page.get_by_role("link", name="Name").first.click()
    expect(tab.page).to_have_url(re.compile("sort=name"))
    tab.page.get_by_label("Search by name, volume or id").press_sequentially("douglas")
    expect(tab.page).to_have_url(re.compile("q=douglas"))
    expect(tab.page.locator("tbody tr")).to_have_count(1)
    tab.page.go_back()
    expect(tab.page).to_have_url(f"{tab.url}{LIST}")
    expect(tab.page.locator("tbody tr").nth(10)).to_be_visible()
    tab.check()


def test_without_scripts_it_all_works(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(scripts=False)
    tab.goto(LIST)
    tab.sign_in("alice@example.com")
    tab.page.locator("details.volume-menu > summary").click()
    tab.page.get_by_label("Find a volume").fill("ROOT-35545")
    tab.page.get_by_role("button", name="Search").click()
    tab.page.get_by_role("link", name="Filter by ROOT-35545").first.click()
    expect(tab.page).to_have_url(re.compile(f"volume_id={SEED_VOLUME}"))
    tab.page.get_by_role("button", name="Refresh").click()
    expect(tab.page.get_by_role("status").filter(has_text=re.compile("hecked|Asked"))).to_be_visible()
    tab.page.get_by_role("link", name="i-douglas-ADM_foo_20161116211009").click()
    expect(tab.page.get_by_label("Link", exact=True)).to_have_value(f"{tab.url}{SEED_PAGE}")
