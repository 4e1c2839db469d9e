"""The replay: syncs at their times through real sockets, and every page between them held against the truth."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import time_machine
from django.test import override_settings

from dashboard.teams.models import ApiKey, Team
from dashboard.teams.secrets import Secret
from snapshots import sync
from snapshots.claims import Caller
from snapshots.forgetting import forget
from snapshots.judged import DataAges, judged, volumes_of_team
from snapshots.judging import judge_volumes
from snapshots.mirror import store_listing
from snapshots.models import Environment, Volume
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from snapshots.verdicts import Verdict
from tests.verdicts.year import truth
from tests.verdicts.year.provider import Disk, Provider, Run
from tests.verdicts.year.story import CHAPTER, DAY, HOUR, MINUTE, Story, dev, prod

START = datetime(2026, 1, 5, tzinfo=UTC)
KEY = "CANARY-key-of-the-year"
PROD, DEV = "compute-on/prod", "compute-qc/dev"
WORDS = {verdict: verdict.name.lower().replace("_", " ") for verdict in Verdict}
# Two lists of the volumes, which are asked for less often, and a question for the volume itself: then it must be known.
DELETED_KNOWN, LISTS_TO_KNOW = 12 * HOUR, 4

# Days of a chapter. Dense: (from, to, minutes between two syncs).
DENSE = (
    *((0.0, 0.02, 5), (3.1, 3.2, 10), (5.1, 5.2, 10), (7.495, 7.51, 5), (8.395, 8.48, 15), (9.625, 9.65, 5)),
    *((15.1, 15.23, 10), (16.4, 16.46, 10), (17.1, 17.23, 10), (26.01, 26.03, 4), (26.2, 26.24, 10)),
)
# Those without which the weather of their day would pass unseen.
NEEDED = (7.495, 8.395, 9.625)
# Minutes between two syncs else, of the dense chapters and of the others; and where nothing is looked for.
SPARSE, SPARSER, SELDOM = (150, 330), (300, 600), (600, 700)
DENSE_CHAPTERS = (0, 5)
OURS_OFF = (10.5, 13.5)
OUTAGES = ((4.2, 4.55), (21.0, 22.25))
CLOCK_OFF = ((15.0, 17.0, 10 * MINUTE), (17.0, 18.5, -10 * MINUTE))
REFUSED = (6.0, 8.0)
LEFT_OUT, EMPTY = 7.5, 9.63
# What is past this is forgotten once a week, as `manage.py prune` does: verdicts must not depend on it.
HISTORY_DAYS = 40
VOLUME_FAULTS = (
    (8.4, {"empty_list": True, "times": 1}),
    (8.43, {"shrink": 0.7, "times": 1}),
    (8.46, {"refuse": 403, "times": 2}),
)


@dataclass
class Tally:
    """What the replay found. `wrong` holds a line for each thing that must not be."""

    syncs: int = 0
    lists: int = 0
    verdicts: int = 0
    missed: int = 0
    false_fresh: int = 0
    false_late: int = 0
    found_late: int = 0
    other_words: int = 0
    hours_said: float = 0.0
    hours_open: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return self.hours_said / self.hours_open if self.hours_open else 1.0

    @property
    def is_right(self) -> bool:
        return not self.wrong and self.ratio <= 1.1


class Place:
    """One environment: the mirror's row, its story, and what its lists have shown."""

    def __init__(self, team: Team, world: World, path: str, chapters: int) -> None:
        code, name = path.split("/")
        self.row = Environment.objects.create(team=team, service_code=code, name=name)
        self.story = Story(Provider(world, path, START), START, chapters)
        self.provider = self.story.provider
        self.data = START
        self.believed: datetime | None = None
        self.were_late: dict[str, bool] = {}


