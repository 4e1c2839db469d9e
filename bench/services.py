"""Measure pages and refreshes on PostgreSQL and Redis, in turns with SQLite: the results are ratios of the two.

`.ci/services` starts both, with PostgreSQL's fsync off: what a disk adds to its writes is not in the figures.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psycopg

from bench.cases import Case, ManyFacts, many_cases
from bench.load import COLD_TRIES, CONNECTIONS, Place, place_of, table
from bench.pages import Site, open_site
from bench.stage import Database, Stage, stage

REDIS = "TEST_REDIS_URL"
HEATS = ("hot", "cold")


@dataclass(frozen=True, slots=True)
class Second(Stage):
    """A stage whose databases are PostgreSQL's; `name` begins theirs. Redis takes the place of the caches."""

    name: str

    def create(self, size: int) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{self._database(size)}"')

    def connect(self, size: int) -> Database:
        return psycopg.connect(self._url(size), autocommit=True)

    def variables(self, size: int) -> dict[str, str]:
        used = {"DATABASE_URL": self._url(size), "BENCH_CACHE_URL": os.environ[REDIS]}
        return Stage.variables(self, size) | used

    def log(self, size: int) -> Path:
        return self.folder / f"{self._database(size)}.log"

    def _database(self, size: int) -> str:
        return f"{self.name}_{size}"

    def _url(self, size: int) -> str:
        return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{self._database(size)}"


@dataclass(slots=True)
class Pair:
    """One case on both, and the ratios of the requests/s by heat and by the number of connections."""

    on_sqlite: Case
    on_services: Case
    ratios: defaultdict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))

    def measure(self, first: tuple[Site, Place], second: tuple[Site, Place], connections: int) -> None:
        (first_site, sqlite), (second_site, services) = first, second
        base = sqlite.rate(self.on_sqlite, connections)
        rate = services.rate(self.on_services, connections)
        self.ratios["hot", connections].append(rate / base)
        for _ in range(COLD_TRIES):
            first_site.change()
            base = sqlite.burst(self.on_sqlite, connections)
            second_site.change()
            self.ratios["cold", connections].append(services.burst(self.on_services, connections) / base)


def measure(ground: Stage, size: int, rounds: int) -> str:
    """Measure all pages and refreshes at a size, and return two Markdown tables. Raises BenchError."""
    pages = "\n".join(table(_head(), _pages(ground, size, rounds)))
    refreshes = "\n".join(table(["a refresh", "SQLite, s", "PostgreSQL ÷ SQLite"], _refreshes(size, rounds)))
    return (
        f"**{size:,} snapshots**, requests/s on PostgreSQL and Redis ÷ those on SQLite\n\n{pages}\n\n"
        f"Seconds of a refresh, fetching included\n\n{refreshes}"
    )


def _head() -> list[str]:
    return ["", *(f"{heat}, {number}" for heat in HEATS for number in CONNECTIONS)]


def _pages(ground: Stage, size: int, rounds: int) -> Iterator[list[str]]:
    second = _second(ground, "pages", size)
    facts = [each.fill([size], "fill_many", ManyFacts)[size] for each in (ground, second)]
    ground.collect_static(size)
    pairs = [Pair(*cases) for cases in zip(*map(many_cases, facts), strict=True)]
    with ExitStack() as stack:
        sites = [open_site(stack, each, size) for each in (ground, second)]
        first, other = [(site, place_of(site)) for site in sites]
        for _ in range(rounds):
            for pair in pairs:
                for connections in CONNECTIONS:
                    pair.measure(first, other, connections)
    for pair in pairs:
        figures = (median(pair.ratios[heat, number]) for heat in HEATS for number in CONNECTIONS)
        yield [pair.on_sqlite.name, *(f"{figure:.2f}" for figure in figures)]


def _refreshes(size: int, rounds: int) -> Iterator[list[str]]:
    """Refresh both, one kind after the other, into their own databases: those of the pages are filled."""
    with stage() as empty:
        both = (empty, _second(empty, "refresh", size))
        first, second = [json.loads(each.run("refresh_seconds", size, rounds)) for each in both]
    for what, seconds in first.items():
        yield [what, f"{seconds:.3f}", f"{second[what] / seconds:.2f}"]


def _second(beside: Stage, name: str, size: int) -> Second:
    second = Second(beside.folder, beside.encryption_key, name)
    second.create(size)
    return second
