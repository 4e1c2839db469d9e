"""Create the world's past: volumes with schedules, and their snapshots.

All times are on a fixed grid, and ids are derived from them, so a world that is started again an hour later is the same
world, an hour older.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from snapshots.simulator.environment import Environment, Snapshot, Volume
from snapshots.simulator.names import DETACHED, GIVEN_NAMES, data_volume_name, host_name, identifier, number

EXAMPLE_ENVIRONMENT: Final = "compute-on/test_area"
EXAMPLE_VOLUME: Final = "c779ca42-6966-41af-a7dc-23db4e41d4ee"
EXAMPLE_ROW: Final[dict[str, object]] = {
    "id": "33a27b8d-5a27-42a5-aec4-37606e372bda",
    "name": "i-douglas-ADM_foo_20161116211009",
    "state": "BackedUp",
    "intervalType": "MANUAL",
    "volumeId": EXAMPLE_VOLUME,
    "volume": "ROOT-35545",
    "volumeType": "ROOT-35545",
}
EXAMPLE_CREATED: Final = datetime(2016, 11, 16, 21, 10, 9, tzinfo=UTC)
MONTREAL: Final = timezone(timedelta(hours=-5))
EPOCH: Final = datetime(2016, 1, 1, tzinfo=UTC)
HORIZON: Final = timedelta(days=3 * 365)  # a huge number of snapshots is denser, not spread over centuries
PERIODS: Final = {
    "HOURLY": timedelta(hours=1),
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(days=7),
    "MONTHLY": timedelta(days=30),
    "MANUAL": timedelta(days=9, hours=7, minutes=13),
}
WEIGHTS: Final = {"HOURLY": 24, "DAILY": 14, "WEEKLY": 8, "MONTHLY": 6, "MANUAL": 1}
PLANS: Final[tuple[tuple[str, ...], ...]] = (
    ("HOURLY", "DAILY", "MANUAL"),
    ("DAILY", "MANUAL"),
    ("DAILY", "WEEKLY", "MANUAL"),
    ("MANUAL",),
    ("DAILY",),
    ("HOURLY", "MANUAL"),
    ("DAILY", "MONTHLY"),
    (),
    ("DAILY", "MANUAL"),
    ("DAILY", "WEEKLY"),
    ("MANUAL",),
    ("DAILY",),
)
DETACHED_PLAN: Final = 11
SIZES: Final = (20, 40, 50, 80, 100, 250, 500)
MIX_FROM: Final = 10  # in a shorter list all are BackedUp
ERRORS_IN_256: Final = 4


@dataclass(slots=True)
class Series:
    """The snapshots of one interval type of one volume: the interval, how many are kept, and which exist."""

    volume: Volume | None
    interval_type: str
    phase: timedelta
    period: timedelta
    weight: int
    kept: deque[str] = field(default_factory=deque)
    keep: int = 1

    def last_before(self, moment: datetime) -> datetime:
        """Return the newest time of the series' grid that is not after `moment`."""
        start = EPOCH + self.phase
        return start + (moment - start) // self.period * self.period


def populate(environment: Environment, *, seed: int, volumes: int, snapshots: int, now: datetime) -> list[Series]:
    """Fill an environment with exactly these numbers of volumes and snapshots; return the series that continue."""
    has_example = environment.code == EXAMPLE_ENVIRONMENT
    for index in range(volumes):
        _add_volume(environment, seed, index, EXAMPLE_VOLUME if has_example and index == 0 else "")
    living = _series(environment, seed)
    if has_example and snapshots:
        environment.put(Snapshot(dict(EXAMPLE_ROW), EXAMPLE_CREATED))
        snapshots -= 1
    _fill(environment, [*living, *_ghosts(environment, seed)], snapshots, now)
    if snapshots >= MIX_FROM:
        _mix_states(environment)
    return living


