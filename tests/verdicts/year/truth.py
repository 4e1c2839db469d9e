"""What is true of a volume, told from the provider's own knowledge and written without a look at the product's judge.

`of` answers for a moment as the world was shown by the newest list; where the lists leave something open, `cases`
gives every answer that they allow. Verdicts are the words of the page.
"""

from calendar import monthrange
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from tests.verdicts.year.provider import GONE, MAKING, Disk, Run

HOUR = timedelta(hours=1)
EVERY = {"HOURLY": HOUR, "DAILY": 24 * HOUR, "WEEKLY": 168 * HOUR, "MONTHLY": 720 * HOUR}
ALLOWED = {"HOURLY": HOUR / 2, "DAILY": 6 * HOUR, "WEEKLY": 24 * HOUR, "MONTHLY": 24 * HOUR}
STUCK_AFTER = {"HOURLY": HOUR, "DAILY": 6 * HOUR, "WEEKLY": 42 * HOUR, "MONTHLY": 180 * HOUR}
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ORDER = ("fresh", "running", "new", "unknown", "failing", "stuck", "late", "none")
PROBLEMS = frozenset(ORDER[4:])
WITHOUT_DATA = 24 * HOUR
TYPES = (*EVERY, "MANUAL", "RECURRING", "TEMPLATE", "GROUP")
KNOWN = (*MAKING, "BackedUp", "Copying", "Error", "Destroying", "Destroyed", GONE)
# A target waits so long for a run to appear.
APPEARS = HOUR / 2


@dataclass(frozen=True)
class Case:
    """Which of the possible worlds is looked at. Five things the lists may leave open.

    Are doubted rows there (None: as it is)? Is what has no date old or young? Was one complete that we first met while
    it was copied? It was, but who has not seen it cannot know. Can one be used whose state nobody knows? Is one due of
    a type that nobody knows?
    """

    doubted_are_there: bool | None = None
    undated: str = "as it is"
    copied_were_complete: bool = True
    odd_are_usable: bool = False
    odd_types_are_due: bool = False
    # What really existed when the list was made, regardless of its content.
    is_real: bool = False

    def state(self, run: Run) -> str:
        return run.true_state if self.is_real else run.shown

    def began(self, run: Run) -> datetime:
        if run.is_dated or self.undated == "as it is":
            return run.began
        return (run.after or LONG_AGO) if self.undated == "old" else (run.before or run.began)

    def has(self, run: Run) -> bool:
        if self.is_real:
            return run.true_state != GONE
        there = run.state != GONE if self.doubted_are_there is None else self.doubted_are_there
        return run.is_listed and (there or not run.in_doubt)

    def usable(self, run: Run) -> bool:
        state = self.state(run)
        was_complete = run.was_complete or (state == "Copying" and self.copied_were_complete)
        moved = was_complete and state in ("Copying", "BackingUp")
        odd = self.odd_are_usable and state not in KNOWN
        return self.has(run) and (state == "BackedUp" or moved or odd)

    def is_made(self, run: Run) -> bool:
        return self.has(run) and self.state(run) in MAKING and not self.usable(run)

    def has_failed(self, run: Run) -> bool:
        vanished = not self.has(run) and run.shown in MAKING and not run.was_complete
        # One that lists showed as failed has failed, also after the provider removed it.
        return "Error" in (self.state(run), run.shown) or vanished


ACTUAL = Case()


def deadlines(disk: Disk) -> Iterator[datetime]:
    """Of each of its schedules, when the next run will be missed as things stand."""
    for kind in _schedules(disk):
        runs = [run for run in disk.runs if run.first_shown is not None and kind in run.types]
        good = max((run.began for run in runs if ACTUAL.usable(run)), default=None)
        if good is not None:
            yield _deadline(kind, runs, True, good, ACTUAL)


def _possible(disk: Disk) -> list[Case]:
    """Every world that the lists allow: none but the actual one where they leave nothing open."""
    runs = disk.runs
    listed = [run for run in runs if run.is_listed]
    odd_type = not (disk.target or _schedules(disk)) and any(kind not in TYPES for run in listed for kind in run.types)
    doubted = any(run.in_doubt for run in listed)
    copied = any(run.shown == "Copying" and not run.was_complete for run in listed)
    odd = any(run.shown not in KNOWN for run in listed)
    if not (doubted or copied or odd or odd_type or any(not run.is_dated for run in listed)):
        return [ACTUAL]
    undated = any(not run.is_dated for run in runs)
    ways: tuple[tuple[Any, ...], ...] = (
        (True, False) if doubted else (None,),
        ("old", "young") if undated else ("as it is",),
        (True, False) if copied else (True,),
        (True, False) if odd else (False,),
        (True, False) if odd_type else (False,),
    )
    return [Case(*each) for each in product(*ways)]


