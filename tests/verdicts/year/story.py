"""What happens in the year: 28 days that repeat, each known by its number, so that the shortest run meets it all."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from snapshots.simulator.names import STAMP
from tests.verdicts.year.provider import GONE, Disk, Provider, Run
from tests.verdicts.year.schedule import CHAPTER, DAY, HOUR, MINUTE, Schedule, on


def _always(name: str) -> Callable[[datetime], str]:
    return lambda moment: name


class Story:
    """One environment's year. `acts` are what members do, as (moment, disk, schedule that they say was stopped)."""

    def __init__(self, provider: Provider, start: datetime, chapters: int) -> None:
        self.provider, self.began, self.chapters = provider, start, chapters
        self.random = Random(provider.path)
        self.acts: list[tuple[datetime, Disk, str]] = []
        # (the day by which a disk must bear the flag of fewer usable ones, disk)
        self.fewer: list[tuple[datetime, Disk]] = []
        self.hidden: list[Disk] = []

    def day(self, moment: datetime) -> float:
        return ((moment - self.began) / DAY) % CHAPTER

    def each(self, day: float, act: Callable[[datetime], None]) -> None:
        """Let something happen on this day of every chapter."""
        for chapter in range(self.chapters):
            moment = self.began + (chapter * CHAPTER + day) * DAY
            self.provider.plan(moment, partial(act, moment))

    def disk(self, name: str, *, target: timedelta | None = None) -> Disk:
        return self.provider.add_disk(name, created=self.began - 300 * DAY, target=target)

    def scheduled(self, name: str, kind: str, first: timedelta, *, past: int = 4, **how: Any) -> Disk:
        disk = self.disk(name)
        Schedule(self, disk, kind, **how).start(self.began + first, past=past)
        return disk

    def manual(self, disk: Disk, day: float, *, name: Callable[[datetime], str] | None = None) -> None:
        """Take one by hand in every chapter, complete after a while."""

        def take(moment: datetime) -> None:
            run = self.provider.begin(disk, "MANUAL", moment, name=name(moment) if name else "")
            self.provider.plan(moment + 6 * MINUTE, lambda: self.provider.move(run, "BackedUp"))
            self._leave_two(disk)

        self.each(day, take)

    def _leave_two(self, disk: Disk) -> None:
        complete = [run for run in disk.runs if run.types == ("MANUAL",) and run.state == "BackedUp"]
        for run in complete[:-3]:
            self.provider.move(run, GONE)

    def delete(self, disk: Disk, day: float, chosen: Callable[[list[Run]], list[Run]]) -> None:
        def act(moment: datetime) -> None:
            for run in chosen([run for run in disk.runs if run.state == "BackedUp"]):
                self.provider.move(run, GONE)

        self.each(day, act)


def prod(story: Story) -> None:
    """The environment in which everything happens."""
    _steady(story)
    _troubled(story)
    _by_hand(story)
    _come_and_go(story)


def dev(story: Story) -> None:
    """The one whose key is refused for a while."""
    story.scheduled("dev-daily", "DAILY", 4 * HOUR)
    story.scheduled("dev-hourly", "HOURLY", 25 * MINUTE, past=3)
    story.scheduled("dev-failing", "DAILY", 5 * HOUR, fate=on("error", (5.5, 7)))


