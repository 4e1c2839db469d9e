"""Measure pages over real sockets: floor, cold and hot in turns, so that a busy moment affects all of them."""

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from secrets import token_hex
from statistics import median
from time import monotonic

from bench.cases import Case
from bench.people import FIXED_URL, LARGE
from bench.site import BenchError, Browser, serve
from bench.stage import Database, Stage

LINK = r'href="({row}[\w-]+/[\w-]+/[0-9a-f-]{{36}}/)"'
RAISE_GENERATION = (
    "UPDATE snapshots_environment SET generation = generation + 1, generation_id = '{id}'"
    f" WHERE service_code || '/' || name = '{LARGE}'"
)
GENERATION_ID_BYTES = 8
MOST_SECONDS = 150
"""Measuring stops after this time, even if rounds are left."""


@dataclass(slots=True)
class Times:
    """One case at one size; milliseconds, one figure for each round."""

    case: Case
    size: int
    fixed: list[float] = field(default_factory=list)
    hot: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    bytes: int = 0
    rows: int = 0


@dataclass(slots=True)
class Site:
    """A running server, a signed-in client, and a second connection to its database."""

    port: int
    browser: Browser
    database: Database

    def measure(self, times: Times) -> None:
        times.fixed.append(self.browser.get(FIXED_URL).milliseconds)
        self.change()
        times.cold.append(self.browser.get(times.case.url).milliseconds)
        times.hot.append(self.browser.get(times.case.url).milliseconds)

    def change(self) -> None:
        """Raise the generation as a sync with a change does, which invalidates all rendered tables."""
        self.database.execute(RAISE_GENERATION.format(id=token_hex(GENERATION_ID_BYTES)))

    def warm(self, times: Times) -> None:
        """Request once without measuring. Raises BenchError for a page without a query that shows no row."""
        body = self.browser.get(times.case.url).body
        times.bytes = len(body)
        times.rows = len(set(re.findall(LINK.format(row=times.case.row).encode(), body)))
        if times.case.url == times.case.row and not times.rows:
            raise BenchError(f"{times.case.url} shows no row.")


def measure(stage: Stage, cases: Mapping[int, Sequence[Case]], rounds: int) -> list[Times]:
    """Measure every size's cases, in rounds. Raises BenchError."""
    results = [Times(case, size) for size in sorted(cases) for case in cases[size]]
    with ExitStack() as stack:
        sites = {size: open_site(stack, stage, size) for size in sorted(cases)}
        for times in results:
            sites[times.size].warm(times)
        _rounds(results, sites, rounds)
    return results


def open_site(stack: ExitStack, stage: Stage, size: int) -> Site:
    log = stage.log(size)
    port = stack.enter_context(serve(stage.variables(size), log))
    browser = stack.enter_context(closing(Browser(port, log)))
    database = stack.enter_context(closing(stage.connect(size)))
    browser.sign_in()
    return Site(port, browser, database)


def _rounds(results: Sequence[Times], sites: Mapping[int, Site], rounds: int) -> None:
    # Case by case, with all sizes in turn, because their ratio is the result.
    order = sorted(results, key=lambda times: times.case.name)
    until = monotonic() + MOST_SECONDS
    for _ in range(rounds):
        for times in order:
            sites[times.size].measure(times)
        if monotonic() > until:
            return


def report(results: Sequence[Times], of: str) -> str:
    """A line for each case and size, counted in `of`, and the headline."""
    heads = f"{of:>9}  {'case':<20} {'fixed':>7} {'hot':>7} {'x fixed':>8} {'cold':>8} {'x fixed':>8}"
    lines = [f"{heads} {'bytes':>8} {'rows':>5}"]
    for times in results:
        fixed, hot, cold = median(times.fixed), median(times.hot), median(times.cold)
        figures = f"{fixed:7.2f} {hot:7.2f} {hot / fixed:8.2f} {cold:8.2f} {cold / fixed:8.2f}"
        lines.append(f"{times.size:>9,}  {times.case.name:<20} {figures} {times.bytes:>8,} {times.rows:>5}")
    return "\n".join([*lines, "", _headline(results)])


def _headline(results: Sequence[Times]) -> str:
    """The first case, at the largest size beside the smallest."""
    name = results[0].case.name
    ones = [times for times in results if times.case.name == name]
    first, last = ones[0], ones[-1]
    hot, cold = median(last.hot) / median(first.hot), median(last.cold) / median(first.cold)
    return f"{name} at {last.size:,} = {hot:.2f} × {name} at {first.size:,} (hot), {cold:.2f} × (cold)"