class Replay:
    """A number of chapters from START on.

    `focus`: the days of the first chapter that matter: before them syncs are seldom, and after them nothing follows.
    Such a replay stops at the first wrong thing. `is_dense`: whether some chapters are synced every few minutes where
    much happens, as a minute's sync would be too long a year.
    """

    def __init__(
        self, chapters: int, *, seed: int = 1, focus: tuple[float, float] | None = None, is_dense: bool = True
    ) -> None:
        self.chapters, self.random, self.focus, self.is_dense = chapters, Random(seed), focus, is_dense
        self.tally = Tally()

    def run(self) -> Tally:
        with time_machine.travel(START, tick=False) as clock:
            self.clock = clock
            world = World(seed=1, environments=[PROD, DEV], volumes=0, snapshots=0, clock=self._provider_now)
            with Simulator(world, keys={KEY: None}) as self.sim, _told(self.sim.url), _clock_told(self._ahead):
                self._found(world)
                self._replay()
        return self.tally

    def _found(self, world: World) -> None:
        team = Team.objects.create(slug="year", name="Year")
        ApiKey.replace(team, Secret(KEY))
        self.places = [Place(team, world, path, self.chapters) for path in (PROD, DEV)]
        for place, tell in zip(self.places, (prod, dev), strict=True):
            tell(place.story)
            for disk in place.provider.disks.values():
                if disk.target:
                    Volume.objects.create(
                        team=team, environment=place.row, volume_id=disk.id, target_hours=disk.target // HOUR
                    )

    def _replay(self) -> None:
        times = list(self._times())
        for now, following in zip(times, [*times[1:], times[-1] + HOUR], strict=True):
            self.clock.move_to(now)
            self._sync(now)
            self._look(now, following)
            if (following - START) // (7 * DAY) > (now - START) // (7 * DAY):
                deque(forget(now), maxlen=0)
            if self.focus and self.tally.wrong:
                return

    def _times(self) -> Iterator[datetime]:
        now, end = START, START + (self.focus[1] if self.focus else self.chapters * CHAPTER) * DAY
        while now < end:
            day = _day(now)
            if not OURS_OFF[0] <= day < OURS_OFF[1]:
                yield now
            stretches = self._stretches(now)
            minutes = next((step for first, last, step in stretches if first <= day < last), None)
            step = minutes or self.random.uniform(*self._sparse(now))
            # A sparse step ends where the next dense stretch begins.
            starts = [(first - day) * DAY / MINUTE for first, _, _ in stretches if first > day]
            now += timedelta(seconds=max(60, round(60 * min([step, *starts[:1]]))))

    def _stretches(self, now: datetime) -> tuple[tuple[float, float, int], ...]:
        if self.focus or self._is_dense(now):
            return tuple(each for each in DENSE if not self.focus or each[0] >= self.focus[0])
        return tuple(each for each in DENSE if each[0] in NEEDED)

    def _sparse(self, now: datetime) -> tuple[int, int]:
        if self.focus:
            return SPARSE if _day(now) >= self.focus[0] else SELDOM
        return SPARSE if self._is_dense(now) else SPARSER

    def _is_dense(self, now: datetime) -> bool:
        return self.is_dense and (now - START) // (CHAPTER * DAY) in DENSE_CHAPTERS

    def _ahead(self) -> timedelta:
        day = _day(datetime.now(UTC))
        return next((ahead for first, last, ahead in CLOCK_OFF if first <= day < last), timedelta())

    def _provider_now(self) -> datetime:
        return datetime.now(UTC) + self._ahead()

    # --- a sync

    def _sync(self, now: datetime) -> None:
        day = _day(now)
        self._weather(day)
        for place in self.places:
            place.provider.advance(self._provider_now())
            self._act(place, now)
        prod_place = self.places[0]
        hidden = self._hidden(prod_place, day)
        with prod_place.provider.without(hidden):
            outcomes = list(sync.refresh([place.row for place in self.places], caller=Caller.COMMAND))
        self.tally.syncs += len(outcomes)
        for place, outcome in zip(self.places, sorted(outcomes, key=lambda each: each.environment.pk), strict=True):
            if outcome.written is None:
                continue
            is_empty = place is prod_place and self._is_empty
            left_out = {run.id for run in hidden} if place is prod_place else set()
            self._listed(place, left_out, is_empty=is_empty)
        self.sim.clear_faults()

    def _weather(self, day: float) -> None:
        if any(first <= day < last for first, last in OUTAGES):
            self.sim.fault(status=503)
        if REFUSED[0] <= day < REFUSED[1]:
            self.sim.fault(environment=DEV, refuse=403)
        self._is_empty = self._is_first(EMPTY, day)
        if self._is_empty:
            self.sim.fault(path="/snapshots", environment=PROD, empty_list=True)
        for first, fault in VOLUME_FAULTS:
            if first <= day < first + 0.03:
                self.sim.fault(path="/volumes", environment=PROD, **fault)

    def _is_first(self, moment: float, day: float) -> bool:
        """Whether this is the first sync after that moment of the chapter; dense syncs stand five minutes apart."""
        return moment <= day < moment + 5 * MINUTE / DAY

    def _hidden(self, place: Place, day: float) -> list[Run]:
        if not self._is_first(LEFT_OUT, day):
            return []
        newest = [[run for run in disk.runs if run.state and run.first_shown] for disk in place.story.hidden]
        return [runs[-1] for runs in newest if runs]

    def _act(self, place: Place, now: datetime) -> None:
        for moment, disk, kind in place.story.acts:
            disk.ended[kind] = moment
            volume = Volume.objects.get(environment=place.row, volume_id=disk.id)
            volume.ended = {**volume.ended, kind: now.isoformat()}
            volume.save(update_fields=["ended"])
            place.row.refresh_from_db()
            judge_volumes(place.row, [disk.id], at=place.row.data_at)
        place.story.acts.clear()

    def _listed(self, place: Place, left_out: set[str], *, is_empty: bool) -> None:
        at = self._provider_now()
        self.tally.lists += 1
        if is_empty:
            left_out = {run.id for disk in place.provider.disks.values() for run in disk.runs}
        place.provider.listed(at, place.believed, left_out)
        if not is_empty:
            place.believed = at
        place.data = at

    # --- the pages

    def _look(self, now: datetime, following: datetime) -> None:
        gap = (following - now).total_seconds()
        inside = sorted(self.random.uniform(0, gap) for _ in range(3 if gap > 3600 else 1))
        moments = [now, *(now + timedelta(seconds=int(each)) for each in inside), following]
        for moment, until in pairwise(moments):
            self.clock.move_to(moment)
            self._compare(moment, (until - moment) / HOUR, is_list=moment == now)

    def _compare(self, now: datetime, hours: float, *, is_list: bool) -> None:
        rows = {place.row.pk: Environment.objects.get(pk=place.row.pk) for place in self.places}
        found = judged(volumes_of_team(list(rows.values())), DataAges.of(rows.values(), now))
        said = {
            (pk, id): (WORDS[Verdict(word)], flag)
            for pk, id, word, flag in found.values_list("environment", "volume_id", "said", "fewer_at")
        }
        for place in self.places:
            row = rows[place.row.pk]
            if row.listed_at is None or place.believed is None:
                continue
            for disk in place.provider.disks.values():
                word, flag = said.get((place.row.pk, disk.id), (None, None))
                if word is not None:
                    self._judge(place, disk, word, now - row.listed_at, hours, is_list=is_list)
                    self._flag(place, disk, flag)

    def _judge(self, place: Place, disk: Disk, word: str, age: timedelta, hours: float, *, is_list: bool) -> None:
        self.tally.verdicts += 1
        if word == "gone":
            if disk.deleted_at is None:
                self._wrong("false_fresh", place, disk, word, {"not deleted"})
            return
        if disk.deleted_at and place.data - disk.deleted_at > DELETED_KNOWN and disk.lists_without >= LISTS_TO_KNOW:
            self._wrong("false_late", place, disk, word, {"gone"})
            return
        allowed = truth.may_be_said(disk, place.data, age)
        self.tally.hours_open += hours * ("cannot tell" in allowed)
        self.tally.hours_said += hours * (word == "cannot tell")
        is_problem = word in truth.PROBLEMS
        if word == "cannot tell":
            pass
        elif not is_problem and (truth.of(disk, place.data + age) in truth.PROBLEMS or "cannot tell" in allowed):
            self._wrong("false_fresh", place, disk, word, allowed)
        elif is_problem and truth.of(disk, place.data) not in truth.PROBLEMS:
            self._wrong("false_late", place, disk, word, allowed)
        elif word not in allowed:
            self._wrong("other_words", place, disk, word, allowed)
        if is_list and not age:
            self._found_in_time(place, disk, word, allowed)

    def _found_in_time(self, place: Place, disk: Disk, word: str, allowed: set[str]) -> None:
        """A missed run must be said at the latest with the second list after its deadline."""
        is_late = truth.of(disk, place.data) == "late"
        self.tally.missed += is_late and not place.were_late.get(disk.id, False)
        if is_late and place.were_late.get(disk.id) and word not in truth.PROBLEMS and "cannot tell" not in allowed:
            self._wrong("found_late", place, disk, word, allowed)
        place.were_late[disk.id] = is_late

    def _flag(self, place: Place, disk: Disk, flag: datetime | None) -> None:
        due = [moment for moment, of in place.story.fewer if of is disk]
        if flag is not None and not due:
            self._wrong("other_words", place, disk, "fewer usable", {"no flag"})
        # Two lists must agree before a row is gone.
        if due and place.data - due[-1] > 12 * HOUR and (flag is None or flag < due[-1]):
            self._wrong("other_words", place, disk, "no flag", {"fewer usable"})

    def _wrong(self, kind: str, place: Place, disk: Disk, word: str, allowed: set[str]) -> None:
        setattr(self.tally, kind, getattr(self.tally, kind) + 1)
        when = datetime.now(UTC)
        self.tally.wrong.append(
            f"{kind}: {when:%Y-%m-%d %H:%M} (day {_day(when):.2f}, list of {place.data:%d %H:%M}) "
            f"{place.row.name} {disk.name}: {word}, not {' or '.join(sorted(allowed))}"
        )


def _day(moment: datetime) -> float:
    return ((moment - START) / DAY) % CHAPTER


@contextmanager
def _told(url: str) -> Iterator[None]:
    with override_settings(CLOUDCA_API_URL=url, HISTORY_DAYS=HISTORY_DAYS, CHANGES_DAYS=HISTORY_DAYS):
        yield


@contextmanager
def _clock_told(ahead: Callable[[], timedelta]) -> Iterator[None]:
    """Tell the mirror how far the provider's clock is ahead, unless the sync does so itself."""

    def told(*args: object, clock_ahead: int | None = None, **rest: object) -> object:
        seconds = int(ahead().total_seconds()) if clock_ahead is None else clock_ahead
        return store_listing(*args, clock_ahead=seconds, **rest)

    before, sync.store_listing = sync.store_listing, told
    yield
    sync.store_listing = before