def _steady(story: Story) -> None:
    at = timedelta(hours=3, minutes=10)
    story.hidden.append(story.scheduled("daily", "DAILY", at))
    story.hidden.append(story.scheduled("hourly", "HOURLY", 5 * MINUTE, lasts=7 * MINUTE))
    story.scheduled("weekly", "WEEKLY", 2 * DAY + at, past=3, fate=on("missed", (8, 14)))
    month = story.scheduled("monthly", "MONTHLY", 9 * DAY + at, past=2, fate=_monthly)
    Schedule(story, month, "WEEKLY").start(story.began + DAY, past=2)
    story.scheduled("long-daily", "DAILY", at, lasts=7 * HOUR)
    story.scheduled("long-hourly", "HOURLY", 15 * MINUTE, lasts=70 * MINUTE, past=3)
    copied = [(3 * HOUR, "Copying"), (8 * HOUR, "BackedUp"), (23 * HOUR, "BackingUp"), (26 * HOUR, "BackedUp")]
    story.scheduled("copied", "DAILY", at, keep=3, later=copied)
    odd = [(HOUR, "Processing"), (9 * HOUR, "BackedUp")]
    story.scheduled("odd", "DAILY", at, keep=3, later=odd)
    promised = story.disk("promised", target=DAY)
    Schedule(story, promised, "DAILY", lasts=3 * HOUR).start(story.began + at, past=3)
    strict = story.disk("strict", target=12 * HOUR)
    Schedule(story, strict, "DAILY", lasts=5 * HOUR).start(story.began + at, past=3)
    joined = story.disk("joined")
    Schedule(story, joined, "DAILY", types=lambda day: "DAILY,WEEKLY" if int(day) % 7 == 0 else "DAILY").start(
        story.began + at, past=3
    )


def _monthly(day: float, began: datetime) -> str:
    return {1: "missed", 6: "error", 9: "sticks", 11: "missed"}.get(began.month, "fine")


def _troubled(story: Story) -> None:
    at = timedelta(hours=2, minutes=40)
    mixed = story.scheduled("mixed", "HOURLY", 20 * MINUTE, past=3)
    Schedule(story, mixed, "DAILY", fate=on("missed", (9, 13))).start(story.began + at, past=3)
    Schedule(story, mixed, "WEEKLY").start(story.began + 3 * DAY + at, past=2)
    failing = story.scheduled("failing", "DAILY", at, fate=on("error", (14, 20)))
    story.manual(failing, 16.2)
    story.scheduled("vanishing", "DAILY", at, fate=on("vanishes", (5, 7)), lasts=40 * MINUTE)
    story.scheduled("hourly-failing", "HOURLY", 35 * MINUTE, past=3, fate=on("error", (15.12, 15.19), (17.12, 17.19)))
    story.scheduled("sticking", "DAILY", at, fate=on("sticks", (5, 6)))
    story.scheduled("sticking-weekly", "WEEKLY", 5 * DAY + at, past=3, fate=on("sticks", (12, 13)))
    story.hidden.append(story.scheduled("left-over", "DAILY", at, fate=on("allocated", (3, 4))))
    story.scheduled("retried", "DAILY", at, fate=on("retries", (5, 6)))
    removed = story.scheduled("removed", "DAILY", at, fate=on("missed", (8, 22), (24, 27)))
    story.each(20, lambda moment: story.acts.append((moment, removed, "DAILY")))
    forgotten = story.scheduled("forgotten", "HOURLY", 45 * MINUTE, past=3, fate=on("missed", (6, 26.5)))
    story.manual(forgotten, 1.1)
    story.manual(forgotten, 14.3)
    story.delete(forgotten, 7.5, lambda runs: [run for run in runs if "HOURLY" in run.types])
    story.each(7.5, lambda moment: story.fewer.append((moment, forgotten)))
    newest = story.scheduled("newest-deleted", "DAILY", at)
    story.delete(newest, 16.42, lambda runs: runs[-1:])


def _by_hand(story: Story) -> None:
    start = story.began
    alike = story.disk("look-alike", target=2 * DAY)
    typed = f"before_{start - HOUR:{STAMP}}"
    story.provider.begin(alike, "MANUAL", start - 5 * DAY, state="BackedUp", name=typed)
    story.manual(alike, 2.5)
    story.manual(alike, 9.5)
    # Taken while nobody looked, with a time typed that is two days too young.
    story.manual(alike, 11.1, name=lambda moment: f"safe_{moment + 2.2 * DAY:{STAMP}}")
    story.manual(alike, 20, name=lambda moment: f"x_{moment + 3 * DAY:{STAMP}}")
    story.manual(alike, 22.5, name=lambda moment: f"x_{moment - 9 * DAY:{STAMP}}")
    custom = story.disk("custom", target=DAY)
    story.provider.begin(custom, "MANUAL", start - DAY / 2, state="BackedUp", name="golden-image")
    for number, day in enumerate((0.4, 1.3, 2.2, 3.5, 6.1, 7, 7.9, 11.6, 13.4, 14.3, 17, 17.9, 18.8, 21.5, 25)):
        story.manual(custom, day, name=_always(f"nightly {number}"))
    story.hidden.append(custom)
    aging = story.disk("aging", target=7 * DAY)
    story.provider.begin(aging, "MANUAL", start - 2 * DAY, state="BackedUp")
    story.manual(aging, 4.6)
    story.manual(aging, 20.3)
    shown = story.disk("template")
    story.provider.begin(shown, "TEMPLATE", start - 40 * DAY, state="BackedUp")
    story.provider.begin(shown, "GROUP", start - 40 * DAY, state="BackedUp")
    unknown = story.disk("unknown")
    story.provider.begin(unknown, "MANUAL", start - 3 * DAY, state="Processing")
    story.disk("bare")
    _shrinking(story)


