"""Load other ways to show the same list, hot, in turns with ours: the result is how many times ours is faster.

`peers`: Django's admin, django-tables2 with django-filter, and the complete list in Django's cache, in this process or
in Redis, over the same database. `horizon`: the page of volume snapshots of OpenStack Horizon, with 50 rows and a
provider that answers at once. Each product runs in its own environment, with one process and eight threads.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from bench.cases import Case
from bench.load import CONNECTIONS, Place, place_of, table
from bench.pages import Site, open_site
from bench.people import LIST_URL
from bench.site import ROOT, STOP_SECONDS, BenchError, serve, stop
from bench.stage import Stage

OURS = Case("ours", LIST_URL)
PEERS = (
    Case("Django admin", "/admin/snapshots/snapshot/"),
    Case("django-tables2 + django-filter", "/tables/"),
    Case("list in Django's cache, LocMem", "/cached/locmem/"),
    Case("list in Django's cache, Redis", "/cached/redis/"),
)
HORIZON = Case("OpenStack Horizon, 50 rows", "/project/snapshots/")
# It cannot read our configuration, which imports our packages.
HORIZON_OPTIONS = ("-c/dev/null", "--worker-class=gthread", "--threads=8", "--access-logfile=-", "bench.horizon.wsgi")
HEATS = ("hot", "cold")


@dataclass(slots=True)
class Rival:
    """One peer, and how many times ours is faster: by heat and by the number of connections."""

    case: Case
    place: Place
    faster: dict[tuple[str, int], list[float]] = field(default_factory=dict)

    def measure(self, site: Site, ours: Place) -> None:
        for connections in CONNECTIONS:
            theirs = self.place.rate(self.case, connections)
            self._note("hot", connections, ours.rate(OURS, connections), theirs)
            theirs = self.place.burst(self.case, connections)
            site.change()
            self._note("cold", connections, ours.burst(OURS, connections), theirs)

    def _note(self, heat: str, connections: int, ours: float, theirs: float) -> None:
        if not theirs:
            raise BenchError(f"{self.case.name} did not answer once.")
        self.faster.setdefault((heat, connections), []).append(ours / theirs)


def peers(stage: Stage, size: int, rounds: int) -> list[Rival]:
    """Measure the peers over the database of a size. Raises BenchError."""
    with ExitStack() as stack:
        site = open_site(stack, stage, size)
        redis = stack.enter_context(_redis(stage.folder))
        variables = stage.variables(size) | {"DJANGO_SETTINGS_MODULE": "bench.peers.settings", "BENCH_REDIS": redis}
        log = stage.folder / "peers.log"
        port = stack.enter_context(serve(variables, log, _python("peers")))
        return _measure(site, [Rival(case, Place(port, site.browser.cookie)) for case in PEERS], rounds)


def horizon(stage: Stage, size: int, rounds: int) -> list[Rival]:
    """Measure Horizon's page beside our list at a size. Raises BenchError."""
    with ExitStack() as stack:
        site = open_site(stack, stage, size)
        log = stage.folder / "horizon.log"
        port = stack.enter_context(serve({}, log, _python("horizon"), HORIZON_OPTIONS))
        return _measure(site, [Rival(HORIZON, Place(port, ""))], rounds)


def _measure(site: Site, rivals: Sequence[Rival], rounds: int) -> list[Rival]:
    ours = place_of(site)
    for rival in rivals:
        rival.place.burst(rival.case, 1)  # it may still be starting, and has nothing in its cache
    for _ in range(rounds):
        for rival in rivals:
            rival.measure(site, ours)
    return list(rivals)


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """Run a Redis and yield its address. Raises BenchError."""
    file = folder / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(file), "--save", "", "--dir", str(folder)]
    try:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    except FileNotFoundError:
        raise BenchError("Redis is not installed (Debian: apt-get install redis-server).") from None
    try:
        until = monotonic() + STOP_SECONDS
        while not file.exists():
            if monotonic() > until:
                raise BenchError("Redis did not start.")
            sleep(0.05)
        yield f"unix://{file}"
    finally:
        stop(process)


def _python(name: str) -> Path:
    """Return the Python that has a peer's packages. Raises BenchError."""
    found = ROOT / f".venv-{name}" / "bin" / "python"
    if not found.exists():
        raise BenchError(f"{name} is not installed: make .venv-{name}/stamp")
    return found


def report(rivals: Sequence[Rival], size: int) -> str:
    """Return a Markdown table."""
    columns = [(heat, number) for heat in HEATS for number in CONNECTIONS]
    rows = ([rival.case.name, *(f"{median(rival.faster[column]):.2f} ×" for column in columns)] for rival in rivals)
    head = ["", *(f"{heat}, {number}" for heat, number in columns)]
    return "\n".join(
        [f"**{size:,} snapshots**, requests/s of our list ÷ those of the peer, which is hot\n", *table(head, rows)]
    )
