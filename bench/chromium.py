"""Look at list and home in Chromium, with a processor slowed four times, against gunicorn with the real static files.

Each round opens a new browser context: its cache is empty at the first visit, and filled at the second. Then it sorts
the table by name: from the click until the frame after the swap. Times are milliseconds, weights kilobytes over the
wire with headers, as medians; layout shift and the longest task are the worst of all rounds.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from time import monotonic
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from bench.load import table
from bench.pages import Site, open_site
from bench.people import LIST_URL, VOLUMES_URL
from bench.site import SITE_SECONDS, BenchError
from bench.stage import Stage

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
SLOWER = 4
LONG_TASK = 200
POLL = 20
VIEWED = {"list": LIST_URL, "home": VOLUMES_URL}
SORT = "#sort-name"
WATCH = """
window.bench = {paint: 0, shift: 0, task: 0, swap: 0, clicked: 0};
const watch = (type, note) => {
  new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({type, buffered: true});
};
watch("paint", (entry) => { if (entry.name === "first-contentful-paint") bench.paint = entry.startTime; });
watch("layout-shift", (entry) => { if (!entry.hadRecentInput) bench.shift += entry.value; });
watch("longtask", (entry) => { bench.task = Math.max(bench.task, entry.duration); });
addEventListener("click", (event) => { bench.clicked = event.timeStamp; }, true);
addEventListener("htmx:afterSettle", () => requestAnimationFrame(() => setTimeout(() => {
  bench.swap = performance.now() - bench.clicked;
})));
"""
HEAD = (
    *("", "first paint, ms", "again, ms", "click to swap, ms"),
    *("page, KB", "with its files, KB", "swap, KB", "layout shift", "longest task, ms"),
)


class RealStatic(Stage):
    """A stage whose servers send the compressed files of the product."""

    def variables(self, size: int) -> dict[str, str]:
        return Stage.variables(self, size) | {"BENCH_REAL_STATIC": "yes"}


@dataclass(slots=True)
class Seen:
    """What the browser saw of a page: one figure for each round."""

    name: str
    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    swap: list[float] = field(default_factory=list)
    shift: list[float] = field(default_factory=list)
    task: list[float] = field(default_factory=list)
    page: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    swapped: list[int] = field(default_factory=list)

    @property
    def cells(self) -> list[str]:
        times = (f"{median(each):.0f}" for each in (self.first, self.again, self.swap))
        weights = (f"{median(each) / 1024:.1f}" for each in (self.page, self.files, self.swapped))
        return [self.name, *times, *weights, f"{max(self.shift):.3f}", f"{max(self.task):.0f}"]


class Wire:
    """Counts the bytes of the answers to a tab, those of documents apart too."""

    def __init__(self, session: CDPSession) -> None:
        self.all = self.documents = 0
        self._documents: set[str] = set()
        session.on("Network.responseReceived", self._begin)
        session.on("Network.loadingFinished", self._end)
        session.send("Network.enable")

    def clear(self) -> None:
        self.all = self.documents = 0

    def _begin(self, event: Mapping[str, Any]) -> None:
        if event["type"] == "Document":
            self._documents.add(event["requestId"])

    def _end(self, event: Mapping[str, Any]) -> None:
        self.all += int(event["encodedDataLength"])
        if event["requestId"] in self._documents:
            self.documents += int(event["encodedDataLength"])


def measure(stage: Stage, size: int, rounds: int) -> str:
    """Look at both pages at one size, and return a Markdown table. Raises BenchError."""
    real = RealStatic(stage.folder, stage.encryption_key)
    real.collect_static(size)
    seen = [Seen(name) for name in VIEWED]
    with ExitStack() as stack:
        site = open_site(stack, real, size)
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if program is None:
            raise BenchError("Chromium is not installed (Debian: apt-get install chromium-headless-shell).")
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        stack.callback(browser.close)
        for _ in range(rounds):
            for each in seen:
                _look(browser, site, each)
    return report(seen, size)


def _look(browser: Browser, site: Site, seen: Seen) -> None:
    origin = f"http://localhost:{site.port}"
    with browser.new_context() as context:
        cookies = (pair.split("=", 1) for pair in site.browser.cookie.split("; "))
        context.add_cookies([{"name": name, "value": value, "url": origin} for name, value in cookies])
        context.add_init_script(WATCH)
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        wire = Wire(session)
        for paints in (seen.first, seen.again):
            page.goto(f"{origin}{VIEWED[seen.name]}", wait_until="networkidle")
            paints.append(_awaited(page, "paint"))
            if paints is seen.first:
                seen.page.append(wire.documents)
                seen.files.append(wire.all)
            wire.clear()
        page.click(SORT)
        seen.swap.append(_awaited(page, "swap"))
        page.wait_for_load_state("networkidle")
        seen.swapped.append(wire.all)
        seen.shift.append(_noted(page, "shift"))
        seen.task.append(_noted(page, "task"))


def _awaited(page: Page, name: str) -> float:
    """Wait for a figure above 0. Not `wait_for_function`: the page's own policy forbids what it does."""
    until = monotonic() + SITE_SECONDS
    while not (figure := _noted(page, name)):
        if monotonic() > until:
            raise BenchError(f"Chromium noted no {name} at {page.url}.")
        page.wait_for_timeout(POLL)
    return figure


def _noted(page: Page, name: str) -> float:
    return float(page.evaluate(f"bench.{name}"))


def report(seen: Sequence[Seen], size: int) -> str:
    """Return a Markdown table, and a sentence about long tasks."""
    rows: Iterator[list[str]] = (each.cells for each in seen)
    long = sum(task > LONG_TASK for each in seen for task in each.task)
    lines = table(HEAD, rows)
    head = f"**{size:,} snapshots**, Chromium, processor slowed {SLOWER} times"
    return "\n".join([f"{head}\n", *lines, f"\nRounds with a task of more than {LONG_TASK} ms: {long}"])
