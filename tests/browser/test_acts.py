"""Answering the first question, not judging volumes and keeping a view, as a member sees it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab
from tests.browser.stack import Stack
from tests.proof import first

pytestmark = pytest.mark.browser
HOME = "/t/acme/"
OpenTab = Callable[..., Tab]


def signed_in(
    open_tab: OpenTab, path: str, width: str = "desktop", *, email: str = "alice", scripts: bool = True
) -> Tab:
    tab = open_tab(width, scripts=scripts)
    tab.enter(path, f"{email}@example.com")
    return tab


def is_asked(tab: Tab) -> bool:
    return tab.page.get_by_role("heading", name="How recent must each volume").count() == 1


@pytest.mark.proof
def test_the_first_question_is_answered_once(open_tab: OpenTab, stack: Stack) -> None:
    alice = signed_in(open_tab, HOME, "phone")
    expect(alice.page.locator(".tile").first).to_be_visible()
    if is_asked(alice):
        alice.keep("question")
        bob = signed_in(open_tab, HOME, email="bob")
        bob.keep("question-viewer")
        # Just listed: no page refreshes between reading the texts and the numbers.
        stack.age_by(minutes=5)
        stack.manage("sync_snapshots")
        alice.goto(HOME)
        effect = alice.page.locator("#effect-168").inner_text()
        alice.page.get_by_role("button", name="7 days").click()
        expect(alice.page.get_by_text("Target of Acme Platform: 7 days.")).to_be_visible()
        numbers = alice.page.locator(".tile strong").all_inner_texts()
        assert re.findall(r"\d+", effect) == [number for number in numbers if number != "0"]
    expect(alice.page.get_by_role("heading", name="How recent must each volume")).to_have_count(0)
    alice.check()


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_pages_of_targets_and_of_what_is_excluded(open_tab: OpenTab, width: str) -> None:
    alice = signed_in(open_tab, f"{HOME}settings/targets/", width)
    alice.page.get_by_label("Target of prod · compute-qc").select_option(label="2 days")
    alice.page.get_by_role("button", name="Set the target of prod · compute-qc").click()
    expect(alice.page.get_by_text("Target of prod · compute-qc: 2 days.")).to_be_visible()
    alice.keep("targets")
    alice.goto(f"{HOME}settings/exclusions/")
    alice.page.get_by_text("Exclude an environment…").click()
    alice.keep("exclude-form")
    alice.goto(f"{HOME}views/")
    alice.keep("saved-views")


@pytest.mark.parametrize("scripts", first(1, [True, False]))
def test_volumes_are_excluded_and_come_back(open_tab: OpenTab, scripts: bool) -> None:
    alice = signed_in(open_tab, f"{HOME}volumes/?environment=compute-qc/prod", scripts=scripts)
    boxes = alice.page.locator("input[name=volume]")
    boxes.nth(0).check()
    boxes.nth(1).check()
    alice.page.get_by_role("button", name="Exclude…").click()
    expect(alice.page.get_by_role("heading", name="2 volumes")).to_be_visible()
    alice.page.get_by_label("Reason").fill("lab machines")
    alice.page.get_by_label("Without end").check()
    if scripts:
        alice.keep("exclude")
    alice.page.get_by_role("button", name="Exclude 2 volumes").click()
    expect(alice.page.get_by_text("Excluded 2 volumes without end.")).to_be_visible()
    assert alice.page.url.endswith(f"{HOME}volumes/?environment=compute-qc/prod")
    alice.page.get_by_role("button", name="Undo").click()
    expect(alice.page.get_by_text("Undone.")).to_be_visible()


@pytest.mark.proof
def test_the_page_of_groups_is_selected(open_tab: OpenTab) -> None:
    page = signed_in(open_tab, f"{HOME}volumes/?group=instance", "desktop").page
    page.locator("[data-page]").check()
    expect(page.locator("table.volumes").nth(1)).to_be_visible()
    rows = page.locator("input[name=volume]").count()
    assert rows > 1
    expect(page.locator("input[name=volume]:checked")).to_have_count(rows)
    page.locator("input[name=volume]").first.uncheck()
    assert page.locator("[data-page]").evaluate("(one) => one.indeterminate")


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_rows_are_selected(open_tab: OpenTab, width: str) -> None:
    """The bar comes with the first tick, names how many, hides no row, and goes with the filters."""
    alice = signed_in(open_tab, f"{HOME}volumes/", width)
    boxes, bar = alice.page.locator("input[name=volume]"), alice.page.locator("#acts")
    said, everything = bar.get_by_role("status"), bar.locator("#select-all")
    expect(bar.get_by_role("button")).to_have_count(0)
    boxes.nth(0).check()
    expect(said).to_have_text("1 selected")
    boxes.nth(3).click(modifiers=["Shift"])
    expect(said).to_have_text("4 selected")
    alice.keep("selected")
    alice.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    last, over = alice.page.locator("nav.pager").bounding_box(), bar.bounding_box()
    assert last is not None
    assert over is not None
    assert last["y"] + last["height"] <= over["y"]
    alice.page.keyboard.press("Escape")
    expect(alice.page.locator("input[name=volume]:checked")).to_have_count(0)
    # A box takes no letters: the shortcuts work there too.
    boxes.nth(2).focus()
    alice.page.keyboard.press("/")
    expect(alice.page.locator("[data-search]")).to_be_focused()
    alice.page.keyboard.press("Escape")  # on a phone the search covers the page
    boxes.nth(2).check()
    alice.page.locator("#filters input[name=q]").fill("root")
    expect(said).to_contain_text("Selection cleared")
    expect(alice.page.locator("input[name=volume]:checked")).to_have_count(0)
    boxes.nth(0).check()
    matching = int(alice.page.locator("[data-matching]").get_attribute("data-matching") or 0)
    everything.click()
    expect(said).to_contain_text(f"All {matching} ")
    bar.get_by_role("button", name="Set target…").click()
    expect(alice.page.locator("h2#chosen")).to_have_text(f"{matching} volumes")
    alice.page.get_by_role("link", name="Cancel").click()
    alice.page.wait_for_url(re.compile(r"/t/acme/volumes/\?q=root$"))
    alice.check()


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_view_is_kept_and_found(open_tab: OpenTab, width: str) -> None:
    name = f"Failed on {width}"
    alice = signed_in(open_tab, "/t/acme/snapshots/", width)
    alice.page.locator("#filters input[name=q]").fill("root-35545")
    alice.page.wait_for_url(re.compile(r"\?q=root-35545"))
    menu = alice.page.locator("details.saved-views")
    menu.locator("summary").click()
    alice.keep("saved-views-menu")
    alice.page.get_by_label("Save this view for the team as").fill(name)
    menu.get_by_role("button", name="Save").click()
    expect(alice.page.get_by_text(f"Saved as “{name}” for the whole team.")).to_be_visible()
    assert alice.page.url.endswith("/t/acme/snapshots/?q=root-35545")
    bob = signed_in(open_tab, "/t/acme/snapshots/", width, email="bob")
    bob.page.locator("details.saved-views summary").click()
    bob.page.get_by_role("link", name=name).click()
    bob.page.wait_for_url(re.compile(r"/t/acme/snapshots/\?q=root-35545$"))
    bob.check()
