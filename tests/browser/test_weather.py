"""What a reader sees when the provider is down, when it comes back, and while things change under them."""

import re
from base64 import b64encode
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from snapshots.simulator.faults import Fault
from tests.browser.conftest import Tab
from tests.browser.stack import KEY, Stack
from tests.waiting import until

pytestmark = pytest.mark.browser
LIST = "/t/acme/snapshots/"
MINUTE = 61_000
SHORT_LIST = f"{LIST}?page_size=25"


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_old_data_stays_labelled_while_the_provider_is_down(
    open_tab: Callable[..., Tab], stack: Stack, width: str
) -> None:
    tab = open_tab(width)
    tab.enter(SHORT_LIST, "alice@example.com")
    rows = tab.page.locator("tbody tr").count()
    stack.simulator.add_fault(Fault(environment="compute-qc/prod", status=503))
    stack.manage("sync_snapshots", "--force", status=1)
    tab.goto(SHORT_LIST)
    expect(tab.page.locator("#banners")).to_contain_text("prod · compute-qc has not answered since")
    expect(tab.page.locator("#freshness")).to_contain_text("1 of 2 environments up to date; prod · compute-qc from")
    assert rows > 10
    expect(tab.page.locator("tbody tr")).to_have_count(rows)
    tab.keep("provider-down")
    stack.simulator.clear_faults()
    stack.manage("sync_snapshots", "--force")
    tab.goto(SHORT_LIST)
    expect(tab.page.locator("#freshness")).to_contain_text("All 2 environments checked")
    expect(tab.page.locator("#banners")).to_be_empty()


def test_nothing_moves_under_a_reader(open_tab: Callable[..., Tab], stack: Stack) -> None:
    tab = open_tab()
    tab.enter(LIST, "alice@example.com")
    before = tab.page.locator("tbody").inner_text()
    stack.simulator.world.add_snapshot("compute-qc/prod", name="taken-since")
    stack.manage("sync_snapshots", "--force")
    _ask_by_script(tab)
    expect(tab.page.locator("#news")).to_have_text(re.compile(r"List has changed \(1\)\. Reload"))
    expect(tab.page.locator("tbody")).to_have_text(before, use_inner_text=True)
    tab.page.locator("#news").get_by_role("link", name="Reload").click()
    expect(tab.page.locator("tbody")).to_contain_text("taken-since")
    stack.simulator.add_fault(Fault(status=503))
    stack.manage("sync_snapshots", "--force", status=1)
    tab.goto(LIST)
    told = tab.page.locator("#banners details")
    told.locator("summary").click()
    shown = told.element_handle()
    _ask_by_script(tab)
    until(lambda: not shown.evaluate("one => one.isConnected"), what="a new banner")
    expect(told.locator("li").first).to_be_visible()
    tab.check()
    stack.simulator.clear_faults()
    stack.manage("sync_snapshots", "--force")


@pytest.mark.proof
def test_a_dashboard_that_does_not_answer_keeps_no_tick(open_tab: Callable[..., Tab], stack: Stack) -> None:
    tab = open_tab()
    tab.expected += ["ERR_CONNECTION_REFUSED", "htmx:afterRequest", "htmx:sendError"]
    tab.page.clock.install()
    tab.enter(LIST, "alice@example.com")
    tick, as_of, failure = (tab.page.locator(name) for name in ("#freshness .tone", "#as-of", "#failure"))
    rows = tab.page.locator("tbody").inner_text()
    with stack.gone():
        tab.page.clock.run_for(MINUTE)
        expect(as_of).to_have_text(re.compile(r"as of \d+ \w{3} \d\d:\d\d UTC"))
        expect(tick).to_be_hidden()
        expect(failure).to_be_hidden()
        tab.page.get_by_role("button", name="Refresh").click()
        expect(failure).to_be_visible()
        tab.page.locator("details.export > summary").click()
        tab.page.locator("a[data-export]").first.click()
        expect(tab.page.locator("#export-note.bad")).to_be_visible()
    expect(tab.page.locator("tbody")).to_have_text(rows, use_inner_text=True)
    tab.page.clock.run_for(MINUTE)
    expect(tick).to_be_visible()
    expect(as_of).to_be_hidden()
    expect(failure).to_be_hidden()
    tab.check()


