"""From an empty database to the first list: `manage.py serve`, the address that it prints, and a browser."""

import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Locator, Request, Route, ViewportSize, expect

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.browser.conftest import PATIENCE, REPORTS, WIDTHS, Tab
from tests.browser.stack import KEY, PASSWORD
from tests.management.programs import Running, free_port, running, variables
from tests.waiting import together

pytestmark = pytest.mark.browser
PATHS = ["compute-on/dev", "compute-on/prod", "compute-qc/qc"]
MOST_SECONDS = 120
PRINTED = re.compile(r"http://localhost:\d+/setup/([\w-]+)/")
HELD_BACK = 3.0


@dataclass
class Serving:
    """The product as `make run` starts it, its output and its provider."""

    running: Running
    simulator: Simulator
    url: str
    folder: Path

    @property
    def address(self) -> str:
        found = PRINTED.search(self.running.output)
        assert found
        return found[0]

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=10)) as database:
            return database.execute(query).fetchall()


@contextmanager
def served(folder: Path, *, snapshots: int) -> Iterator[Serving]:
    url = f"http://localhost:{free_port()}"
    world = World(seed=7, environments=PATHS, volumes=60, snapshots=snapshots)
    with Simulator(world, keys={KEY: None}) as provider:
        env = variables(folder, CLOUDCA_API_URL=provider.url, SITE_URL=url, BIND="")
        with running("manage.py", "serve", "--every", "10", env=env, folder=folder) as server:
            server.until_it_says("/setup/")
            server.until_it_says("Listening at")
            yield Serving(server, provider, url, folder)
            server.end()


@pytest.fixture
def serving(tmp_path: Path, migrated: Path) -> Iterator[Serving]:
    shutil.copy(migrated, tmp_path / "db.sqlite3")
    with served(tmp_path, snapshots=40) as running:
        yield running


@pytest.fixture
def serving_from_nothing(tmp_path: Path) -> Iterator[Serving]:
    """The same without a database, before environments of a real size."""
    with served(tmp_path, snapshots=1204) as running:
        yield running


