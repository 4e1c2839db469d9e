"""The provider of the year: volumes and runs whose truth is known, moved on by its own clock.

Each run is a row of the simulator's world and a `Run` here, which also remembers what the lists said of it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush

from snapshots.simulator.world import World

MAKING = ("Allocated", "Creating", "CreatedOnPrimary", "BackingUp")
GONE = ""
LOOKS_LIKE = re.compile(r"_\d{14}$")


@dataclass(eq=False)
class Run:
    """One snapshot: what it is (state empty: deleted), and what the lists have shown of it."""

    id: str
    types: tuple[str, ...]
    began: datetime
    state: str
    # Whether its name tells its time.
    is_dated: bool = True
    shown: str = GONE
    is_listed: bool = False
    # The newest list left it out, and the next one decides.
    in_doubt: bool = False
    was_complete: bool = False
    first_shown: datetime | None = None
    last_making: datetime | None = None
    # Our watch of one that is not dated: the last list without it, the first with it.
    after: datetime | None = None
    before: datetime | None = None

    @property
    def is_telling(self) -> bool:
        """Whether it says something after it is gone: a try that vanished or failed."""
        return self.first_shown is not None and not self.was_complete

    @property
    def lasted(self) -> timedelta:
        """How long its making was watched, once it was complete."""
        if self.first_shown is None or self.last_making is None or not self.was_complete:
            return timedelta()
        return self.last_making - min(self.began, self.first_shown)


@dataclass(eq=False)
class Disk:
    """A volume, and what the team says of it."""

    id: str
    name: str
    created: datetime
    target: timedelta | None = None
    runs: list[Run] = field(default_factory=list)
    ended: dict[str, datetime] = field(default_factory=dict)
    deleted_at: datetime | None = None
    lists_without: int = 0
    # Of runs that are over and done with: when the newest of each type was first shown, and how long the longest took.
    ran: dict[str, datetime] = field(default_factory=dict)
    longest: timedelta = timedelta()

    def settle(self) -> None:
        """Fold what is complete and gone, so that a year of hourly runs does not pile up."""
        over = [run for run in self.runs if run.state == GONE and not run.is_listed and not run.is_telling]
        for run in over:
            if run.first_shown is not None:
                self.longest = max(self.longest, run.lasted)
                for kind in run.types:
                    self.ran[kind] = max(run.first_shown, self.ran.get(kind, run.first_shown))
        self.runs = [run for run in self.runs if run not in over]


class Provider:
    """One environment's volumes; `now` is the provider's own clock, and events happen in its order."""

    def __init__(self, world: World, path: str, now: datetime) -> None:
        self.world, self.path, self.now = world, path, now
        self.disks: dict[str, Disk] = {}
        # How often each thing happened of which the year must hold some.
        self.met: Counter[str] = Counter()
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._planned = 0

    def plan(self, at: datetime, act: Callable[[], None]) -> None:
        self._planned += 1
        heappush(self._events, (at, self._planned, act))

    def advance(self, now: datetime) -> None:
        while self._events and self._events[0][0] <= now:
            at, _, act = heappop(self._events)
            self.now = max(self.now, at)
            act()
        self.now = now

    def add_disk(self, name: str, *, created: datetime, target: timedelta | None = None) -> Disk:
        stamp = created.strftime("%Y-%m-%dT%H:%M:%S+0000")
        row = self.world.add_volume(self.path, name=name, instance_name="web-01", creationDate=stamp)
        disk = Disk(str(row["id"]), name, created, target)
        self.disks[disk.id] = disk
        return disk

    def delete_disk(self, disk: Disk) -> None:
        self.world.remove_volume(self.path, disk.id)
        disk.deleted_at = self.now
        self.met["volume deleted"] += 1

    def begin(self, disk: Disk, types: str, began: datetime, *, state: str = "Allocated", name: str = "") -> Run:
        """Begin a run; without a name it bears the provider's, which tells when."""
        row = self.world.add_snapshot(
            self.path,
            name=name or None,
            state=state,
            interval_type=types,
            volume_id=disk.id,
            created=began,
            **({} if disk.deleted_at is None else {"volume": disk.name}),
        )
        self._note(disk, types, name)
        run = Run(str(row["id"]), tuple(types.split(",")), began, state, is_dated=not name)
        disk.runs.append(run)
        return run

    def _note(self, disk: Disk, types: str, name: str) -> None:
        if name:
            self.met["look-alike name" if LOOKS_LIKE.search(name) else "custom name"] += 1
        if "," in types:
            self.met["types joined by a comma"] += 1
        if types == "MANUAL":
            self.met["manual run"] += 1
            self.met["manual run between scheduled ones"] += any(run.types != ("MANUAL",) for run in disk.runs)

    def move(self, run: Run, state: str) -> None:
        """Bring a run to a state; the empty one deletes it. One that is gone stays gone."""
        if run.state == GONE:
            return
        if state == "Copying":
            self.met["Copying"] += 1
        elif state == "Processing":
            self.met["state that is not known"] += 1
        elif state == "BackingUp" and run.state == "BackedUp":
            self.met["archived again"] += 1
        run.state = state
        if state == GONE:
            self.world.remove_snapshot(self.path, run.id)
        else:
            self.world.set_state(self.path, run.id, state)

    @contextmanager
    def without(self, runs: list[Run]) -> Iterator[None]:
        """Leave rows out of every list while the block runs, though they are there."""
        with self.world.environment(self.path) as found:
            kept = [(run.id, found.snapshots.pop(run.id)) for run in runs if run.id in found.snapshots]
            found.touch()
        yield
        with self.world.environment(self.path) as found:
            found.snapshots.update(kept)
            found.touch()

    def listed(self, at: datetime, last: datetime | None, left_out: set[str]) -> None:
        """Note what a list of this moment showed; `last`: the moment of the believed one before it."""
        for disk in self.disks.values():
            disk.lists_without += disk.deleted_at is not None
            for run in disk.runs:
                _note(run, at, last, is_shown=run.state != GONE and run.id not in left_out)
            disk.settle()


def _note(run: Run, at: datetime, last: datetime | None, *, is_shown: bool) -> None:
    if is_shown:
        _show(run, at, last)
    elif run.is_listed and run.in_doubt and run.state == GONE:
        # Two lists agree.
        run.is_listed = run.in_doubt = False
    elif run.is_listed:
        run.in_doubt = True


def _show(run: Run, at: datetime, last: datetime | None) -> None:
    if run.first_shown is None:
        run.first_shown, run.after, run.before = at, last, at
    run.is_listed, run.in_doubt, run.shown = True, False, run.state
    run.was_complete = run.was_complete or run.state in ("BackedUp", "Destroying")
    if run.state in MAKING and not run.was_complete:
        run.last_making = at
