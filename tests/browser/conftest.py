"""A real Chromium against the real stack; any complaint of the page fails the test."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal
from zlib import crc32

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    Cookie,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.browser.axe import judged
from tests.browser.stack import PASSWORD, Stack, furnished
from tests.started import ROOT

SHOTS = ROOT / "test-results" / "shots"
# The first is the same engine without a window around the page, at two thirds of the cost.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
ON_A_PHONE = ("test_problems_first_and_why",)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = {"desktop": (1280, 960), "phone": (390, 844)}
# A page of the browser's own sits in the sandbox of root: there is none to drop into.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
# What a window has around the page is drawn by web pages of the browser's own, which cost more time than ours. A second
# list would take the place of the first, so Playwright's own wishes are in it.
WITHOUT = """
PreloadTopChromeWebUI InitialWebUI WebUIToolbar WebUIReloadButton WebUIHomeButton WebUILocationBar
WebUIOmniboxPopup WebUIOmniboxFullPopup WebUIOmniboxAimPopup SpareRendererForSitePerProcess
AvoidUnnecessaryBeforeUnloadCheckSync DestroyProfileOnBrowserClose HttpsUpgrades HttpsFirstBalancedModeAutoEnable
LensOverlay MediaRouter PaintHolding ThirdPartyStoragePartitioning AvoidCorsURLLoaderRestartOnRedirect
OptimizationHints NetworkTimeServiceQuerying AimEnabled PreconnectToSearch
"""
# Long: what is waited for comes at once, unless the machine is busy with something else.
PATIENCE = 30_000
"""Milliseconds."""
# A sign-in proves for five minutes that it is the person; one that is used again has enough of them left.
FRESH_SECONDS = 120
REPORTS = """
window.reports = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.reports.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""
entered: dict[tuple[str, str], tuple[float, list[Cookie]]] = {}
"""When, on which server and who has come in through the form, and the cookies of it."""


class Tab:
    """One page of the browser, with what it complained about."""

    takes_pictures = False
    in_both_themes = False

    def __init__(self, context: BrowserContext, url: str, width: str) -> None:
        self.context, self.url, self.width = context, url, width
        self.complaints: list[str] = []
        self.expected: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def goto(self, path: str) -> None:
        self.page.goto(self.url + path)

    def sign_in(self, email: str) -> None:
        self.page.get_by_label("Email").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_load_state()

    def enter(self, path: str, email: str) -> None:
        """Open a page as somebody, with the cookies of who has just come in through the form where there are such."""
        since, cookies = entered.get((self.url, email), (0.0, []))
        if cookies and time.monotonic() - since < FRESH_SECONDS:
            self.context.add_cookies(cookies)  # type: ignore[arg-type]
            self.goto(path)
            return
        self.goto(path)
        self.sign_in(email)
        entered[self.url, email] = time.monotonic(), self.context.cookies()

    def pasted(self) -> str:
        """What the clipboard holds, pasted elsewhere: our own pages may write it but not read it."""
        elsewhere = self.context.new_page()
        elsewhere.set_content("<textarea></textarea>")
        elsewhere.locator("textarea").focus()
        elsewhere.keyboard.press("Control+V")
        text = elsewhere.locator("textarea").input_value()
        elsewhere.close()
        return text

    def keep(self, name: str) -> None:
        """Let axe and the content policy speak in one theme, which depends on the name, or in both; with pictures."""
        for place, theme in enumerate(THEMES if self.in_both_themes else (THEMES[crc32(name.encode()) % 2],)):
            self.page.emulate_media(color_scheme=theme)
            self.picture(name, theme)
            found = judged(self.page, colours_alone=place > 0)
            assert found.violations_count == 0, f"{name} {self.width} {theme}: {found.generate_report()}"
        self.page.emulate_media(color_scheme="light")
        self.check()

    def picture(self, name: str, theme: str = "light") -> None:
        """Take a picture if pytest was told to: it takes a fifth of the time, and only people look at it."""
        if self.takes_pictures:
            self.page.screenshot(path=SHOTS / f"{name}-{self.width}-{theme}.png")

    def check(self) -> None:
        """Fail on a console error, a script error or a report of the content security policy."""
        assert self.page.evaluate("window.reports") == []
        assert [line for line in self.complaints if not any(part in line for part in self.expected)] == []
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the phone to the page that people open on one; `make proof` opens all of them there."""
    for item in items:
        given = getattr(getattr(item, "callspec", None), "params", {})
        if not isinstance(item, pytest.Function):
            continue
        if given.get("width") == "phone" and item.originalname not in ON_A_PHONE:
            item.add_marker("proof")


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    """What each stack begins with; made once, whichever of the test processes asks first."""
    common = tmp_path_factory.getbasetemp()
    return furnished((common.parent if "PYTEST_XDIST_WORKER" in os.environ else common) / "furnished", migrated)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), database) as running:
        yield running


@pytest.fixture(scope="session")
def browser(pytestconfig: pytest.Config) -> Iterator[Browser]:
    Tab.takes_pictures = bool(pytestconfig.getoption("pictures"))
    Tab.in_both_themes = Tab.takes_pictures or bool(pytestconfig.getoption("proof"))
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        running = launched(playwright.chromium)
        yield running
        running.close()


def launched(chromium: BrowserType, *, shows_scrollbars: bool = False) -> Browser:
    """Start Debian's Chromium; it hides scrollbars unless told not to."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert path, "the browser tests need Chromium: apt-get install chromium"
    args = [*FLAGS, f"--disable-features={','.join(WITHOUT.split())}"]
    without = ["--hide-scrollbars"] if shows_scrollbars else []
    return chromium.launch(executable_path=path, args=args, ignore_default_args=without)


@pytest.fixture
def open_tab(stack: Stack, browser: Browser) -> Iterator[Callable[..., Tab]]:
    contexts: list[BrowserContext] = []

    def open_tab(width: str = "desktop", *, scripts: bool = True) -> Tab:
        size: ViewportSize = {"width": WIDTHS[width][0], "height": WIDTHS[width][1]}
        context = browser.new_context(viewport=size, java_script_enabled=scripts, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.add_init_script(REPORTS)
        contexts.append(context)
        return Tab(context, stack.url, width)

    yield open_tab
    for context in contexts:
        context.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
