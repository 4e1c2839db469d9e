"""Separate chapters: each a few days with one kind of problem, with frequent syncs."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from snapshots.simulator.names import STAMP
from tests.verdicts.year.lab import START, Lab
from tests.verdicts.year.provider import GONE, Disk, Run
from tests.verdicts.year.schedule import DAY, HOUR, MINUTE, on

Script = Callable[[Lab], None]
AT = timedelta(hours=2, minutes=40)
ZONE = ZoneInfo("America/Toronto")


def take(
    lab: Lab,
    disk: Disk,
    day: float,
    *,
    kind: str = "MANUAL",
    name: str = "",
    late: timedelta = timedelta(),
    lasts: timedelta = timedelta(),
    **dates: timedelta,
) -> None:
    """Take one on this day, listed so much later. `dates`: date fields of the row, so far from the truth."""
    began = lab.start + day * DAY

    def act() -> None:
        fields = {each: f"{began + off + lab.clocks.provider:%Y-%m-%dT%H:%M:%S+00:00}" for each, off in dates.items()}
        state = "BackingUp" if lasts else "BackedUp"
        run = lab.provider.begin(disk, kind, began, state=state, name=name, **fields)
        if lasts:
            lab.provider.plan(began + lasts, lambda: lab.provider.move(run, "BackedUp"))

    lab.at(day + late / DAY, act)


def newest(disk: Disk) -> Run:
    return [run for run in disk.runs if run.state == "BackedUp"][-1]


def lose(lab: Lab, runs: Iterable[Run]) -> None:
    for run in runs:
        lab.provider.move(run, GONE)


def lose_scheduled(lab: Lab, disk: Disk) -> None:
    lose(lab, [run for run in disk.runs if run.types != ("MANUAL",)])


def capped(lab: Lab) -> None:
    """Lists that hold the newest 20 rows alone, and count them alone."""
    hourly = [lab.story.scheduled(f"hourly-{turn}", "HOURLY", turn * 7 * MINUTE, past=5) for turn in range(4)]
    golden, kept, gone = lab.story.disk("golden"), lab.story.disk("kept", target=40 * DAY), lab.story.disk("gone")
    lab.story.disk("bare")
    for disk in (golden, kept, gone):
        take(lab, disk, -20, name=f"by-hand of {disk.name}" if disk is not kept else "")
    lab.steps = [(0.3, 30), (2.2, 20)]

    def cap(rows: int) -> None:
        lab.faults.cap = rows
        lab.met("list cut off without a word")

    lab.at(0.4, lambda: cap(20))
    lab.at(0.9, lambda: lab.provider.move(newest(gone), GONE))
    lab.at(1.2, lambda: setattr(lab.faults, "answers_no_single", True))
    lab.at(1.35, lambda: setattr(lab.faults, "answers_no_single", False))
    lab.at(1.6, lambda: lose(lab, [run for run in hourly[0].runs if run.state == "BackedUp"]))
    lab.at(1.9, lambda: cap(0))


def behind_the_end(lab: Lab) -> None:
    """Old ones by hand move up from behind the end of lists that were cut off from the first one on."""
    promised = lab.story.disk("promised", target=10 * DAY)
    filler = lab.story.disk("filler")
    take(lab, promised, -15, name="hidden behind")
    for turn in range(15):
        take(lab, filler, -10 + turn / 10, name=f"filler {turn}")
    lab.faults.cap = 15
    lab.met("list cut off without a word")
    lab.steps = [(0.5, 20)]
    lab.at(0.2, lambda: lab.provider.move(newest(filler), GONE))


def keys(lab: Lab) -> None:
    """A key that sees less, then one that sees all, then one that sees more than ever."""
    seen, other = lab.story.scheduled("seen", "DAILY", AT), lab.story.scheduled("other", "DAILY", AT + HOUR)
    alone = lab.story.disk("alone", target=9 * DAY)
    take(lab, alone, -3, name="by hand")
    later = lab.story.disk("later", target=2 * DAY)
    take(lab, later, -30, name="of the other project")
    take(lab, seen, -30, name="also there")
    lab.faults.hidden = {later.id}
    lab.steps = [(4.5, 45)]
    lab.at(1.2, lambda: lab.set_key("CANARY-narrow", other, alone, later))
    lab.at(2.4, lambda: lab.set_key("CANARY-wide", later))
    lab.at(3.3, lambda: lab.set_key("CANARY-all"))
    take(lab, later, 3.9, name="taken since")


def _jumps(lab: Lab, which: str) -> None:
    """Jumps of one clock, back after 40 min, and one that stays for ten minutes' worth."""
    lab.story.scheduled("daily", "DAILY", AT)
    lab.story.scheduled("hourly", "HOURLY", 5 * MINUTE, past=5)
    lab.story.scheduled("missed", "DAILY", 12 * HOUR, fate=on("missed", (2, 6)))
    named, custom = lab.story.disk("named", target=DAY), lab.story.disk("custom", target=DAY)
    sizes = (10 * MINUTE, -10 * MINUTE, 3 * HOUR, -3 * HOUR, 20 * HOUR, -20 * HOUR, 30 * DAY, -30 * DAY)
    for turn, size in enumerate(sizes):
        day = 0.5 + turn * 0.5
        lab.at(day, partial(lab.set_clocks, **{which: size}))
        lab.at(day, lambda: lab.met(f"jump of {'our' if which == 'ours' else 'the provider'} clock"))
        lab.at(day + 40 * MINUTE / DAY, lambda: lab.set_clocks(**{which: timedelta()}))
        # One that lists show while the clock is wrong, and one that they show when it is right again.
        take(lab, named, day + 15 * MINUTE / DAY)
        take(lab, custom, day + 20 * MINUTE / DAY, name=f"by hand {turn}")
        take(lab, named, day + 39.5 * MINUTE / DAY)
    lab.steps = [(4.8, 14)]