def of(disk: Disk, moment: datetime, case: Case = ACTUAL) -> str:
    runs = [run for run in disk.runs if run.first_shown is not None]
    return max([*_by_schedule(disk, runs, moment, case), _by_age(disk, runs, moment, case)], key=ORDER.index)


def may_be_said(
    disk: Disk,
    data: datetime,
    age: timedelta,
    *,
    off: Collection[timedelta] = (timedelta(),),
    drift: Collection[timedelta] = (timedelta(),),
) -> set[str]:
    """What a page may say whose newest list is so old: a definite word only where the lists allow no other kind.

    `off`: how far the moment of the data may lie from the one that is taken for it. `drift`: how far names may be off
    because the provider's clock drifts: within that either word is right.
    """
    if age > WITHOUT_DATA:
        return {"unknown"}
    return set().union(*(_said([data + each + drifted for each in off], disk, age) for drifted in drift))


def _said(moments: list[datetime], disk: Disk, age: timedelta) -> set[str]:
    worlds = list(product(moments, _possible(disk)))
    then = {of(disk, moment, case) for moment, case in worlds}
    now = {of(disk, moment + age, case) for moment, case in worlds}
    if then <= PROBLEMS:
        return then if age <= _patience(disk) else {"unknown"}
    return {"unknown"} if now & PROBLEMS else then


def _patience(disk: Disk) -> timedelta:
    shortest = min((EVERY[kind] for kind in _schedules(disk)), default=disk.target or 24 * HOUR)
    return max(HOUR / 4, shortest / 4)


def _schedules(disk: Disk) -> list[str]:
    return [kind for kind in EVERY if _has(disk, kind)]


def _has(disk: Disk, kind: str) -> bool:
    """Whether it ever ran, and nobody ended it since."""
    shown = [run.first_shown for run in disk.runs if kind in run.types and run.first_shown]
    newest = max([*shown, *([disk.ran[kind]] if kind in disk.ran else [])], default=None)
    return newest is not None and (kind not in disk.ended or newest > disk.ended[kind])


def _by_age(disk: Disk, runs: list[Run], moment: datetime, case: Case) -> str:
    usable = [case.began(run) for run in runs if case.usable(run)]
    if not usable:
        return "new" if moment < disk.created + (disk.target or 24 * HOUR) else "none"
    if not disk.target or moment < max(usable) + disk.target:
        return "late" if case.odd_types_are_due else "fresh"
    last = max(usable) + disk.target + APPEARS
    made = [run for run in runs if case.is_made(run) and max(usable) < case.began(run) <= last]
    if moment < last:
        return "running" if made else "fresh"
    patience = max(HOUR, disk.target / 4, 3 * _longest(disk, runs))
    if any(_waited(run, moment, case) >= patience for run in made):
        return "stuck"
    return "running" if made else "late"


def _longest(disk: Disk, runs: list[Run]) -> timedelta:
    return max([disk.longest, *(run.lasted for run in runs)])


def _waited(run: Run, moment: datetime, case: Case) -> timedelta:
    """How long one has been made."""
    return moment - min(case.began(run), run.first_shown or moment)


def _by_schedule(disk: Disk, runs: list[Run], moment: datetime, case: Case) -> Iterator[str]:
    longest = _longest(disk, runs)
    for kind in _schedules(disk):
        mine = [run for run in runs if kind in run.types]
        yield _of_schedule(kind, mine, kind in disk.ran, moment, case, max(STUCK_AFTER[kind], 3 * longest))


def _of_schedule(kind: str, runs: list[Run], ran: bool, moment: datetime, case: Case, patience: timedelta) -> str:
    good = max((case.began(run) for run in runs if case.usable(run)), default=None)
    deadline = _deadline(kind, runs, ran, good, case)
    tries = sorted((run for run in runs if good is None or case.began(run) > good), key=case.began)
    made = [run for run in tries if case.is_made(run)]
    in_time = [run for run in made if case.began(run) <= deadline]
    if any(_waited(run, moment, case) >= patience for run in in_time):
        return "stuck"
    if moment >= deadline and not in_time:
        return "late"
    if any(case.has_failed(run) for run in tries):
        return "failing"
    return "running" if made else "fresh"


def _deadline(kind: str, runs: list[Run], ran: bool, good: datetime | None, case: Case) -> datetime:
    if good is not None:
        return _next(kind, good) + ALLOWED[kind]
    if ran or any(run.was_complete for run in runs):
        return LONG_AGO
    return min(case.began(run) for run in runs) + ALLOWED[kind]


def _next(kind: str, began: datetime) -> datetime:
    if kind != "MONTHLY":
        return began + EVERY[kind]
    # As many days as this month has, or up to the end of a day that the next one lacks: that runs over.
    return began + timedelta(days=monthrange(began.year, began.month)[1])
