"""Volumes with a written past and near future: each is a case from the work with volumes.

All times of a story are relative to its `anchor`. The state of an environment depends only on the anchor and the time,
so a world gives the same story, whenever it is started or read.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Final

from snapshots.simulator.environment import Environment, Snapshot, Volume
from snapshots.simulator.names import DETACHED, identifier
from snapshots.simulator.seeding import PERIODS, volume_row

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
DAY: Final = timedelta(days=1)
BEGIN: Final = -25 * DAY
"""Scheduled snapshots are not older than this; manual ones may be."""
END: Final = DAY
"""How long schedules continue after the anchor."""
LASTS: Final = 9 * MINUTE
KEPT: Final = 7


class Story:
    """One environment's volumes and what becomes of them. All moments are counted from the anchor, before it negative.

    `advance` lets happen what is due; the same anchor and moment always give the same environment.
    """

    def __init__(self, environment: Environment, anchor: datetime) -> None:
        self.environment, self.anchor = environment, anchor.astimezone(UTC).replace(microsecond=0)
        self._events: list[tuple[timedelta, int, Callable[[], object]]] = []
        self._planned = 0

    def advance(self, now: datetime) -> None:
        """Let everything happen that is due by `now`."""
        while self._events and self._events[0][0] <= now - self.anchor:
            heappop(self._events)[2]()

    def plan(self, when: timedelta, act: Callable[[], object]) -> None:
        self._planned += 1
        heappush(self._events, (when, self._planned, act))

    def volume(self, name: str, instance: str = "", *, made: timedelta = -300 * DAY, size: int = 50) -> Volume:
        """Let a volume appear. Without an instance it is attached to none."""
        code, created = self.environment.code, self.anchor + made
        kind = "os" if name.startswith("ROOT") else "data"
        id = identifier(code, "story", name)
        row = volume_row(code, id=id, name=name, type=kind, created=created, instance=instance, size=size)
        volume = Volume(row, instance or DETACHED)
        self.plan(made, lambda: self.environment.volumes.update({id: volume}))
        return volume

    def remove(self, volume: Volume, when: timedelta) -> None:
        """Delete a volume; its snapshots stay."""
        self.plan(when, lambda: self.environment.volumes.pop(volume.id))

    def run(
        self,
        volume: Volume,
        kind: str,
        when: timedelta,
        *,
        ends: str = "BackedUp",
        after: timedelta = LASTS,
        name: str = "",
        gone: timedelta | None = None,
    ) -> None:
        """Take a snapshot, with its final state; "" leaves it in progress forever. `gone`: when it is deleted."""
        taken: list[Snapshot] = []
        created = self.anchor + when
        self.plan(when, lambda: taken.append(self.environment.take(volume, kind, created, "Creating", name)))
        if ends:
            self.plan(when + after, lambda: self.environment.change(taken[0], state=ends))
        if gone is not None:
            self.plan(gone, lambda: self.environment.drop(taken[0]))

    def runs(
        self,
        volume: Volume,
        kind: str,
        last: timedelta,
        *,
        until: timedelta | None = None,
        since: timedelta = BEGIN,
        keep: int = KEPT,
        lost: tuple[int, timedelta] | None = None,
    ) -> None:
        """Let a schedule run, with one run at `last` and nothing after `until` (None: it goes on); the oldest go.

        `lost`: of those before `last`, how many are deleted by hand, and when.
        """
        period = PERIODS[kind]
        times = [last - back * period for back in range((last - since) // period, -1, -1)]
        count = len(times)
        if until is None:
            times += [last + (step + 1) * period for step in range((END - last) // period)]
        for place, when in enumerate(times):
            rotated = times[place + keep] + LASTS if place + keep < len(times) else None
            if lost and count - 1 - lost[0] <= place < count - 1:
                rotated = lost[1]
            self.run(volume, kind, when, gone=rotated)


def shop(story: Story) -> None:
    """The environment in which every case is met at least once."""
    _good(story)
    _late(story)
    _failed(story)
    _under_way(story)
    _said(story)


def _good(story: Story) -> None:
    story.runs(story.volume("checkout-db-data", "db-01"), "DAILY", -5 * HOUR)
    root = story.volume("ROOT-48120", "web-01", size=40)
    story.runs(root, "DAILY", -9 * HOUR)
    story.runs(root, "WEEKLY", -3 * DAY, keep=3)
    story.runs(
        story.volume("uploads", "files-01", made=-2 * DAY, size=500), "HOURLY", -20 * MINUTE, since=-22 * HOUR, keep=24
    )
    photos = story.volume("product-photos", "files-01", size=250)
    # Somebody tidies up too much.
    story.runs(photos, "DAILY", -7 * HOUR, keep=9, lost=(6, -5 * HOUR))
    moved = story.volume("web-02-cache", "web-02")
    story.runs(moved, "DAILY", -4 * HOUR)
    story.plan(-100 * HOUR, lambda: story.environment.rename_volume(moved, "web-02-cache-old"))


def _late(story: Story) -> None:
    stopped = -53 * HOUR
    story.runs(story.volume("ledger-data", "db-02"), "DAILY", stopped, until=stopped)
    story.runs(story.volume("cms-data", "web-03"), "DAILY", -9 * DAY, until=-9 * DAY)
    mail = story.volume("mail-spool", "mail-01")
    story.runs(mail, "DAILY", -6 * HOUR)
    hourly = -5 * HOUR - 20 * MINUTE
    story.runs(mail, "HOURLY", hourly, until=hourly, since=-17 * HOUR, keep=12)
    contracts = story.volume("contracts", "files-02")
    for days in (30, 18, 9):
        story.run(contracts, "MANUAL", -days * DAY - 2 * HOUR)


def _failed(story: Story) -> None:
    # Older than the age that is asked for, or it would still count as new.
    billing = story.volume("billing-db-data", "db-03", made=-8 * DAY)
    for ago in (50, 26, 2):
        story.run(billing, "DAILY", -ago * HOUR, ends="Error", after=6 * MINUTE)
    payments = story.volume("payments-data", "db-03")
    story.runs(payments, "DAILY", -25 * HOUR, until=-25 * HOUR)
    story.run(payments, "DAILY", -HOUR, ends="Error", after=4 * MINUTE)
    # The next try of this one can be watched.
    reports = story.volume("reports-data", "web-03")
    story.runs(reports, "DAILY", -26 * HOUR, until=-26 * HOUR)
    story.run(reports, "DAILY", -2 * HOUR, ends="Error", after=3 * MINUTE)
    story.run(reports, "DAILY", 50 * SECOND, after=30 * SECOND)
    stuck = story.volume("search-index", "search-01", size=100)
    story.runs(stuck, "DAILY", -20 * HOUR, until=-20 * HOUR)
    story.run(stuck, "DAILY", -8 * HOUR, ends="")


def _under_way(story: Story) -> None:
    warehouse = story.volume("warehouse-data", "db-02", size=500)
    story.runs(warehouse, "DAILY", -24 * HOUR - 30 * MINUTE, until=-DAY)
    story.run(warehouse, "DAILY", -30 * MINUTE, ends="")
    orders = story.volume("orders-db-data", "db-01")
    story.runs(orders, "DAILY", -24 * HOUR - 10 * MINUTE, until=-DAY)
    story.run(orders, "DAILY", -10 * MINUTE, after=10 * MINUTE + 40 * SECOND)
    story.volume("cart-cache", "web-02", made=-3 * HOUR, size=20)


def _said(story: Story) -> None:
    """Volumes whose status depends on targets, exclusions and earlier syncs."""
    archive = story.volume("archive")
    story.run(archive, "MANUAL", -16 * DAY)
    story.run(archive, "MANUAL", -7 * DAY, name="before-migration")
    story.volume("ci-scratch", "ci-01", size=20)
    legacy = story.volume("legacy-share")
    story.run(legacy, "MANUAL", 75 * SECOND, after=30 * SECOND)
    gone = story.volume("old-shop-data", "web-00")
    story.runs(gone, "DAILY", -55 * HOUR, until=-55 * HOUR)
    story.remove(gone, -50 * HOUR)


def dev(story: Story) -> None:
    """An environment that the key can no longer see before its story ends."""
    story.runs(story.volume("dev-db-data", "dev-01"), "DAILY", -20 * HOUR)
    story.runs(story.volume("dev-files", "dev-02", made=-2 * DAY), "HOURLY", -10 * MINUTE, since=-20 * HOUR, keep=24)
    stopped = -7 * HOUR - 20 * MINUTE
    queue = story.volume("dev-queue", "dev-02", made=-2 * DAY)
    story.runs(queue, "HOURLY", stopped, until=stopped, since=-19 * HOUR, keep=12)


STORIES: Final[dict[str, Callable[[Story], None]]] = {"compute-on/shop": shop, "compute-qc/dev": dev}
"""Environment: what happens in it."""


def told(anchor: datetime, *, volume_type: str) -> list[Story]:
    """Return the stories, each in a separate environment without other activity."""
    return [_one(Environment(code, volume_type=volume_type), tell, anchor) for code, tell in STORIES.items()]


def _one(environment: Environment, tell: Callable[[Story], None], anchor: datetime) -> Story:
    story = Story(environment, anchor)
    tell(story)
    return story