def provider_jumps(lab: Lab) -> None:
    _jumps(lab, "provider")


def our_jumps(lab: Lab) -> None:
    _jumps(lab, "ours")


def names_of_a_wrong_clock(lab: Lab) -> None:
    """What the provider named while its clock was wrong, and lists show only once it is right, or has been for long."""
    named = lab.story.disk("named", target=DAY)
    take(lab, named, 0.26)
    lab.at(0.25, lambda: lab.set_clocks(provider=5 * HOUR))
    lab.at(0.25, lambda: lab.met("name of a wrong clock"))
    lab.at(0.4, lambda: lab.set_clocks(provider=timedelta()))
    take(lab, named, 2.3)
    lab.at(2.0, lambda: lab.set_clocks(provider=3 * HOUR))
    lab.steps = [(0.24, 40), (0.255, 8), (0.75, 700), (2.25, 40), (2.55, 430), (4, 30)]


def _lasting(lab: Lab, which: str) -> None:
    lab.story.scheduled("daily", "DAILY", AT)
    lab.story.scheduled("missed", "DAILY", 7 * HOUR, fate=on("missed", (2.2, 6)))
    lab.story.scheduled("hourly", "HOURLY", 5 * MINUTE, past=5)
    named, custom = lab.story.disk("named", target=DAY), lab.story.disk("custom", target=DAY)
    for turn in range(9):
        take(lab, named, turn * 0.55)
        take(lab, custom, turn * 0.57, name=f"by hand {turn}")
    sizes = (20 * HOUR, 10 * MINUTE, -30 * DAY, -10 * MINUTE)
    for turn, size in enumerate(sizes):
        lab.at(0.5 + turn, partial(lab.set_clocks, **{which: size}))
        lab.at(0.5 + turn, lambda: lab.met("clock that stays wrong"))
        lab.at(1.1 + turn, lambda: lab.set_clocks(**{which: timedelta()}))
    lab.steps = [(4.8, 22)]


def provider_stays_off(lab: Lab) -> None:
    _lasting(lab, "provider")


def we_stay_off(lab: Lab) -> None:
    _lasting(lab, "ours")


