"""The provider of the year: volumes and runs whose truth is known, moved on by its own clock.

Each run is a row of the simulator's world and a `Run` here, which also stores what the lists showed.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

from snapshots.simulator.names import STAMP
from snapshots.simulator.world import World

MAKING = ("Allocated", "Creating", "CreatedOnPrimary", "BackingUp")
GONE = ""
LOOKS_LIKE = re.compile(r"_(\d{14})$")
DATE_FIELDS = ("created", "createdAt", "creationDate")


@dataclass(eq=False)
class Run:
    """One snapshot: what it is (state empty: deleted), and what the lists have shown of it."""

    id: str
    types: tuple[str, ...]
    began: datetime
    state: str
    # What its name says and the row's date field, by the provider's clock; whether the provider made the name.
    named: datetime | None = None
    dated: datetime | None = None
    is_own_name: bool = True
    # What its rows said at the newest complete list, and whether that list, or its own address, has it.
    shown: str = GONE
    is_listed: bool = False
    # The newest list left it out, and the next one decides.
    in_doubt: bool = False
    was_complete: bool = False
    first_shown: datetime | None = None
    last_shown: datetime | None = None
    last_making: datetime | None = None
    # When its own address last answered while the lists left it out.
    found_at: datetime | None = None
    # When it began as far as it can be told: exactly, or between two moments; open: until the clocks agree again.
    is_dated: bool = True
    after: datetime | None = None
    before: datetime | None = None
    is_open: bool = False
    # Its true state when the newest complete list was made.
    true_state: str = GONE

    @property
    def is_usable(self) -> bool:
        """As its row was last shown."""
        return self.shown == "BackedUp" or (self.was_complete and self.shown in ("Copying", "BackingUp"))

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
    """One environment's volumes; `now` is the true time. Names and dates are of its clock, `ahead` of that."""

    def __init__(self, world: World, path: str, now: datetime) -> None:
        self.world, self.path, self.now = world, path, now
        self.disks: dict[str, Disk] = {}
        self.ahead = timedelta()
        # How often each thing happened of which the year must hold some.
        self.met: Counter[str] = Counter()
        self._events: list[tuple[datetime, int, Callable[[], object]]] = []
        self._planned = 0

    def plan(self, at: datetime, act: Callable[[], object]) -> None:
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

    def begin(
        self, disk: Disk, types: str, began: datetime, *, state: str = "Allocated", name: str = "", **fields: object
    ) -> Run:
        """Begin a run; without a name it bears the provider's, which tells when. `fields`: more fields of its row."""
        told = began + self.ahead
        row = self.world.add_snapshot(
            self.path,
            name=name or None,
            state=state,
            interval_type=types,
            volume_id=disk.id,
            created=told,
            **({} if disk.deleted_at is None else {"volume": disk.name}),
        )
        if fields:
            self.world.change_snapshot(self.path, str(row["id"]), fields)
        self._note(disk, types, name)
        dates = [datetime.fromisoformat(str(fields[each])) for each in DATE_FIELDS if each in fields]
        named = _time_in(str(row["name"]))
        # A name that someone typed in the provider's own form cannot be told from its own.
        is_own = not name or types != "MANUAL" or name.startswith(f"web-01_{disk.name}_")
        dated, kinds = dates[0] if dates else None, tuple(types.split(","))
        run = Run(str(row["id"]), kinds, began, state, named, dated, is_own_name=is_own)
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


def _time_in(name: str) -> datetime | None:
    found = LOOKS_LIKE.search(name)
    return datetime.strptime(found[1], STAMP).replace(tzinfo=UTC) if found else None
