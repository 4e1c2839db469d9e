"""The replay: syncs at their times through real sockets, and every page between them held against the truth."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil
from random import Random

import time_machine
from django.test import override_settings

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.management.retention import forget
from snapshots.models import Environment, Volume
from snapshots.rules.verdict import Verdict
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from snapshots.sync import refresh
from snapshots.sync.leases import Caller
from snapshots.verdicts.evaluate import judge_volumes
from tests.verdicts.current import values_at
from tests.verdicts.year import truth
from tests.verdicts.year.faults import Faults
from tests.verdicts.year.ledger import Ledger
from tests.verdicts.year.lists import Lists, Seen
from tests.verdicts.year.provider import GONE, Disk, Provider, Run
from tests.verdicts.year.schedule import DAY, HOUR
from tests.verdicts.year.story import Story, dev, prod
from tests.verdicts.year.tally import Tally
from tests.verdicts.year.times import START, Times, chapter_of, day_of
from tests.verdicts.year.wire import without_sockets

KEY = "CANARY-key-of-the-year"
PROD, DEV = "compute-on/prod", "compute-qc/dev"
WORDS = {verdict: verdict.name.lower().replace("_", " ") for verdict in Verdict}
# Two lists of the volumes, which are asked for less often, and a question for the volume itself: then it must be known.
DELETED_KNOWN, LISTS_TO_KNOW = 12 * HOUR, 4

# Older rows are deleted once a week, as `manage.py prune` does: verdicts must not depend on them.
HISTORY_DAYS = 40
FAULTS = {"refused": "environment refused"}
Told = Callable[[int, Tally], None]


class Place:
    """One environment: the mirror's row, its story, and what its lists have shown."""

    def __init__(self, team: Team, world: World, path: str, chapters: int) -> None:
        code, name = path.split("/")
        self.row = Environment.objects.create(team=team, service_code=code, name=name)
        self.story = Story(Provider(world, path, START), START, chapters)
        self.provider = self.story.provider
        self.lists = Lists()
        self.data = START
        self.were_late: dict[str, bool] = {}