def jumps_in_silence(lab: Lab) -> None:
    """Clocks that jump while nobody looks: neither can be believed."""
    lab.story.scheduled("daily", "DAILY", AT)
    lab.story.scheduled("missed", "DAILY", 7 * HOUR, fate=on("missed", (3, 9)))
    custom = lab.story.disk("custom", target=DAY)
    for turn in range(12):
        take(lab, custom, turn * 0.7, name=f"by hand {turn}")
    jumps = (("provider", 20 * HOUR), ("ours", -20 * HOUR), ("provider", -5 * HOUR), ("ours", 5 * HOUR))
    lab.steps = []
    for turn, (which, size) in enumerate(jumps):
        day = 0.8 + 2 * turn
        lab.at(day, partial(lab.set_clocks, **{which: size}))
        lab.at(day, lambda: lab.met("jump while nobody looked"))
        lab.at(day + 0.4, partial(lab.set_clocks, **{which: timedelta()}))
        lab.steps += [(day - 0.3, 40), (day, 500), (day + 1, 20)]


def witnesses(lab: Lab) -> None:
    """Rows that lists show days late, and dates that contradict names, or agree."""
    late = lab.story.disk("late-weekly")
    take(lab, late, -6.5, kind="WEEKLY")
    take(lab, late, 0.6, kind="WEEKLY", late=3 * DAY)
    lab.at(3.6, lambda: lab.met("row listed days late"))
    typed = lab.story.disk("typed", target=2 * DAY)
    take(lab, typed, 0.05, name=f"safe_{lab.start - 20 * DAY:{STAMP}}")
    take(lab, typed, 2.3, name=f"safe_{lab.start - 9 * DAY:{STAMP}}")
    for name, off in (("older", -40 * DAY), ("agrees", timedelta(seconds=20))):
        disk = lab.story.disk(f"date-{name}", target=DAY)
        take(lab, disk, -3, created=timedelta())
        for day in (0.4, 1.3, 3.0):
            take(lab, disk, day, createdAt=off)
        lab.met("created date that agrees" if name == "agrees" else "created date that contradicts the name")
    # The name says the truth, and the date is two days too young.
    young = lab.story.disk("date-younger", target=3 * DAY)
    take(lab, young, -2.8, created=2 * DAY)
    lab.met("created date that contradicts the name")
    # The row says the truth, and its name was typed in the form of the provider's, two days too young.
    fooled = lab.story.disk("fooled", target=3 * DAY)
    take(lab, fooled, -2.9, name=f"web-01_fooled_{lab.start - 0.9 * DAY:{STAMP}}", created=timedelta())
    lab.met("created date that contradicts the name")
    undated = lab.story.disk("undated", target=2 * DAY)
    take(lab, undated, -1, name="by hand", creationDate=timedelta())
    lab.steps = [(4.6, 50)]


def rows(lab: Lab) -> None:
    """Ids that come twice, states that nobody knows, tries without end, runs that hang."""
    lab.story.scheduled("daily", "DAILY", AT)
    promised = lab.story.disk("promised", target=2 * DAY)
    take(lab, promised, 0.02, name="by hand")
    for turn, twin in enumerate(("Error", "Copying", "Processing")):
        lab.at(0.5 + turn * 0.2, partial(setattr, lab.faults, "twins", twin))
        lab.at(0.5 + turn * 0.2, lambda: lab.met("id that comes twice"))
    lab.at(1.1, lambda: setattr(lab.faults, "twins", ""))
    odd = lab.story.disk("odd", target=DAY)
    take(lab, odd, 0.1)
    lab.at(0.2, lambda: lab.provider.move(newest(odd), "Processing"))
    # Of a type that nobody knows, and so how often one is due; beside a target that does not matter.
    for disk in (lab.story.disk("odd-type"), lab.story.disk("odd-type-promised", target=2 * DAY)):
        take(lab, disk, 0.05, kind="FORTNIGHTLY")
        lab.met("interval type that is not known")
    lab.story.scheduled("retried", "DAILY", AT, fate=on("retries", (1, 2)))
    lab.story.scheduled("hangs", "DAILY", AT, fate=on("sticks", (1, 2)))
    hanging = lab.story.disk("hangs-by-hand", target=DAY)
    take(lab, hanging, 0.3)
    take(lab, hanging, 1.2, lasts=DAY)
    lab.at(1.2, lambda: lab.met("run that hangs under a target"))
    lab.steps = [(1.0, 30), (1.35, 11), (3.2, 40)]