def _add_volume(environment: Environment, seed: int, index: int, id: str) -> None:
    drawn = number(seed, environment.code, "volume", index)
    host = host_name(index // 2)
    is_root = index % 2 == 0
    detached = index % len(PLANS) == DETACHED_PLAN
    name = f"ROOT-{30000 + drawn % 9000}" if is_root else data_volume_name(host, 10000 + drawn % 9000)
    row = volume_row(
        environment.code,
        id=id or identifier(seed, environment.code, "volume", index),
        name="ROOT-35545" if id else name,
        type="os" if is_root else "data",
        created=EPOCH + timedelta(seconds=drawn % 25_000_000),
        instance="" if detached else host,
        size=SIZES[drawn % len(SIZES)],
    )
    environment.volumes[str(row["id"])] = Volume(row, DETACHED if detached else host)


def volume_row(
    code: str, *, id: str, name: str, type: str, created: datetime, instance: str, size: int
) -> dict[str, object]:
    """Return a volume as the list gives it; a detached one has no instance. `size` in GB."""
    attached = {"instanceId": identifier(code, "instance", instance), "instanceName": instance} if instance else {}
    zone = {"zoneId": identifier(code.partition("/")[0], "zone"), "zoneName": "ON-1" if "-on" in code else "QC-1"}
    when = created.astimezone(MONTREAL).strftime("%Y-%m-%dT%H:%M:%S%z")
    head = {"id": id, "name": name, "type": type, "creationDate": when}
    return {**head, **attached, **zone, "state": "Ready", "sizeInGb": size}


def _series(environment: Environment, seed: int) -> list[Series]:
    return [
        _one_series(environment, seed, volume, interval_type, 5 if plan == ("MANUAL",) else WEIGHTS[interval_type])
        for index, volume in enumerate(environment.volumes.values())
        for plan in [PLANS[index % len(PLANS)]]
        for interval_type in plan
    ]


def _ghosts(environment: Environment, seed: int) -> list[Series]:
    """Return series of a deleted volume, which keeps its name, and of one that the provider lost completely."""
    row = volume_row(
        environment.code,
        id=identifier(seed, environment.code, "deleted"),
        name=f"DATA-{20000 + seed % 1000}",
        type="data",
        created=EPOCH,
        instance="",
        size=SIZES[0],
    )
    volumes = (Volume(row), None)
    return [_one_series(environment, seed, volume, "MANUAL", 3) for volume in volumes]


def _one_series(environment: Environment, seed: int, volume: Volume | None, interval_type: str, weight: int) -> Series:
    period = PERIODS[interval_type]
    drawn = number(seed, environment.code, volume.id if volume else "lost", interval_type)
    phase = timedelta(seconds=drawn % int(period.total_seconds()))
    return Series(volume, interval_type, phase, period, weight)


def _fill(environment: Environment, series: list[Series], snapshots: int, now: datetime) -> None:
    for each, count in zip(series, _shares(series, snapshots), strict=True):
        each.keep = max(count, 1)
        each.period = min(each.period, HORIZON / max(count, 1))
        newest = each.last_before(now)
        for back in reversed(range(count)):
            each.kept.append(_past_snapshot(environment, each, newest - back * each.period).id)
        each.period = PERIODS[each.interval_type]


def _shares(series: list[Series], snapshots: int) -> list[int]:
    """Distribute the snapshots by weight; the sum is exact."""
    whole = sum(each.weight for each in series)
    shares = [snapshots * each.weight // whole for each in series]
    for turn in range(snapshots - sum(shares)):
        shares[turn % len(shares)] += 1
    return shares


def _past_snapshot(environment: Environment, series: Series, created: datetime) -> Snapshot:
    created = created.replace(microsecond=0)
    drawn = number(environment.code, series.volume and series.volume.id, created)
    named = series.interval_type == "MANUAL" and drawn % 3 == 0
    name = GIVEN_NAMES[drawn // 3 % len(GIVEN_NAMES)] if named else ""
    state = "Error" if (drawn >> 64) % 256 < ERRORS_IN_256 else "BackedUp"
    return environment.take(series.volume, series.interval_type, created, state, name)


def _mix_states(environment: Environment) -> None:
    """Set the two newest in progress and the oldest scheduled one to be deleted, and make one fail."""
    rows = [each for each in environment.listed() if each.volume_id in environment.volumes]
    if len(rows) < MIX_FROM:
        return
    if not any(each.state == "Error" for each in rows):
        environment.change(rows[len(rows) // 2], state="Error")
    environment.change(rows[0], state="BackingUp")
    other = next((each for each in rows[1:] if each.volume_id != rows[0].volume_id), None)
    if other:
        environment.change(other, state="Creating")
    old = next((each for each in reversed(rows) if each.row["intervalType"] != "MANUAL"), None)
    if old and old.state == "BackedUp":
        environment.change(old, state="Destroying")
