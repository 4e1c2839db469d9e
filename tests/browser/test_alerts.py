"""The alerts page in a browser: the morning review by keyboard, the form under a row, and the same without scripts."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.browser.conftest import Tab
from tests.browser.stack import KEY, Stack
from tests.browser.volume_stories import tell, tell_outage

pytestmark = pytest.mark.browser
ALERTS, PLACE, OTHER = "/t/acme/alerts/", "compute-qc/prod", "compute-on/test_area"
WIDTHS = ["desktop", "phone"]
# A provider whose first list has just come has no problem that ended.
PAST = """
from datetime import timedelta
from django.utils import timezone
from dashboard.teams.models import Team, User
from snapshots.models import Problem
from snapshots.policy.targets import set_of_team
set_of_team(Team.objects.get(slug="acme"), 168, person=User.objects.first())
now = timezone.now()
for number, one in enumerate(Problem.objects.filter(team__slug="acme", kind=Problem.Kind.LATE)[:3]):
    one.pk, one.end, one.ended_at = None, "recovered", now - timedelta(seconds=number)
    one.began_at = one.ended_at - timedelta(minutes=45 * (number + 1))
    one.save()
"""
# A page that was kept is not shown again for other rows: its key holds the generation of the rows.
AS_AT_FIRST = (
    "DELETE FROM snapshots_problemtick",
    "UPDATE snapshots_problem SET acknowledged_by = '', acknowledged_at = NULL, acknowledged_kind = NULL,"
    " acknowledged_until = NULL, note = '', ticket = ''",
    "UPDATE snapshots_environment SET generation = generation + 1",
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Stack]:
    """The product with a provider whose volumes have a story each, and one environment that stopped."""
    stack = Stack(tmp_path_factory.mktemp("alerts"), database)
    world, now = World(seed=7, environments=[OTHER, PLACE], volumes=0, snapshots=0), datetime.now(UTC)
    tell(world, PLACE, now)
    tell_outage(world, OTHER, now)
    stack.simulator = Simulator(world, keys={KEY: None})
    with stack:
        stack.manage("shell", "-c", PAST)
        yield stack


@pytest.fixture
def alerts(stack: Stack, open_tab: Callable[..., Tab]) -> Callable[..., Tab]:
    """Open the page, with problems that nobody has ticked off or acknowledged."""
    for statement in AS_AT_FIRST:
        stack.change(statement)

    def alerts(width: str = "desktop", *, who: str = "alice", scripts: bool = True) -> Tab:
        tab = open_tab(width, scripts=scripts)
        tab.enter(ALERTS, f"{who}@example.com")
        return tab

    return alerts


def row(page: Page, kind: str) -> Locator:
    return page.locator(f".alert[data-kind={kind}]").first


def ticks(page: Page, state: str) -> Locator:
    return page.locator(f".tick[aria-pressed={state}]")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_morning_review_by_keyboard(alerts: Callable[..., Tab], width: str) -> None:
    tab = alerts(width)
    page = tab.page
    number = ticks(page, "false").count()
    assert number >= 5
    tab.keep("alerts")
    places = [one["y"] for one in boxes(page)]
    for left in reversed(range(number)):
        page.keyboard.press("j")
        page.keyboard.press("x")
        expect(ticks(page, "false")).to_have_count(left)
    assert [one["y"] for one in boxes(page)] == places, "a row has moved"
    expect(page.locator(".review.done")).to_be_visible()
    expect(page.locator("#pages .count")).to_have_count(0)
    tab.keep("alerts-done")
    page.keyboard.press("x")
    expect(ticks(page, "false")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).not_to_have_url(f"{tab.url}{ALERTS}")


def boxes(page: Page) -> list[dict[str, float]]:
    found: list[dict[str, float]] = page.eval_on_selector_all(
        ".alert", "rows => rows.map(row => ({y: row.getBoundingClientRect().top + scrollY}))"
    )
    return found


def test_the_keys_can_be_switched_off(alerts: Callable[..., Tab]) -> None:
    page = alerts().page
    page.keyboard.press("?")
    page.get_by_label("Use single keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator(".alert:focus-within")).to_have_count(0)
    expect(ticks(page, "true")).to_have_count(0)


def test_all_at_once_keeps_the_focus_near(alerts: Callable[..., Tab]) -> None:
    page = alerts().page
    page.locator("#tick-all").press("Enter")
    expect(page.locator(".review.done")).to_be_visible()
    expect(page.locator("#strip")).to_be_focused()
    expect(ticks(page, "false")).to_have_count(0)


def test_a_problem_is_acknowledged_under_its_row(alerts: Callable[..., Tab]) -> None:
    tab = alerts()
    page, late = tab.page, row(tab.page, "stuck")
    opener = late.get_by_role("link", name="Acknowledge")
    opener.click()
    form = late.locator("#acknowledge")
    expect(form.locator("input[type=radio]").first).to_be_focused()
    tab.keep("alerts-form")
    form.locator("input[name=note]").press("Escape")
    expect(form).to_have_count(0)
    expect(opener).to_be_focused()
    opener.click()
    form.locator("input[name=note]").fill("Moving to the new file server")
    form.locator("input[name=ticket]").fill("javascript:alert(1)")
    form.get_by_role("button").click()
    expect(form.locator("input[name=ticket]")).to_be_focused()
    expect(form.locator("#id_ticket_error")).to_be_visible()
    expect(form.locator("input[name=note]")).to_have_value("Moving to the new file server")
    form.locator("input[name=ticket]").fill("https://tickets.example/OPS-1482")
    form.get_by_role("button").click()
    quiet = page.locator("section[aria-labelledby=quiet-title]")
    expect(quiet.locator("a.ticket")).to_have_attribute("href", "https://tickets.example/OPS-1482")
    tab.keep("alerts-acknowledged")
    page.locator(".messages").get_by_role("button", name="Undo").click()
    expect(quiet).to_have_count(0)
    tab.check()


def test_without_scripts_it_is_links_and_forms(alerts: Callable[..., Tab]) -> None:
    page = alerts(scripts=False).page
    number = ticks(page, "false").count()
    row(page, "late").locator(".tick").click()
    expect(ticks(page, "false")).to_have_count(number - 1)
    row(page, "late").get_by_role("link", name="Acknowledge").click()
    page.locator("input[name=note]").fill("Known")
    page.locator("#acknowledge").get_by_role("button").click()
    expect(page.locator("section[aria-labelledby=quiet-title] q")).to_have_text("Known")
    page.get_by_role("button", name="End the acknowledgement").click()
    expect(page.locator("section[aria-labelledby=quiet-title]")).to_have_count(0)


def test_it_fits_on_small_phones(alerts: Callable[..., Tab]) -> None:
    tab = alerts("phone")
    row(tab.page, "late").get_by_role("link", name="Acknowledge").click()
    expect(tab.page.locator("#acknowledge")).to_be_visible()
    for width in (390, 360, 320):
        tab.page.set_viewport_size({"width": width, "height": 800})
        tab.check()
