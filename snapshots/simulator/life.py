"""The activity in an environment: schedules run, people take and delete snapshots, some fail, volumes are renamed.

Time is counted in simulated seconds since the start: at speed 60, a simulated minute passes in a second of the clock.
Events happen in the order of their time, regardless of when requests come, so the same seed and clock give the same
world.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import pairwise
from random import Random
from typing import Final

from snapshots.simulator.environment import Environment, Snapshot, Volume, check_transition
from snapshots.simulator.names import GIVEN_NAMES, RENAMED
from snapshots.simulator.seeding import EXAMPLE_VOLUME, Series

NEXT_STATE: Final = {
    "Allocated": "Creating",
    "Creating": "CreatedOnPrimary",
    "CreatedOnPrimary": "BackingUp",
    "BackingUp": "BackedUp",
    "Destroying": "Destroyed",
}
LASTS: Final = {
    "Allocated": (65, 110),
    "Creating": (90, 180),
    "CreatedOnPrimary": (65, 110),
    "BackingUp": (180, 400),
    "Destroying": (90, 180),
}
"""Simulated seconds that a state lasts, at least and at most."""

FIRST_BEAT: Final = 60.0
BEAT: Final = 600.0
SOON: Final = 60.0
FAILING_RUNS: Final = 0.03
FAILED_THAT_STAY: Final = 2


class Life:
    """Advances one environment; `speed` is simulated seconds per second of the clock, above 0."""

    def __init__(
        self, environment: Environment, series: list[Series], *, seed: int, started: datetime, speed: float
    ) -> None:
        self._environment = environment
        self._started = started
        self._speed = speed
        self._random = Random(f"{seed} {environment.code}")
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._planned = 0
        self._now = 0.0
        self._busy: set[str] = set()
        self._doomed: set[str] = set()
        self._beats = 0
        self._given = 0
        self._schedules = {(each.volume.id, each.interval_type): each for each in series if each.volume}
        self._manual = deque(
            sorted(
                (id for each in series if each.interval_type == "MANUAL" for id in each.kept),
                key=lambda id: environment.snapshots[id].created,
            )
        )
        self._begin()

    def advance(self, now: float) -> None:
        """Run all events that are due by `now`, in simulated seconds since the start."""
        while self._events and self._events[0][0] <= now:
            self._now, _, event = heappop(self._events)
            event()

    def _begin(self) -> None:
        for snapshot in list(self._environment.snapshots.values()):
            if snapshot.state in NEXT_STATE:
                self._busy.add(snapshot.volume_id)
                self._plan_step(snapshot)
        for series in self._schedules.values():
            if series.interval_type != "MANUAL":
                due = series.last_before(self._started) + series.period - self._started
                self._plan(due.total_seconds(), partial(self._run, series))
        self._plan(FIRST_BEAT, self._beat)

    def _plan(self, wait: float, event: Callable[[], None]) -> None:
        self._planned += 1
        heappush(self._events, (self._now + wait, self._planned, event))

    def _moment(self) -> datetime:
        """Return the clock's time of the current event: names and order use the clock, not simulated time."""
        return (self._started + timedelta(seconds=self._now / self._speed)).replace(microsecond=0)

    def _plan_step(self, snapshot: Snapshot) -> None:
        self._plan(self._random.uniform(*LASTS[snapshot.state]), partial(self._step, snapshot))

    def _step(self, snapshot: Snapshot) -> None:
        """Move a snapshot to its next state, unless it was changed otherwise."""
        following = NEXT_STATE.get(snapshot.state)
        if following is None or self._environment.snapshots.get(snapshot.id) is not snapshot:
            self._busy.discard(snapshot.volume_id)
            return
        if following == "BackedUp" and snapshot.id in self._doomed:
            following = "Error"
        check_transition(snapshot.state, following)
        self._environment.change(snapshot, state=following)
        if following in NEXT_STATE:
            self._plan_step(snapshot)
        else:
            self._end(snapshot)

    def _end(self, snapshot: Snapshot) -> None:
        self._doomed.discard(snapshot.id)
        if snapshot.state == "Destroyed":
            self._environment.drop(snapshot)
            return
        self._busy.discard(snapshot.volume_id)
        if snapshot.state == "BackedUp":
            self._keep(snapshot)

    def _keep(self, snapshot: Snapshot) -> None:
        """Count a finished snapshot; if its schedule has too many, delete the oldest."""
        if snapshot.row["intervalType"] == "MANUAL":
            self._manual.append(snapshot.id)
            return
        series = self._schedules.get((snapshot.volume_id, str(snapshot.row["intervalType"])))
        if series is None or snapshot.id in series.kept:
            return
        series.kept.append(snapshot.id)
        while len(series.kept) > series.keep:
            self._destroy(series.kept.popleft())

    def _destroy(self, id: str) -> bool:
        snapshot = self._environment.snapshots.get(id)
        if snapshot is None or snapshot.state not in ("BackedUp", "Error"):
            return False
        if snapshot.state == "Error":  # the provider deletes a failed one at once: there is no step out of Error
            self._environment.drop(snapshot)
            return True
        self._environment.change(snapshot, state="Destroying")
        self._plan_step(snapshot)
        return True

    def _run(self, series: Series) -> None:
        """Take a scheduled snapshot, or wait if the volume is busy."""
        volume = series.volume
        if volume is None or volume.id not in self._environment.volumes:
            return
        if volume.id in self._busy:
            self._plan(SOON, partial(self._run, series))
            return
        self._take(volume, series.interval_type, fails=self._random.random() < FAILING_RUNS)
        self._plan(series.period.total_seconds(), partial(self._run, series))

    def _take(self, volume: Volume, interval_type: str, *, fails: bool, name: str = "") -> None:
        snapshot = self._environment.take(volume, interval_type, self._moment(), "Allocated", name)
        self._busy.add(volume.id)
        if fails:
            self._doomed.add(snapshot.id)
        self._plan_step(snapshot)

    def _beat(self) -> None:
        """Do one manual action; after six of them each has happened and the numbers are the same again."""
        acts = (self._take_good, self._take_bad, self._delete, self._take_named, self._rename, self._clean_up)
        if acts[self._beats % len(acts)]():
            self._beats += 1
            self._plan(BEAT, self._beat)
        else:
            self._plan(SOON, self._beat)

    def _take_by_hand(self, *, fails: bool = False, name: str = "") -> bool:
        """Take a snapshot of a volume that has none in progress; False if all have."""
        volumes = self._environment.volumes.values()
        idle = [each for each in volumes if each.id not in self._busy]
        if idle:
            self._take(self._random.choice(idle), "MANUAL", fails=fails, name=name)
        return bool(idle or not volumes)

    def _take_good(self) -> bool:
        return self._take_by_hand()

    def _take_bad(self) -> bool:
        return self._take_by_hand(fails=True)

    def _take_named(self) -> bool:
        done = self._take_by_hand(name=GIVEN_NAMES[self._given % len(GIVEN_NAMES)])
        self._given += done
        return done

    def _delete(self) -> bool:
        """Delete the oldest manual snapshot."""
        while self._manual and not self._destroy(self._manual.popleft()):
            pass
        return True

    def _rename(self) -> bool:
        volumes = self._environment.volumes
        others = [each for each in volumes.values() if each.id != EXAMPLE_VOLUME] or list(volumes.values())
        if others:
            volume = self._random.choice(others)
            self._environment.rename_volume(volume, _other_name(volume.name))
        return True

    def _clean_up(self) -> bool:
        """Delete the oldest manual snapshot, and all failed ones except the newest two."""
        failed = [each for each in self._environment.snapshots.values() if each.state == "Error"]
        for snapshot in failed[:-FAILED_THAT_STAY]:
            self._destroy(snapshot.id)
        return self._delete()


def _other_name(name: str) -> str:
    """Return the name with its next ending; after four renames the first one returns."""
    for now, following in pairwise(RENAMED):
        if name.endswith(now):
            return name.removesuffix(now) + following
    return name + RENAMED[0]
