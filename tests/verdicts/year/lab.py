"""One environment whose lists, keys and clocks may be wrong in every way: true time, real syncs, every page compared.

A clock that jumps does so at the moment of a sync: between two readings no page could know of it.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from random import Random

import time_machine
from django.test import override_settings

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.models import Environment, Volume
from snapshots.rules.verdict import Verdict
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from snapshots.sync import refresh
from snapshots.sync.leases import Caller
from tests.verdicts.current import values_at
from tests.verdicts.year import truth
from tests.verdicts.year.ledger import Ledger
from tests.verdicts.year.lists import Lists, Seen
from tests.verdicts.year.provider import GONE, Disk, Provider
from tests.verdicts.year.readings import Readings
from tests.verdicts.year.schedule import DAY, HOUR
from tests.verdicts.year.story import Story
from tests.verdicts.year.tally import Tally
from tests.verdicts.year.wire import without_sockets

PATH = "compute-on/lab"
START = datetime(2026, 3, 2, tzinfo=UTC)
WORDS = {verdict: verdict.name.lower().replace("_", " ") for verdict in Verdict}
# A deleted volume must be known as deleted after this many lists and this time.
DELETED_KNOWN, LISTS_TO_KNOW = HOUR, 4
_numbers = count(1)


@dataclass
class Faults:
    """What is wrong with lists at a moment. `cap`: how many rows they have at most, and count."""

    cap: int = 0
    is_out: bool = False
    is_incomplete: bool = False
    answers_no_single: bool = False
    twins: str = ""
    # Rows that lists leave out though they are there.
    omitted: set[str] = field(default_factory=set)
    # The volumes of which the present key sees nothing.
    hidden: set[str] = field(default_factory=set)


class Lab:
    """`script` tells the story. `stops_at_wrong`: at the first wrong thing. `by_sockets`: the provider is a server."""

    def __init__(
        self,
        name: str,
        script: Callable[["Lab"], None],
        tally: Tally,
        *,
        start: datetime = START,
        stops_at_wrong: bool = False,
        by_sockets: bool = False,
    ) -> None:
        self.name, self.tally, self.start, self.stops_at_wrong = name, tally, start, stops_at_wrong
        self.random = Random(name)
        self.faults, self.clocks, self.lists = Faults(), Readings(), Lists()
        self.now = start
        self.world = World(seed=1, environments=[PATH], volumes=0, snapshots=0, clock=self.provider_now)
        self.sim = Simulator(self.world, keys={}, port=0 if by_sockets else 9)
        self.by_sockets = by_sockets
        self.story = Story(Provider(self.world, PATH, start), start, 1)
        self.provider = self.story.provider
        # (until this day, minutes between two syncs).
        self.steps: list[tuple[float, float]] = []
        self.data: datetime | None = None
        self.were_late: dict[str, bool] = {}
        self.ledger = Ledger()
        self._turn = 0
        self._promised: set[str] = set()
        self._script = script

    # --- what scripts say

    def at(self, day: float, act: Callable[[], object]) -> None:
        """Let something happen on this day."""
        self.provider.plan(self.start + day * DAY, act)

    def met(self, name: str) -> None:
        self.tally.met[name] += 1

    def set_clocks(self, *, provider: timedelta | None = None, ours: timedelta | None = None) -> None:
        if provider is not None:
            self.clocks.provider = self.provider.ahead = provider
        if ours is not None:
            self.clocks.ours = ours

    def set_key(self, name: str, *hidden: Disk) -> None:
        """Another key, which sees nothing of these volumes."""
        self.key = name
        self.sim.keys = {name: None}
        self.faults.hidden = {disk.id for disk in hidden}
        if ApiKey.objects.filter(team=self.row.team).exists():
            self.met("key that sees less" if hidden else "key that sees more")
        ApiKey.replace(self.row.team, Secret(name))

    # --- the run

    def provider_now(self) -> datetime:
        return self.now + self.clocks.provider

    def run(self) -> None:
        number = next(_numbers)
        team = Team.objects.create(slug=f"lab-{number}", name=self.name)
        self.row = Environment.objects.create(team=team, service_code="compute-on", name="lab")
        with (
            time_machine.travel(self.start, tick=False) as self.clock,
            self.sim if self.by_sockets else without_sockets(self.sim),
            override_settings(CLOUDCA_API_URL=self.sim.url),
        ):
            self.set_key("CANARY-key-of-the-lab")
            self._script(self)
            self._replay()
        self.tally.met.update(self.provider.met)

    def _replay(self) -> None:
        for now, following in pairwise(self._times()):
            self.now = now
            self.provider.advance(now)
            self.clock.move_to(now + self.clocks.ours)
            self._sync(now)
            self._look(now, following)
            if self.stops_at_wrong and self.tally.wrong:
                return

    def _times(self) -> Iterable[datetime]:
        now = self.start
        yield now
        for until, minutes in self.steps:
            while now < self.start + until * DAY:
                now += timedelta(seconds=int(60 * minutes * self.random.uniform(0.9, 1.1)))
                yield now

    def _sync(self, now: datetime) -> None:
        self._promise()
        shown = self._set_faults()
        with self._hidden():
            (outcome,) = refresh.refresh([self.row], caller=Caller.FORCE)
        self.sim.clear_faults()
        self.tally.syncs += 1
        if outcome.written is not None:
            self.tally.lists += 1
            self._listed(now, shown)
        elif not self.faults.is_out:
            self.tally.wrong.append(f"{self.name}: a sync failed: {outcome.fault or outcome.denied}")
        self.sim.clear()

    def _promise(self) -> None:
        """Say what is wanted of the volumes that the team sees, before any list shows them."""
        for disk in self.provider.disks.values():
            if disk.target and disk.id not in self._promised | self.faults.hidden:
                hours, self._promised = disk.target // HOUR, {*self._promised, disk.id}
                Volume.objects.create(team=self.row.team, environment=self.row, volume_id=disk.id, target_hours=hours)

    def _listed(self, now: datetime, shown: set[str]) -> None:
        self.clocks.read(now)
        asked = [each for each in self.sim.requests if "/snapshots/" in each.path and each.status in (200, 404)]
        seen = Seen(
            now,
            shown,
            self.key,
            is_complete=not self.faults.is_incomplete,
            contradicts_itself=bool(self.faults.twins),
            is_trusted=self.clocks.is_trusted,
            names_are_right=self.clocks.names_are_right,
            replies={each.path.rsplit("/", 1)[1]: each.status == 200 for each in asked},
            volumes={disk.id for disk in self.provider.disks.values() if not disk.deleted_at} - self.faults.hidden,
            usual=self.clocks.usual,
        )
        self.lists.take(self.provider.disks.values(), seen)
        self._note_truth(seen)
        if seen.is_complete:
            self.data = now

    def _note_truth(self, seen: Seen) -> None:
        """Keep what is there now. That something is gone shows only in a list, or an answer, that can show it."""
        for disk in self.provider.disks.values():
            for run in disk.runs:
                can_show = seen.is_complete and not seen.contradicts_itself and not (run.is_listed and run.found_at)
                if can_show or run.state != GONE:
                    run.true_state = run.state

    def _set_faults(self) -> set[str]:
        """Tell the simulator what is wrong now, and return which rows its list will show."""
        faults, sim = self.faults, self.sim
        rows = [row for row in self.world.snapshots(PATH) if row["volumeId"] not in faults.hidden]
        if faults.is_out:
            sim.fault(status=503)
        if faults.answers_no_single:
            sim.fault(path="/snapshots/[^/]+", status=503)
        if faults.is_incomplete:
            sim.fault(path="/snapshots", record_count=3)
        if faults.omitted or (faults.cap and len(rows) > faults.cap):
            rows = [row for row in rows if row["id"] not in faults.omitted]
            rows = rows[: faults.cap or len(rows)]
            self._answer(rows)
        if faults.twins and (twin := next((row for row in rows if row["state"] == "BackedUp"), None)):
            self._turn += 1
            twin = {**twin, "state": faults.twins}
            self._answer([twin, *rows] if self._turn % 2 else [*rows, twin])
        return {str(row["id"]) for row in rows}

    def _answer(self, rows: list[dict[str, object]]) -> None:
        body = {"data": rows, "metadata": {"recordCount": len(rows)}}
        self.sim.fault(path="/snapshots", body=json.dumps(body))

    @contextmanager
    def _hidden(self) -> Iterator[None]:
        """What the key does not see is not there for it."""
        hidden = self.faults.hidden
        with self.world.environment(PATH) as found:
            snapshots, volumes = found.snapshots, found.volumes
            if hidden:
                found.snapshots = {id: each for id, each in snapshots.items() if each.volume_id not in hidden}
                found.volumes = {id: each for id, each in volumes.items() if id not in hidden}
                found.touch()
        yield
        with self.world.environment(PATH) as found:
            if hidden:
                found.snapshots, found.volumes = snapshots, volumes
                found.touch()

    # --- the pages

    def _look(self, now: datetime, following: datetime) -> None:
        gap = (following - now).total_seconds()
        inside = [now + timedelta(seconds=int(self.random.uniform(0, gap)))]
        passed = [
            moment
            for disk in self.provider.disks.values()
            for moment in truth.deadlines(disk)
            if now < moment < following
        ]
        if passed:
            inside.append(self.random.choice(passed))
        moments = [now, *sorted(inside), following]
        for moment, until in pairwise(moments):
            self.look(moment, (until - moment) / HOUR, is_list=moment == now)

    def look(self, now: datetime, hours: float, *, is_list: bool) -> None:
        if self.data is None:
            return
        page = now + self.clocks.ours
        self.clock.move_to(page)
        row = Environment.objects.get(pk=self.row.pk)
        self.look_at_list(row)
        said = {id: WORDS[Verdict(word)] for id, word in values_at(page, [row], "volume_id", "verdict")}
        for disk in self.provider.disks.values():
            if disk.id in said:
                self.judge(disk, said[disk.id], now, hours, is_list=is_list)
        for line in self.ledger.compare({(row.pk, id): word for id, word in said.items()}):
            self.tally.problems += 1
            self.tally.wrong.append(f"problems: {self.name}, {self.clock_time():%m-%d %H:%M}: {line}")

    def look_at_list(self, row: Environment) -> None:
        """No list of a chapter loses more than it gains."""
        if row.suspect_since is not None:
            self.tally.other_words += 1
            self.tally.wrong.append(f"other_words: {self.name}: the list of {row.suspect_since} is doubted")

    def judge(self, disk: Disk, word: str, now: datetime, hours: float, *, is_list: bool) -> None:
        """Hold a page's word against what may be said."""
        self.tally.verdicts += 1
        if word == "deleted":
            if disk.deleted_at is None:
                self.wrong("false_fresh", disk, word, {"not deleted"})
            return
        data, lists = self.data or now, disk.lists_without
        if disk.deleted_at and data - disk.deleted_at > DELETED_KNOWN and lists >= LISTS_TO_KNOW:
            self.wrong("false_late", disk, word, {"deleted"})
            return
        allowed = self.allowed(disk, now)
        self.tally.hours_open += hours * ("unknown" in allowed)
        self.tally.hours_said += hours * (word == "unknown")
        is_problem = word in truth.PROBLEMS
        if word == "unknown" or word in allowed:
            pass
        elif not is_problem and (truth.of(disk, now) in truth.PROBLEMS or "unknown" in allowed):
            self.wrong("false_fresh", disk, word, allowed)
        elif is_problem and truth.of(disk, data) not in truth.PROBLEMS:
            self.wrong("false_late", disk, word, allowed)
        else:
            self.wrong("other_words", disk, word, allowed)
        if is_list and data == now:
            self._found_in_time(disk, word, allowed)

    def allowed(self, disk: Disk, now: datetime) -> set[str]:
        data = self.data or now
        allowed = truth.may_be_said(
            disk, data, now - data, off=self.clocks.may_be_off(), drift=self.clocks.may_have_drifted()
        )
        # A page whose own clock is wrong cannot know how old the data is.
        return allowed | ({"unknown"} if self.clocks.ours else set())

    def _found_in_time(self, disk: Disk, word: str, allowed: set[str]) -> None:
        is_late = truth.of(disk, self.data or self.now) == "late"
        self.tally.missed += is_late and not self.were_late.get(disk.id, False)
        if is_late and self.were_late.get(disk.id) and word not in truth.PROBLEMS and "unknown" not in allowed:
            self.wrong("found_late", disk, word, allowed)
        self.were_late[disk.id] = is_late

    def wrong(self, kind: str, disk: Disk, word: str, allowed: set[str]) -> None:
        setattr(self.tally, kind, getattr(self.tally, kind) + 1)
        when = self.clock_time()
        data = self.data or self.start
        self.tally.wrong.append(
            f"{kind}: {self.name}, day {(when - self.start) / DAY:.3f} (list of {(data - self.start) / DAY:.3f}) "
            f"{disk.name}: {word}, not {' or '.join(sorted(allowed))}"
        )

    def clock_time(self) -> datetime:
        return datetime.now(UTC) - self.clocks.ours