def _shrinking(story: Story) -> None:
    disk = story.disk("shrinking")
    for back in range(12):
        story.provider.begin(disk, "MANUAL", story.began - (60 + back) * DAY, state="BackedUp")

    def lose(moment: datetime) -> None:
        there = [run for run in disk.runs if run.state == "BackedUp"]
        for run in there[:-3]:
            story.provider.move(run, GONE)
        story.fewer.append((moment, disk))

    def fill(moment: datetime) -> None:
        for back in range(9):
            story.provider.begin(disk, "MANUAL", moment + back * MINUTE, state="BackedUp")

    story.each(18.2, lose)
    story.each(24.2, fill)


def _come_and_go(story: Story) -> None:
    provider = story.provider

    def fresh_one(moment: datetime) -> None:
        disk = provider.add_disk("new", created=moment)
        Schedule(story, disk, "DAILY").start(moment + 10 * HOUR)
        provider.plan(moment + 30 * DAY, lambda: provider.delete_disk(disk))

    def never(moment: datetime) -> None:
        disk = provider.add_disk("never", created=moment)
        provider.plan(moment + 20 * DAY, lambda: provider.delete_disk(disk))

    def at_once(moment: datetime) -> None:
        # Its first run is seen before the volumes are asked for again.
        disk = provider.add_disk("at-once", created=moment)
        schedule = Schedule(story, disk, "DAILY", lasts=2 * HOUR)
        provider.plan(moment + 3 * MINUTE, lambda: schedule.begin(moment + 3 * MINUTE, "fine"))
        schedule.start(moment + DAY)
        provider.plan(moment + 12 * DAY, lambda: provider.delete_disk(disk))

    def failing_first(moment: datetime) -> None:
        disk = provider.add_disk("first-fails", created=moment)
        provider.begin(disk, "MANUAL", moment, state="BackedUp")
        Schedule(story, disk, "DAILY", fate=lambda day, began: "error" if began < moment + 2 * DAY else "missed").start(
            moment + HOUR
        )
        provider.plan(moment + 12 * DAY, lambda: provider.delete_disk(disk))

    def scratch(moment: datetime) -> None:
        disk = provider.add_disk("scratch", created=moment)
        provider.met["scratch volume of 30 min"] += 1
        provider.plan(moment + HOUR / 2, lambda: provider.delete_disk(disk))

    def again(moment: datetime) -> None:
        old = provider.add_disk("again", created=moment)
        Schedule(story, old, "DAILY").start(moment + HOUR)
        provider.plan(moment + 3.3 * DAY, lambda: provider.delete_disk(old))
        provider.plan(moment + 3.4 * DAY, lambda: _recreate(story, moment + 3.4 * DAY))

    for day, act in ((4, fresh_one), (6, never), (26.013, at_once), (3, failing_first), (17.5, again)):
        story.each(day, act)
    for day in (1.5, 8.5, 15.5, 26.2):
        story.each(day, scratch)


def _recreate(story: Story, moment: datetime) -> None:
    disk = story.provider.add_disk("again", created=moment)
    story.provider.met["volume recreated under the same name"] += 1
    Schedule(story, disk, "DAILY").start(moment + 2 * HOUR)
    story.provider.plan(moment + 5 * DAY, lambda: story.provider.delete_disk(disk))
