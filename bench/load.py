"""Load pages through gunicorn: wrk in its own process for hot pages, a burst of requests for cold ones.

Hot: wrk asks for one page again and again, on some connections at once. Cold: a sync has just changed a row, and each
connection asks once, all at the same moment. Each measurement follows one of `fixed`, of the same kind and on as many
connections; the ratio of the two is the result, as a median of all rounds. No request accepts gzip.
"""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from statistics import median
from time import perf_counter

from bench.cases import Case
from bench.pages import Site, open_site
from bench.people import FIXED_URL
from bench.site import SITE_SECONDS, BenchError
from bench.stage import Stage

CONNECTIONS = (1, 16)
FIXED = Case("fixed", FIXED_URL)
COLD_TRIES = 3
# How long wrk asks, in seconds: longer where fewer than two answers for each connection have come.
SECONDS = (1, 5, 25)
LEAST_ANSWERS = 2
DONE = re.compile(r"(\d+) requests in ([\d.]+)(ms|s|m)")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
FAULTS = re.compile(r"Non-2xx.*|Socket errors.*")


@dataclass(slots=True)
class Place:
    """A server to load, as a signed-in person. `slow`: which step of `SECONDS` a page needs on some connections."""

    port: int
    cookie: str
    slow: defaultdict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    def rate(self, case: Case, connections: int) -> float:
        """Return the requests/s of a hot page. Raises BenchError."""
        key = (case.url, connections)
        while True:
            seconds = SECONDS[self.slow[key]]
            answers, elapsed = _wrk(self._url(case), connections, seconds, self._headers(case))
            if answers >= LEAST_ANSWERS * connections or seconds == SECONDS[-1]:
                return answers / elapsed
            self.slow[key] += 1

    def burst(self, case: Case, connections: int) -> float:
        """Return the requests/s when all connections ask for the page at once. Raises BenchError."""
        with ExitStack() as stack:
            clients = [
                stack.enter_context(closing(HTTPConnection("127.0.0.1", self.port, timeout=SITE_SECONDS)))
                for _ in range(connections)
            ]
            for client in clients:
                client.connect()
            began = perf_counter()
            for client in clients:
                client.request("GET", case.url, headers=self._headers(case))
            for client in clients:
                answer = client.getresponse()
                answer.read()
                if answer.status != 200:
                    raise BenchError(f"{case.url} answered {answer.status}.")
            return connections / (perf_counter() - began)

    def _url(self, case: Case) -> str:
        return f"http://127.0.0.1:{self.port}{case.url}"

    def _headers(self, case: Case) -> dict[str, str]:
        return {"Authorization": f"Bearer {case.token}"} if case.token else {"Cookie": self.cookie}


def place_of(site: Site) -> Place:
    return Place(site.port, site.browser.cookie)


def _wrk(url: str, connections: int, seconds: int, headers: Mapping[str, str]) -> tuple[int, float]:
    """Return how many answers came, and in how many seconds. Raises BenchError."""
    lines = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={SITE_SECONDS}s", *lines, url]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + SITE_SECONDS, check=True)
    except FileNotFoundError:
        raise BenchError("wrk is not installed (Debian: apt-get install wrk).") from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as fault:
        raise BenchError(f"wrk failed for {url}: {fault}") from None
    match = DONE.search(done.stdout)
    if match is None or FAULTS.search(done.stdout):
        raise BenchError(f"wrk failed for {url}:\n{done.stdout}")
    return int(match[1]), float(match[2]) * UNITS[match[3]]


@dataclass(slots=True)
class Ratios:
    """One case: its ratios to `fixed` by the number of connections, and the milliseconds of a hot page."""

    case: Case
    hot: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    cold: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    milliseconds: list[float] = field(default_factory=list)

    def measure(self, site: Site, place: Place, connections: int) -> None:
        floor = place.rate(FIXED, connections)
        rate = place.rate(self.case, connections)
        self.hot[connections].append(rate / floor)
        if connections == 1 and rate:
            self.milliseconds.append(1000 / rate)
        for _ in range(COLD_TRIES):
            floor = place.burst(FIXED, connections)
            site.change()
            self.cold[connections].append(place.burst(self.case, connections) / floor)


def measure(stage: Stage, size: int, cases: Sequence[Case], rounds: int) -> list[Ratios]:
    """Measure the cases at one size, in rounds. Raises BenchError."""
    results = [Ratios(case) for case in cases]
    with ExitStack() as stack:
        site = open_site(stack, stage, size)
        place = place_of(site)
        for _ in range(rounds):
            for ratios in results:
                for connections in CONNECTIONS:
                    ratios.measure(site, place, connections)
    return results


def report(results: Sequence[Ratios], size: int) -> str:
    """Return a Markdown table."""
    columns = [f"{heat}, {number}" for heat in ("hot", "cold") for number in CONNECTIONS]
    return "\n".join(
        [f"**{size:,} snapshots**, requests/s ÷ `fixed`\n", *table(["", *columns, "hot, ms"], _rows(results))]
    )


def _rows(results: Sequence[Ratios]) -> Iterator[list[str]]:
    for ratios in results:
        figures = [median(by[number]) for by in (ratios.hot, ratios.cold) for number in CONNECTIONS]
        slow = f"{median(ratios.milliseconds):.1f}" if ratios.milliseconds else "–"
        yield [ratios.case.name, *(f"{figure:.3f}" for figure in figures), slow]


def table(head: Sequence[str], rows: Iterator[list[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    for cells in (list(head), ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