@pytest.fixture
def open_at(browser: Browser) -> Iterator[Callable[..., Tab]]:
    contexts: list[BrowserContext] = []

    def open_at(serving: Serving, width: str = "desktop", *, scripts: bool = True) -> Tab:
        size: ViewportSize = {"width": WIDTHS[width][0], "height": WIDTHS[width][1]}
        context = browser.new_context(viewport=size, java_script_enabled=scripts, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        context.add_init_script(REPORTS)
        contexts.append(context)
        tab = Tab(context, serving.url, width)
        tab.page.goto(serving.address)
        return tab

    yield open_at
    for context in contexts:
        context.close()


class Hand:
    """Presses what a person presses, and counts."""

    def __init__(self, tab: Tab) -> None:
        self.tab, self.clicks, self.fields = tab, 0, 0

    def press(self, button: str) -> None:
        self.tab.page.get_by_role("button", name=button, exact=True).click()
        self.clicks += 1

    def write(self, label: str, text: str) -> None:
        self.tab.page.get_by_label(label).fill(text)
        self.fields += 1


def make_team(hand: Hand) -> None:
    hand.write("Email", "alice@example.com")
    hand.write("Password", PASSWORD)
    hand.write("Team name", "Acme Platform")
    hand.press("Create team")


def enter_key(hand: Hand, key: str = KEY) -> None:
    hand.write("API key of a Viewer account", key)
    hand.press("Test this key")


def heading(tab: Tab, text: str) -> Locator:
    return tab.page.get_by_role("heading", name=text)


def expect_volumes(tab: Tab) -> None:
    """The first fetch is over, and the volumes are there."""
    expect(tab.page.locator("table.volumes")).to_be_visible(timeout=60_000)
    expect(tab.page.locator(".fetching")).to_have_count(0, timeout=60_000)
    expect(tab.page.locator("#count")).to_have_text(re.compile(r"^\d+ volumes$"))


def test_from_the_printed_address_to_the_volumes_in_less_than_two_minutes(
    serving_from_nothing: Serving, open_at: Callable[..., Tab], capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    hand = Hand(open_at(serving_from_nothing))
    make_team(hand)
    hand.tab.keep("setup-key")
    enter_key(hand)
    hand.press("Save")
    expect(hand.tab.page.get_by_text("Step 3 of 3")).to_be_visible()
    hand.tab.keep("setup-environments")
    hand.press("Add 3 environments")
    expect_volumes(hand.tab)
    seconds = time.monotonic() - started
    with capsys.disabled():
        print(f"\nfirst run: {seconds:.1f} s, {hand.clicks} clicks, {hand.fields} fields, 3,612 snapshots")
    assert (seconds < MOST_SECONDS, hand.clicks, hand.fields) == (True, 4, 4)
    assert serving_from_nothing.rows("SELECT count(*) FROM snapshots_snapshot") == [(3612,)]
    expect(hand.tab.page.locator("section.question button")).to_have_count(4)
    hand.tab.check()
    output = serving_from_nothing.running.output
    assert (output.count("/setup/"), KEY in output, PASSWORD in output) == (
        output.count("/setup/***") + 1,
        False,
        False,
    )
    assert "/setup/***" in output


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_every_step_looks_right(serving: Serving, open_at: Callable[..., Tab], width: str) -> None:
    hand = Hand(open_at(serving, width))
    tab = hand.tab
    hand.write("Team name", "Équipe d’Été")
    expect(tab.page.get_by_label("Short name for URLs")).to_have_value("equipe-dete")
    tab.keep("setup-team")
    make_team(hand)
    expect(tab.page.get_by_text("Step 2 of 3")).to_be_visible()
    tab.keep("setup-key")
    enter_key(hand)
    tab.keep("setup-key-tried")
    hand.press("Save")
    expect(tab.page.get_by_text("Step 3 of 3")).to_be_visible()
    tab.keep("setup-environments")
    tab.page.get_by_label("dev · compute-on").uncheck()
    expect(tab.page.get_by_role("button", name="Add these", exact=True)).to_be_visible()
    serving.simulator.fault(path=".*/snapshots", environment="compute-on/prod", slow=HELD_BACK)
    hand.press("Add these")
    expect(heading(tab, "First fetch in progress")).to_be_visible()
    expect(tab.page.locator(".fetching").get_by_text("being fetched").first).to_be_visible()
    tab.picture("setup-fetching")
    expect_volumes(tab)
    tab.keep("setup-volumes")


def is_look_again(request: Request) -> bool:
    return request.url.endswith("/snapshots/") and "hx-request" in request.headers


@pytest.mark.proof
def test_a_look_again_that_is_overtaken_leaves_the_list_alone(serving: Serving, open_at: Callable[..., Tab]) -> None:
    hand = Hand(open_at(serving))
    page = hand.tab.page
    make_team(hand)
    enter_key(hand)
    hand.press("Save")
    serving.simulator.fault(path=".*/snapshots", slow=HELD_BACK)
    asked: list[Route] = []
    looked: list[Route] = []
    unanswered: list[Route] = []
    page.route("**/volumes/refresh/**", lambda route: unanswered.append(route))
    page.route("**/snapshots/refresh/**", lambda route: asked.append(route))
    page.route(
        "**/snapshots/", lambda route: looked.append(route) if is_look_again(route.request) else route.continue_()
    )
    hand.press("Add 3 environments")
    with page.expect_request(is_look_again):
        page.goto(page.url.replace("/volumes/", "/snapshots/"))
    page.unroute("**/snapshots/refresh/**")
    asked[0].continue_()
    expect(page.locator("#count")).to_have_text("120 snapshots")
    with page.expect_request_finished(is_look_again):
        looked[0].continue_()
    hand.tab.check()


@pytest.mark.proof
def test_without_a_script_the_volumes_come_by_itself_too(serving: Serving, open_at: Callable[..., Tab]) -> None:
    hand = Hand(open_at(serving, scripts=False))
    make_team(hand)
    enter_key(hand)
    hand.press("Save")
    hand.press("Add 3 environments")
    expect(hand.tab.page.locator("ul.fetching, table.volumes").first).to_be_visible()
    expect_volumes(hand.tab)
    assert hand.clicks == 4


@pytest.mark.proof
def test_provider_down_at_the_key_is_said_and_it_can_be_entered_again(
    serving: Serving, open_at: Callable[..., Tab]
) -> None:
    hand = Hand(open_at(serving))
    make_team(hand)
    serving.simulator.fault(status=503)
    enter_key(hand)
    expect(hand.tab.page.locator("[data-verdict=unknown]")).to_be_visible()
    hand.tab.keep("setup-key-not-tried")
    serving.simulator.clear_faults()
    enter_key(hand)
    hand.press("Save")
    expect(hand.tab.page.get_by_text("Step 3 of 3")).to_be_visible()
    hand.tab.check()


@pytest.mark.proof
def test_a_wrong_key_then_a_right_one_and_two_of_three_refused(serving: Serving, open_at: Callable[..., Tab]) -> None:
    hand = Hand(open_at(serving))
    tab = hand.tab
    make_team(hand)
    enter_key(hand, "CANARY-a-key-that-nobody-knows")
    expect(heading(tab, "The provider rejected this key")).to_be_visible()
    tab.keep("setup-key-wrong")
    enter_key(hand)
    hand.press("Save")
    for path in PATHS[1:]:
        serving.simulator.fault(environment=path, refuse=403)
    hand.press("Add 3 environments")
    expect(heading(tab, "Not added")).to_be_visible()
    tab.keep("setup-refused")
    tab.page.get_by_role("link", name="Skip and continue").click()
    expect_volumes(tab)
    tab.check()


@pytest.mark.proof
def test_a_key_that_sees_nothing_leads_to_typing(serving: Serving, open_at: Callable[..., Tab]) -> None:
    serving.simulator.keys["CANARY-key-that-sees-nothing"] = frozenset()
    hand = Hand(open_at(serving))
    make_team(hand)
    enter_key(hand, "CANARY-key-that-sees-nothing")
    expect(hand.tab.page.get_by_text("sees 0 environments")).to_be_visible()
    hand.press("Save")
    expect(hand.tab.page.get_by_text("This key can see no environment.")).to_be_visible()
    hand.tab.keep("setup-environments-none")
    serving.simulator.keys["CANARY-key-that-sees-nothing"] = None
    hand.write("Service code", "compute-on")
    hand.write("Environment name", "prod")
    hand.press("Add")
    expect_volumes(hand.tab)
    hand.tab.check()


@pytest.mark.proof
def test_of_two_browsers_at_the_same_moment_one_makes_the_team(serving: Serving) -> None:
    barrier = Barrier(8)

    def send(number: int) -> int:
        session = requests.Session()
        page = session.get(serving.address, timeout=30).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        form = {"email": f"p{number}@example.com", "password": PASSWORD, "team_name": f"Team {number}"}
        barrier.wait(30)
        form["csrfmiddlewaretoken"] = token[1]
        return session.post(serving.address, form, allow_redirects=False, timeout=30).status_code

    statuses = sorted(together([partial(send, number) for number in range(8)], what="all who send"))
    assert statuses == [302, *[404] * 7]
    assert serving.rows("SELECT count(*) FROM teams_team") == [(1,)]
    assert serving.rows("SELECT count(*) FROM teams_user") == [(1,)]


@pytest.mark.proof
def test_a_restart_prints_another_address_and_ends_the_first(serving: Serving, tmp_path: Path) -> None:
    first = serving.address
    again = tmp_path / "again"
    again.mkdir()
    env = variables(tmp_path, SITE_URL=f"http://localhost:{free_port()}", BIND="")
    with running("manage.py", "serve", env=env, folder=again) as server:
        server.until_it_says("/setup/")
        found = PRINTED.search(server.output)
        server.end()
    assert found
    assert requests.get(first, timeout=30).status_code == 404
    assert requests.get(first.replace(PRINTED.sub(r"\1", first), found[1]), timeout=30).status_code == 200
