"""Time a refresh against the simulator, stage by stage, beside `json.loads` of the same body in the same run."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from unittest.mock import patch
from urllib.request import Request, urlopen

from django.db import connection
from django.utils import timezone

from bench.people import KEY, LARGE
from bench.world import SNAPSHOTS_OF_EACH, Unfit, claimed, make_team
from dashboard.secrets import Secret
from snapshots.cloudca.client import CloudClient
from snapshots.cloudca.records import SnapshotRecord
from snapshots.cloudca.transport import KEY_HEADER
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from snapshots.sync import diff, first_list
from snapshots.sync.leases import Claim
from snapshots.sync.store_snapshots import known_rows, store_listing

ROWS_PER_CHANGED = 100
STATES = ("BackingUp", "BackedUp")


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of one refresh. `store` compares again and writes; `compare` is that part, measured by itself.

    `locked`: how long `store` held the write lock.
    """

    floor: float
    fetch: float
    compare: float
    store: float
    locked: float
    written: int


@dataclass(frozen=True, slots=True)
class Bench:
    """A simulator with a large environment, and the mirror of it."""

    simulator: Simulator
    environment: Environment

    @property
    def world(self) -> World:
        return self.simulator.world

    def refresh(self) -> Timed:
        """Claim, fetch, compare and store once, as the sync does. Raises Unfit if the list was incomplete."""
        body = body_of(self.simulator)  # also makes the simulator encode what changed before the clock runs
        floor = _seconds(lambda: json.loads(body))
        held = claimed(self.environment)
        began = perf_counter()
        with CloudClient(self.simulator.url, Secret(KEY)) as client:
            listing = client.list_snapshots(*LARGE.split("/"))
        fetch = perf_counter() - began
        if not listing.complete:
            raise Unfit("The simulator's list was not complete.")
        compare = _seconds(lambda: _compare(held, listing.rows))
        began = perf_counter()
        with _locks() as locks:
            if held.environment.answered_at is None:
                first_list.begin(held, timezone.now())
            written = store_listing(held, listing, received_at=timezone.now())
        return Timed(floor, fetch, compare, perf_counter() - began, max(locks), written.total)


def body_of(simulator: Simulator) -> bytes:
    request = Request(f"{simulator.url}/services/{LARGE}/snapshots", headers={KEY_HEADER: KEY})
    with urlopen(request, timeout=60) as response:
        body: bytes = response.read()
    return body


def run(size: int, rounds: int) -> None:
    """Print the median seconds of a first list, and of later ones of six kinds."""
    print(f"A refresh of {size:,} snapshots; seconds, medians of {rounds}\n")
    heads = f"{'rows written':>12} {'json.loads':>10} {'fetch+decode':>12} {'compare':>8} {'store':>7} {'locked':>7}"
    print(f"{'list':<30} {heads} {'together':>9} {'x json':>7}")
    for what, times in measured(size, rounds):
        _show(what, times)


def measured(size: int, rounds: int) -> Iterator[tuple[str, list[Timed]]]:
    """Yield what each list was, and the times of its refreshes."""
    team = make_team()
    code, _, name = LARGE.partition("/")
    environment = Environment.objects.create(team=team, service_code=code, name=name)
    world = World(environments=[LARGE], volumes=max(1, size // SNAPSHOTS_OF_EACH), snapshots=size)
    with Simulator(world, keys={KEY: None}) as simulator:
        bench = Bench(simulator, environment)
        yield "the first one", [bench.refresh()]
        for what, change in _kinds(bench.world):
            yield what, [_changed(bench, change, turn) for turn in range(rounds)]
        simulator.fault(path="/snapshots", empty_list=True)
        yield "an empty one", [bench.refresh()]
        simulator.clear_faults()
        yield "all of them again", [bench.refresh()]


def _kinds(world: World) -> Iterator[tuple[str, Callable[[int], None]]]:
    ids = [str(row["id"]) for row in world.snapshots(LARGE)]
    yield "the same bytes", lambda turn: None
    yield "a field that we do not keep", lambda turn: set_fields(world, ids[:1], note=turn)
    some = ids[::ROWS_PER_CHANGED]
    yield "one renamed", lambda turn: set_fields(world, ids[:1], name=f"renamed-{turn}")
    yield "1 % renamed", lambda turn: set_fields(world, some, name=f"renamed-{turn}")
    yield "1 % in another state", lambda turn: set_fields(world, some, state=STATES[turn % 2])
    yield "all renamed", lambda turn: set_fields(world, ids, name=f"all-renamed-{turn}")


def set_fields(world: World, ids: list[str], **fields: object) -> None:
    for id in ids:
        world.change_snapshot(LARGE, id, fields)


def _changed(bench: Bench, change: Callable[[int], None], turn: int) -> Timed:
    change(turn)
    return bench.refresh()


def _show(what: str, times: list[Timed]) -> None:
    floor, fetch = median(each.floor for each in times), median(each.fetch for each in times)
    compare, store = median(each.compare for each in times), median(each.store for each in times)
    locked = median(each.locked for each in times)
    written = max(each.written for each in times)
    figures = f"{written:>12,} {floor:10.3f} {fetch:12.3f} {compare:8.3f} {store:7.3f} {locked:7.3f}"
    print(f"{what:<30} {figures} {fetch + store:9.3f} {(fetch + store) / floor:7.1f}", flush=True)


def _compare(held: Claim, rows: tuple[SnapshotRecord, ...]) -> None:
    diff.compare(known_rows(held.environment), rows, trust=diff.Trust(), doubt=None, now=timezone.now())


@contextmanager
def _locks() -> Iterator[list[float]]:
    """Measure each transaction of the block, which holds SQLite's write lock from its beginning to its end."""
    began, seconds = 0.0, [0.0]
    commit = connection.commit

    def begin(execute: Callable[..., object], sql: str, *rest: object) -> object:
        nonlocal began
        result = execute(sql, *rest)
        if sql.startswith("BEGIN"):
            began = perf_counter()
        return result

    def end() -> None:
        commit()
        seconds.append(perf_counter() - began)

    with connection.execute_wrapper(begin), patch.object(connection, "commit", end):
        yield seconds


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began