def volumes(lab: Lab) -> None:
    """Volumes that were deleted before anyone looked, and dates of creation that cannot be."""
    for name, kind in (("deleted", "DAILY"), ("deleted-by-hand", "MANUAL")):
        disk = lab.story.disk(name, target=DAY)
        take(lab, disk, -30, kind=kind)
        lab.at(0, partial(lab.provider.delete_disk, disk))
        lab.met("volume deleted before the first sync")
    lab.story.scheduled("daily", "DAILY", AT)

    def odd(name: str, told: str) -> None:
        disk = lab.provider.add_disk(name, created=lab.now)
        with lab.world.environment(lab.provider.path) as found:
            found.volumes[disk.id].row["creationDate"] = told
        lab.met("volume with a date of creation that cannot be")

    lab.at(0, lambda: odd("of-the-future", "2027-06-24T10:00:00+0000"))
    lab.steps = [(1.6, 20)]


def _of_a_zone(lab: Lab, hour: int, minute: int) -> None:
    midnight, promised = lab.story.disk("midnight"), lab.story.disk("as-promised", target=DAY)
    first = lab.start.astimezone(ZONE).replace(hour=hour, minute=minute)
    for disk in (midnight, promised):
        for turn in range(-3, 6):
            began = (first + turn * DAY).astimezone(UTC) + (turn % 3) * 11 * MINUTE
            take(lab, disk, (began - lab.start) / DAY, kind="DAILY", lasts=45 * MINUTE)
    lab.at(1, lambda: lab.met("schedule across midnight UTC and a change of summer time"))
    lab.at(1, lambda: lab.met("target as long as the period"))
    lab.steps = [(4.4, 25)]


def summer_ends(lab: Lab) -> None:
    """Schedules by local time: before midnight UTC, then after it; targets as long as the period."""
    _of_a_zone(lab, 19, 30)


def summer_begins(lab: Lab) -> None:
    """Schedules by local time: after midnight UTC, then before it; targets as long as the period."""
    _of_a_zone(lab, 19, 10)


def turnover(lab: Lab) -> None:
    """Days without a sync, in which every row was replaced."""
    for turn in range(6):
        lab.story.scheduled(f"hourly-{turn}", "HOURLY", turn * 7 * MINUTE, past=5)
    by_hand = lab.story.disk("by-hand", target=DAY)
    take(lab, by_hand, 0.1, name="by hand")
    take(lab, by_hand, 3.1, name="by hand again")
    lab.at(2, lambda: lab.met("turnover while nobody looked"))
    lab.steps = [(0.3, 30), (2.9, 2.6 * 1440), (3.4, 12)]


def long_after(lab: Lab) -> None:
    """Weeks after the last run of a schedule, when none of its rows counts any more."""
    for kind in ("DAILY", "HOURLY"):
        disk = lab.story.disk(kind.lower())
        for back in range(4):
            take(lab, disk, -back * (1 if kind == "DAILY" else 1 / 24) - 0.01, kind=kind)
        take(lab, disk, 0.5, name="by hand")
        take(lab, disk, 39, name="by hand, much later")
        lab.at(1, partial(lose_scheduled, lab, disk))
    lab.at(40, lambda: lab.met("schedule of which no row counts any more"))
    lab.steps = [(1, 200), (41, 700)]


FROM_START = (
    *(capped, behind_the_end, keys, provider_jumps, our_jumps, provider_stays_off, we_stay_off),
    *(jumps_in_silence, names_of_a_wrong_clock, witnesses, rows, volumes, turnover, long_after),
)
CHAPTERS: dict[str, tuple[Script, datetime]] = {
    **{script.__name__.replace("_", " "): (script, START) for script in FROM_START},
    "summer begins": (summer_begins, datetime(2026, 3, 6, tzinfo=UTC)),
    "summer ends": (summer_ends, datetime(2026, 10, 29, tzinfo=UTC)),
}
