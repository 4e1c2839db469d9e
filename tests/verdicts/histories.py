"""Random histories of lists: in all of them, a volume that is shown as fresh has a young snapshot.

A history holds nothing that no list could ever show: no old snapshot without a date that is listed late, no clock
that stopped while no sync ran, and no run in progress that is left out, which looks like one that vanished.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from unittest.mock import patch

from hypothesis import strategies as st

from snapshots.models import Environment
from snapshots.sync import refresh
from snapshots.verdicts import day_notes
from tests.verdicts.year import truth
from tests.verdicts.year.chapters import newest, take
from tests.verdicts.year.lab import Lab
from tests.verdicts.year.ledger import Ledger
from tests.verdicts.year.provider import GONE, MAKING, Disk
from tests.verdicts.year.schedule import DAY, HOUR, MINUTE, Schedule, on
from tests.verdicts.year.tally import Tally

STEPS = (7, 20, 55, 180, 540, 1500)
JUMPS = (3 * MINUTE, 10 * MINUTE, 3 * HOUR, 20 * HOUR, 30 * DAY)
FATES = ("missed", "error", "vanishes", "sticks", "retries", "allocated")
GOOD = ("fresh", "running")
# Clocks that are no further apart agree, and pages round to seconds.
Acts = tuple[Callable[[], object], Callable[[], object]]
UNSEEN = 2 * MINUTE + timedelta(seconds=2)
REAL, REAL_AT_BEST = truth.Case(is_real=True), truth.Case(is_real=True, odd_are_usable=True)

spans = st.tuples(st.integers(0, 8), st.integers(1, 5))


@dataclass(frozen=True)
class Kept:
    """A volume: its schedule, its target in hours, how many runs it had before, and a fate of some of its runs."""

    kind: str | None
    target: int | None
    past: int
    fate: str
    fate_from: int
    fate_hours: int


@dataclass(frozen=True)
class Taken:
    """A manual snapshot, this many hours after the first sync."""

    disk: int
    hour: int
    style: str
    late_hours: int


@dataclass(frozen=True)
class Turn:
    """Something that is wrong from one sync to a later one, or happens at one. `number` chooses of what."""

    what: str
    span: tuple[int, int]
    number: int


@dataclass(frozen=True)
class History:
    disks: tuple[Kept, ...]
    by_hand: tuple[Taken, ...]
    steps: tuple[int, ...]
    turns: tuple[Turn, ...]


TURNS = (
    *("cap", "hide", "provider", "ours", "out", "incomplete", "twins", "omit", "mute"),
    *("delete newest", "delete oldest", "delete all", "odd", "delete volume"),
)
kept = st.builds(
    Kept,
    st.sampled_from([None, None, "HOURLY", "DAILY", "DAILY", "WEEKLY", "MONTHLY"]),
    st.sampled_from([None, 12, 24, 48, 240]),
    st.integers(0, 12),
    st.sampled_from(["fine", *FATES]),
    st.integers(0, 60),
    st.integers(1, 60),
)
# Only the provider's own name and its date field can be listed late: of others nobody could tell.
taken = st.builds(
    Taken,
    st.integers(0, 3),
    st.one_of(st.integers(0, 60), st.integers(-300, 0)),
    st.sampled_from(["own", "custom", "dated", "typed", "older date"]),
    st.sampled_from([0, 0, 0, 5, 70]),
)
turns = st.builds(Turn, st.sampled_from(TURNS), spans, st.integers(0, 99))
histories = st.builds(
    History,
    st.lists(kept, min_size=1, max_size=4).map(tuple),
    st.lists(taken, min_size=1, max_size=6).map(tuple),
    st.lists(st.sampled_from(STEPS), min_size=4, max_size=9).map(tuple),
    st.lists(turns, min_size=1, max_size=5).map(tuple),
)


@dataclass
class Found:
    """What histories found: how many verdicts of which word were read, what happened, and what was wrong."""

    verdicts: int = 0
    words: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Tried(Lab):
    """A history as it is replayed: a page after each sync, held against what is really there."""

    def __init__(self, history: History, *, by_sockets: bool = False) -> None:
        super().__init__("history", lambda lab: None, Tally(), by_sockets=by_sockets)
        self._script = lambda lab: self._begin(history)
        self.history, self.found = history, Found()
        self.ledger = Ledger(sees_every_list=False)
        moments, now = [self.start], self.start
        for minutes in history.steps:
            now += minutes * MINUTE
            moments.append(now)
        self.moments = moments

    def play(self) -> Found:
        asks_for_volumes = any(turn.what in ("delete volume", "hide") for turn in self.history.turns)
        with ExitStack() as stack:
            # What no verdict is made of takes half of the time.
            stack.enter_context(patch.object(day_notes, "note"))
            if not asks_for_volumes:
                stack.enter_context(patch.object(refresh, "volumes_are_due", lambda held: False))
            self.run()
        return self.found

    def _times(self) -> list[datetime]:
        return self.moments

    def _look(self, now: datetime, following: datetime) -> None:
        """Look with the list, or just before the next one."""
        at_once = self.tally.syncs % 2 == 0
        self.look(now if at_once else following - timedelta(seconds=1), 0, is_list=at_once)

    def look_at_list(self, row: Environment) -> None:
        """A history may hold lists that lose too much to be believed."""

    def judge(self, disk: Disk, word: str, now: datetime, hours: float, *, is_list: bool) -> None:
        self.found.verdicts += 1
        self.found.words[word] += 1
        if disk.deleted_at or word in ("deleted", "unknown", "new"):
            return
        slack = {each + off for each in self.clocks.may_have_drifted() for off in (-UNSEEN, timedelta(), UNSEEN)}
        data = self.data or now
        if word in GOOD and all(truth.of(disk, now + each, REAL) in truth.PROBLEMS for each in slack):
            self.wrong("false_fresh", disk, word, {truth.of(disk, now, REAL)})
        if word in truth.PROBLEMS and all(
            truth.of(disk, data + each, REAL_AT_BEST) not in truth.PROBLEMS for each in slack
        ):
            self.wrong("false_late", disk, word, {truth.of(disk, data, REAL_AT_BEST)})
        self.found.wrong = self.tally.wrong

    # --- what happens

    def set_clocks(self, *, provider: timedelta | None = None, ours: timedelta | None = None) -> None:
        """Skip a clock that seems to have stood still while nobody looked: it looks like a jump of the other one."""
        place = self.moments.index(self.now)
        step = self.now - self.moments[max(0, place - 1)]
        for value, before in ((ours, self.clocks.ours), (provider, self.clocks.provider)):
            if value is not None and step > HOUR and timedelta() <= step + value - before <= HOUR + 2 * UNSEEN:
                return
        super().set_clocks(provider=provider, ours=ours)

    def _begin(self, history: History) -> None:
        self.volumes = []
        for number, each in enumerate(history.disks):
            target = each.target * HOUR if each.target else None
            disk = self.story.disk(f"v{number}", target=target)
            self.volumes.append(disk)
            if each.kind:
                first, last = each.fate_from / 24, (each.fate_from + each.fate_hours) / 24
                fate = on(each.fate, (first, last))
                schedule = Schedule(self.story, disk, each.kind, keep=max(2, each.past), fate=fate)
                schedule.start(self.start + (number * 7 + 5) * MINUTE, past=each.past)
        for by_hand in history.by_hand:
            self._take(by_hand)
        for turn in history.turns:
            self._turn_to(turn)

    def _take(self, each: Taken) -> None:
        disk, late = self.volumes[each.disk % len(self.volumes)], each.late_hours * HOUR
        day = each.hour / 24
        began = self.start + day * DAY
        match each.style:
            case "own":
                take(self, disk, day, late=late)
            case "custom":
                take(self, disk, day, name="by hand")
            case "dated":
                take(self, disk, day, name="by hand", late=late, created=timedelta())
            case "typed":
                take(self, disk, day, name=f"x_{began - 50 * HOUR:%Y%m%d%H%M%S}")
            case "older date":
                take(self, disk, day, late=late, creationDate=-40 * HOUR)

    def _turn_to(self, turn: Turn) -> None:
        first = min(turn.span[0], len(self.moments) - 1)
        # One that two lists leave out for no reason that shows is gone, for all that anyone can tell.
        lists = 1 if turn.what == "omit" else turn.span[1]
        last = min(first + lists, len(self.moments) - 1)
        begin, end = self._acts(turn)
        self.found.happened[turn.what] += 1
        self.provider.plan(self.moments[first], begin)
        if last > first:
            self.provider.plan(self.moments[last], end)

    def _acts(self, turn: Turn) -> Acts:
        faults, number = self.faults, turn.number
        disk = self.volumes[number % len(self.volumes)]
        jump = JUMPS[number % len(JUMPS)] * (-1 if number % 2 else 1)

        def set_to(name: str, value: object, then: object) -> Acts:
            return lambda: setattr(faults, name, value), lambda: setattr(faults, name, then)

        match turn.what:
            case "cap":
                return set_to("cap", 10 + number % 8, 0)
            case "hide":
                return lambda: self.set_key("CANARY-less", disk), lambda: self.set_key("CANARY-all")
            case "provider" | "ours":
                return (
                    lambda: self.set_clocks(**{turn.what: jump}),
                    lambda: self.set_clocks(**{turn.what: timedelta()}),
                )
            case "out":
                return set_to("is_out", True, False)
            case "incomplete":
                return set_to("is_incomplete", True, False)
            case "mute":
                return set_to("answers_no_single", True, False)
            case "twins":
                return set_to("twins", ("Error", "Copying", "Processing", "Creating")[number % 4], "")
            case "omit":
                return lambda: self._omit(number), lambda: faults.omitted.clear()
        return lambda: self._lose(turn.what, disk), lambda: None

    def _omit(self, number: int) -> None:
        runs = [run for disk in self.volumes for run in disk.runs if run.last_shown and run.state != GONE]
        known = [run for run in runs if run.shown not in MAKING]
        if known:
            self.faults.omitted = {known[number % len(known)].id}

    def _lose(self, what: str, disk: Disk) -> None:
        usable = [run for run in disk.runs if run.state == "BackedUp"]
        if what == "delete volume" and not disk.deleted_at:
            self.provider.delete_disk(disk)
        elif what == "odd" and usable:
            self.provider.move(newest(disk), "Processing")
        elif what.startswith("delete"):
            chosen = {"delete newest": usable[-1:], "delete oldest": usable[:1]}.get(what, usable)
            for run in chosen:
                self.provider.move(run, GONE)
