"""A schedule of the provider: its runs, each with its fate, and what becomes of them later."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from tests.verdicts.year.provider import GONE, Disk, Run

if TYPE_CHECKING:
    from tests.verdicts.year.story import Story

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
CHAPTER = 28
EVERY = {"HOURLY": HOUR, "DAILY": DAY, "WEEKLY": 7 * DAY}
GRACE = {"HOURLY": HOUR / 2, "DAILY": 6 * HOUR, "WEEKLY": DAY, "MONTHLY": DAY}
# A run begins up to this many minutes after its time.
DELAYED = {"HOURLY": 5, "DAILY": 40, "WEEKLY": 90, "MONTHLY": 90}
# Of one that is tried again and again: how often, how long each phase of a try lasts, and for how long.
AGAIN, PHASE, GIVES_UP = 7 * MINUTE, 3 * MINUTE, 9 * HOUR
MOVED = ("BackedUp", "Copying", "BackingUp", "Processing")
NAMES = {
    "retries": "run tried again without end",
    "allocated": "run left in Allocated",
    "sticks": "run that is stuck",
    "vanishes": "run that vanishes",
}
Fate = Callable[[float, datetime], str]


def fine(day: float, began: datetime) -> str:
    return "fine"


def on(fate: str, *stretches: tuple[float, float]) -> Fate:
    """A fate of the runs in these stretches of days of each chapter."""
    return lambda day, began: fate if any(first <= day < last for first, last in stretches) else "fine"


@dataclass
class Schedule:
    """Runs of one type at their times, each with its fate; the oldest go when there are too many."""

    story: "Story"
    disk: Disk
    kind: str
    lasts: timedelta = 12 * MINUTE
    keep: int = 5
    fate: Fate = fine
    types: Callable[[float], str] | None = None
    later: Sequence[tuple[timedelta, str]] = ()

    def start(self, first: datetime, *, past: int = 0) -> None:
        for back in range(past, 0, -1):
            run = self.story.provider.begin(self.disk, self._types(0), self._before(first, back), state="BackedUp")
            self._plan_later(run)
        self.story.provider.plan(first, lambda: self._run(first))

    def _before(self, first: datetime, back: int) -> datetime:
        if self.kind == "MONTHLY":
            month = first.month - back
            return first.replace(year=first.year + (month - 1) // 12, month=(month - 1) % 12 + 1)
        return first - back * EVERY[self.kind]

    def _types(self, day: float) -> str:
        return self.types(day) if self.types else self.kind

    def _run(self, due: datetime) -> None:
        """Take the run of this time, a little later as providers do, and plan the next."""
        provider, story = self.story.provider, self.story
        began = due + story.random.randrange(60 * DELAYED[self.kind]) * timedelta(seconds=1)
        provider.plan(began, lambda: self.begin(began, self.fate(story.day(due), due)))
        following = self._before(due, -1)
        provider.plan(following, lambda: self._run(following))

    def begin(self, began: datetime, fate: str) -> None:
        provider, day = self.story.provider, self.story.day(began)
        if self.disk.deleted_at:
            return
        self._note(fate)
        if fate == "missed":
            return
        run = provider.begin(self.disk, self._types(day), began)
        if fate == "allocated":
            return
        if fate == "retries":
            self._retry(run)
            return
        provider.plan(began + min(2 * MINUTE, self.lasts / 3), lambda: provider.move(run, "BackingUp"))
        end = began + self.lasts
        match fate:
            case "fine":
                provider.plan(end, lambda: self._complete(run))
            case "error":
                provider.plan(end, lambda: provider.move(run, "Error"))
            case "vanishes":
                provider.plan(end, lambda: provider.move(run, GONE))
            case "sticks":
                provider.plan(began + 2 * DAY, lambda: provider.move(run, GONE))

    def _retry(self, run: Run) -> None:
        """Fail after a while and vanish after another, with new tries following it for hours."""
        provider, first = self.story.provider, run.began
        tries = [first + number * AGAIN for number in range(1, GIVES_UP // AGAIN)]
        provider.plan(first + PHASE, lambda: provider.move(run, "Error"))
        provider.plan(first + 2 * PHASE, lambda: provider.move(run, GONE))
        for moment in tries:
            provider.plan(moment, partial(self._try_again, moment))

    def _try_again(self, moment: datetime) -> None:
        provider = self.story.provider
        run = provider.begin(self.disk, self._types(self.story.day(moment)), moment, state="Creating")
        provider.plan(moment + PHASE, lambda: provider.move(run, "Error"))
        provider.plan(moment + 2 * PHASE, lambda: provider.move(run, GONE))

    def _note(self, fate: str) -> None:
        met, kinds = self.story.provider.met, {kind for run in self.disk.runs for kind in run.types}
        met[f"{self.kind.lower()} run"] += 1
        if fate in NAMES:
            met[NAMES[fate]] += 1
        is_usable = any(self.kind in run.types and run.state == "BackedUp" for run in self.disk.runs)
        if fate == "missed" and is_usable:
            met["run of a removed policy, rows left"] += 1
        if fate == "missed" and len(kinds & EVERY.keys()) > 1:
            met["run of one stopped schedule of several"] += 1
        met["run longer than the grace"] += self.lasts > GRACE[self.kind]
        met["run of a mixture of schedules"] += len(kinds & EVERY.keys()) > 1
        met["run of a week that fails"] += fate == "error" and self.disk.name == "failing"

    def _complete(self, run: Run) -> None:
        provider = self.story.provider
        provider.move(run, "BackedUp")
        mine = [each for each in self.disk.runs if each.types == run.types]
        for failed in (each for each in mine if each.state == "Error"):
            provider.move(failed, GONE)
        complete = [each for each in mine if each.state in ("BackedUp", "Copying")]
        for old in complete[: -self.keep]:
            self._rotate(old)
        self._plan_later(run)

    def _rotate(self, old: Run) -> None:
        provider = self.story.provider
        provider.move(old, "Destroying")
        provider.plan(provider.now + 4 * MINUTE, lambda: provider.move(old, GONE))

    def _plan_later(self, run: Run) -> None:
        """Move what is complete about: copied, archived again, complete once more."""
        for wait, state in self.later:
            self.story.provider.plan(run.began + wait, partial(self._move_on, run, state))

    def _move_on(self, run: Run, state: str) -> None:
        if run.state in MOVED:
            self.story.provider.move(run, state)