class Replay:
    """A number of chapters from START on.

    `focus`: the days of the first chapter that matter: before them syncs are seldom, and after them nothing follows.
    Such a replay stops at the first wrong thing. `is_dense`: whether some chapters are synced every few minutes where
    much happens, as a minute's sync would be too long a year. `told` is called at the end of each chapter.
    """

    def __init__(
        self,
        chapters: int,
        *,
        seed: int = 1,
        focus: tuple[float, float] | None = None,
        is_dense: bool = True,
        told: Told | None = None,
        by_sockets: bool = True,
    ) -> None:
        self.chapters, self.random, self.focus, self.told = chapters, Random(seed), focus, told
        self.by_sockets = by_sockets
        self.times = Times(chapters, self.random, focus=focus, is_dense=is_dense)
        self.tally, self.ledger = Tally(), Ledger()

    def run(self) -> Tally:
        with time_machine.travel(START, tick=False) as clock:
            self.clock = clock
            world = World(seed=1, environments=[PROD, DEV], volumes=0, snapshots=0, clock=lambda: datetime.now(UTC))
            self.sim = Simulator(world, keys={KEY: None}, port=0 if self.by_sockets else 1)
            with self.sim if self.by_sockets else without_sockets(self.sim), _set(self.sim.url):
                self._found(world)
                self._replay()
            self.tally.met["hour that our service is off"] = ceil(24 * self.times.days_off)
            for place in self.places:
                self.tally.met.update(place.provider.met)
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
        times = list(self.times)
        for now, following in zip(times, [*times[1:], times[-1] + HOUR], strict=True):
            self.clock.move_to(now)
            self._sync(now)
            self._look(now, following)
            if (following - START) // (7 * DAY) > (now - START) // (7 * DAY):
                self._hold_shares(following)
                deque(forget(now), maxlen=0)
            if self.told and (chapter_of(following) > chapter_of(now) or now == times[-1]):
                self.told(chapter_of(now) + 1, self.tally)
            if self.focus and self.tally.wrong:
                return

    # --- a sync

    def _sync(self, now: datetime) -> None:
        faults = Faults(day_of(now))
        faults.fall(self.sim, PROD, DEV)
        for place in self.places:
            place.provider.advance(now)
            self._act(place, now)
        prod_place = self.places[0]
        asked = self.places if self.times.is_whole(now) else self.places[:1]
        hidden = self._hidden(prod_place, faults)
        with prod_place.provider.without(hidden):
            outcomes = list(refresh.refresh([place.row for place in asked], caller=Caller.COMMAND))
        self.tally.syncs += len(outcomes)
        for place, outcome in zip(asked, sorted(outcomes, key=lambda each: each.environment.pk), strict=True):
            is_prod = place is prod_place
            if outcome.fault is not None:
                self.tally.met[FAULTS.get(outcome.fault.kind, "outage of the provider")] += 1
            if outcome.written is not None:
                left_out = {run.id for run in hidden} if is_prod else set()
                self._listed(place, now, left_out, is_empty=is_prod and faults.is_empty)
        self._note_faults(prod_place, faults, hidden, now)
        self.sim.clear_faults()
        self.sim.clear()

    def _note_faults(self, place: Place, faults: Faults, hidden: list[Run], now: datetime) -> None:
        met = self.tally.met
        if place.lists.newest and place.lists.newest.at == now:
            met["row omitted once"] += len(hidden)
        elif place.data == now:
            met["empty list"] += 1
        row = Environment.objects.get(pk=place.row.pk)
        if row.volumes_tried_at == now:
            met.update(faults.of_volumes())

    def _hidden(self, place: Place, faults: Faults) -> list[Run]:
        if not faults.leaves_out:
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
            assert place.row.data_at is not None
            judge_volumes(place.row, [disk.id], at=place.row.data_at)
        place.story.acts.clear()

    def _listed(self, place: Place, now: datetime, left_out: set[str], *, is_empty: bool) -> None:
        self.tally.lists += 1
        disks = place.provider.disks.values()
        there = {run.id for disk in disks for run in disk.runs if run.state != GONE} - left_out
        replies = replies_of(self.sim, place.provider.path)
        place.lists.take(disks, Seen(now, set() if is_empty else there, is_believed=not is_empty, replies=replies))
        place.data = now
        self.ledger.shares.list_came(place.row.pk, now, is_believed=not is_empty)

    # --- the pages

    def _look(self, now: datetime, following: datetime) -> None:
        """Look with the new list, at some moment after it, just after a deadline, and just before the next one."""
        gap = (following - now).total_seconds()
        inside = [now + timedelta(seconds=int(self.random.uniform(0, gap)))]
        if passed := [moment for moment in self._deadlines() if now < moment < following]:
            inside.append(self.random.choice(passed))
        moments = [now, *sorted(inside), following]
        for moment, until in pairwise(moments):
            self.clock.move_to(moment)
            self._compare(moment, (until - moment) / HOUR, is_list=moment == now)

    def _deadlines(self) -> list[datetime]:
        """By our own clock, what the newest lists let one wait for."""
        disks = [disk for place in self.places for disk in place.provider.disks.values()]
        return [moment for disk in disks for moment in truth.deadlines(disk)]

    def _compare(self, now: datetime, hours: float, *, is_list: bool) -> None:
        rows = Environment.objects.in_bulk([place.row.pk for place in self.places])
        columns = ("environment", "volume_id", "verdict", "fewer_at")
        said = {
            (pk, id): (WORDS[Verdict(word)], flag)
            for pk, id, word, flag in values_at(now, list(rows.values()), *columns)
        }
        for place in self.places:
            row = rows[place.row.pk]
            if row.listed_at is None or place.lists.newest is None:
                continue
            for disk in place.provider.disks.values():
                word, flag = said.get((place.row.pk, disk.id), (None, None))
                if word is not None:
                    self._judge(place, disk, word, now - row.listed_at, hours, is_list=is_list)
                    self._flag(place, disk, flag)
        if is_list:
            self._note_shares(now, {key: word for key, (word, _flag) in said.items()})
        self._hold_problems({key: word for key, (word, _flag) in said.items()})

    def _hold_problems(self, said: dict[tuple[int, str], str]) -> None:
        """Hold the stored problems against what the pages said, and their beginnings against the truth."""
        disks = {(place.row.pk, disk.id): disk for place in self.places for disk in place.provider.disks.values()}

        def was_bad(key: tuple[int, str], moment: datetime) -> bool:
            return truth.of(disks[key], moment) in truth.PROBLEMS

        for line in self.ledger.compare(said, was_bad):
            self.tally.problems += 1
            self.tally.wrong.append(f"problems: {datetime.now(UTC):%Y-%m-%d %H:%M} {line}")

    def _note_shares(self, now: datetime, said: dict[tuple[int, str], str]) -> None:
        for place in self.places:
            for disk in place.provider.disks.values() if place.data == now else ():
                word = said.get((place.row.pk, disk.id))
                if word not in (None, "deleted"):
                    self.ledger.shares.take(place.row.pk, disk, now, may_be=word == "unknown")

    def _hold_shares(self, now: datetime) -> None:
        """Hold the stored times of rules, and the report's figures, against the truth."""
        for line in self.ledger.shares.compare(now):
            self.tally.shares += 1
            self.tally.wrong.append(f"shares: {line}")
        self.tally.hours_stored, self.tally.hours_reported = self.ledger.shares.stored, self.ledger.shares.hours

    def _judge(self, place: Place, disk: Disk, word: str, age: timedelta, hours: float, *, is_list: bool) -> None:
        self.tally.verdicts += 1
        if word == "deleted":
            if disk.deleted_at is None:
                self._wrong("false_fresh", place, disk, word, {"not deleted"})
            return
        if disk.deleted_at and place.data - disk.deleted_at > DELETED_KNOWN and disk.lists_without >= LISTS_TO_KNOW:
            self._wrong("false_late", place, disk, word, {"deleted"})
            return
        allowed = truth.may_be_said(disk, place.data, age)
        self.tally.hours_open += hours * ("unknown" in allowed)
        self.tally.hours_said += hours * (word == "unknown")
        is_problem = word in truth.PROBLEMS
        if word == "unknown":
            pass
        elif not is_problem and (truth.of(disk, place.data + age) in truth.PROBLEMS or "unknown" in allowed):
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
        if is_late and place.were_late.get(disk.id) and word not in truth.PROBLEMS and "unknown" not in allowed:
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
            f"{kind}: {when:%Y-%m-%d %H:%M} (day {day_of(when):.2f}, list of {place.data:%d %H:%M}) "
            f"{place.row.name} {disk.name}: {word}, not {' or '.join(sorted(allowed))}"
        )


def replies_of(sim: Simulator, path: str) -> dict[str, bool]:
    """Which single snapshots were asked for in this sync, and whether the provider had them."""
    asked = [each for each in sim.requests if f"{path}/snapshots/" in each.path and each.status in (200, 404)]
    return {each.path.rsplit("/", 1)[1]: each.status == 200 for each in asked}


@contextmanager
def _set(url: str) -> Iterator[None]:
    with override_settings(CLOUDCA_API_URL=url, HISTORY_DAYS=HISTORY_DAYS, CHANGES_DAYS=HISTORY_DAYS):
        yield