def test_it_is_asked_again_at_once_when_the_network_returns(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.expected += ["ERR_INTERNET_DISCONNECTED", "htmx:afterRequest", "htmx:sendError"]
    tab.page.clock.install()
    tab.enter(LIST, "alice@example.com")
    tab.context.set_offline(True)
    tab.page.clock.run_for(MINUTE)
    expect(tab.page.locator("#as-of")).to_be_visible()
    tab.page.clock.pause_at(tab.page.evaluate("Date.now() + 100"))
    tab.context.set_offline(False)
    expect(tab.page.locator("#as-of")).to_be_hidden()
    tab.check()


def _ask_by_script(tab: Tab) -> None:
    """What the page's own script does each minute, now."""
    tab.page.evaluate(
        "const form = document.getElementById('refresh');"
        "htmx.ajax('POST', form.action, {source: form, values: {auto: '1'}});"
    )


@pytest.mark.proof
def test_the_button_swaps_the_table_and_says_so(open_tab: Callable[..., Tab], stack: Stack) -> None:
    tab = open_tab()
    tab.enter(LIST, "alice@example.com")
    stack.simulator.world.add_snapshot("compute-on/test_area", name="taken-by-hand")
    stack.forget_tries()
    tab.page.get_by_role("button", name="Refresh").click()
    expect(tab.page.locator("#news")).to_have_text("Checked: 1 new.")
    expect(tab.page.locator("tbody")).to_contain_text("taken-by-hand")
    tab.check()


@pytest.mark.proof
def test_an_answer_whose_link_has_gone_meanwhile_is_asked_for_anew(open_tab: Callable[..., Tab], stack: Stack) -> None:
    tab = open_tab()
    tab.enter(LIST, "alice@example.com")
    held: list[Route] = []
    tab.page.route("**/snapshots/?sort=name", lambda route: held.append(route), times=1)
    with tab.page.expect_request("**/snapshots/?sort=name"):
        tab.page.get_by_role("link", name="Name").first.click()
    stack.forget_tries()
    tab.page.get_by_role("button", name="Refresh").click()
    expect(tab.page.locator("#news")).to_contain_text("Checked:")
    held[0].continue_()
    expect(tab.page).to_have_url(re.compile("sort=name"))
    expect(tab.page.locator("#filters-hidden input[name=sort]")).to_have_value("name")
    expect(tab.page.locator("#news")).to_be_empty()
    tab.check()


def test_an_open_snapshot_keeps_its_answer_fresh(open_tab: Callable[..., Tab], stack: Stack) -> None:
    tab = open_tab()
    tab.goto(f"{LIST}compute-on/test_area/33a27b8d-5a27-42a5-aec4-37606e372bda/")
    stack.age_by(minutes=10)
    tab.sign_in("bob@example.com")
    expect(tab.page.locator("#freshness")).to_contain_text(re.compile("checked (just now|[0-9] s ago)"))
    expect(tab.page.locator("#verdict strong")).to_have_text("Usable.")
    tab.page.get_by_role("button", name="Check now").click()
    expect(tab.page.locator("#news")).to_have_text("Checked: nothing changed.")
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("i-douglas-ADM_foo_20161116211009")
    tab.check()


def test_the_key_is_in_no_file_and_no_log(stack: Stack) -> None:
    stack.manage("sync_snapshots", "--force")
    files = [path for path in stack.folder.iterdir() if path.is_file() and path.name != "teams.toml"]
    assert {"db.sqlite3", "web.log"} <= {path.name for path in files}
    found = [(path.name, form) for path in files for form in _forms(KEY) if form in path.read_bytes()]
    assert found == []


def _forms(key: str) -> list[bytes]:
    """The key as it may have been written down: plain, turned round, in base64 and in hex."""
    plain = key.encode()
    return [plain, plain[::-1], b64encode(plain).rstrip(b"=")[:-1], plain.hex().encode(), plain[:12]]
