"""The provider's world: environments with volumes and snapshots, from a seed and a clock. Safe to use from threads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import RLock
from typing import Final
from uuid import uuid4

from snapshots.simulator.environment import VOLUME_TYPES, Environment, UnknownThing, Volume
from snapshots.simulator.life import Life
from snapshots.simulator.names import DETACHED
from snapshots.simulator.seeding import populate, volume_row
from snapshots.simulator.stories import Story, told
from snapshots.simulator.wire import Row

DEFAULT_ENVIRONMENTS: Final = ("compute-on/test_area", "compute-qc/prod")
DEFAULT_VOLUMES: Final = 12
DEFAULT_SNAPSHOTS: Final = 200


def utc_now() -> datetime:
    return datetime.now(UTC)


class World:
    """Environments are named `service_code/environment_name`; `volumes` and `snapshots` are the numbers in each.

    `clock` returns an aware datetime in UTC. `speed` is how many simulated seconds pass in a second of the clock: 0 is
    no change, 1 is real time. The same seed and the same clock give the same bytes. `volume_type` is "echo" (as the
    provider does: volumeType repeats the volume's name) or "kind" (ROOT, DATADISK). `stories`: the anchor of the
    environments of `snapshots.simulator.stories`, which are then added. Names, rows and states follow the provider's
    documentation of snapshots and Apache CloudStack. Raises ValueError for arguments out of range.
    Methods raise UnknownThing for an environment, volume or snapshot that does not exist.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        environments: Sequence[str] = DEFAULT_ENVIRONMENTS,
        volumes: int = DEFAULT_VOLUMES,
        snapshots: int = DEFAULT_SNAPSHOTS,
        clock: Callable[[], datetime] = utc_now,
        speed: float = 0.0,
        volume_type: str = "echo",
        stories: datetime | None = None,
    ) -> None:
        if min(volumes, snapshots, speed) < 0:
            raise ValueError("Volumes, snapshots and speed cannot be negative.")
        if volume_type not in VOLUME_TYPES:
            raise ValueError(f"volume_type is one of {', '.join(VOLUME_TYPES)}.")
        self.seed, self.speed, self.clock = seed, speed, clock
        self.started = clock()
        self._lock = RLock()
        self._environments: dict[str, Environment] = {}
        self._lives: list[Life] = []
        for code in environments:
            self._found(Environment(code, volume_type=volume_type), volumes, snapshots)
        self._stories: list[Story] = told(stories, volume_type=volume_type) if stories else []
        self._environments |= {story.environment.code: story.environment for story in self._stories}

    def _found(self, environment: Environment, volumes: int, snapshots: int) -> None:
        started = self.started
        series = populate(environment, seed=self.seed, volumes=volumes, snapshots=snapshots, now=started)
        self._environments[environment.code] = environment
        if self.speed:
            self._lives.append(Life(environment, series, seed=self.seed, started=started, speed=self.speed))

    @property
    def environments(self) -> tuple[str, ...]:
        return tuple(self._environments)

    @property
    def age(self) -> float:
        """Return the simulated seconds since the start."""
        return max(0.0, (self.clock() - self.started).total_seconds() * self.speed)

    @contextmanager
    def environment(self, code: str) -> Iterator[Environment]:
        """Yield an environment as it is now; nothing changes while the block runs."""
        with self._lock:
            for life in self._lives:
                life.advance(self.age)
            for story in self._stories:
                story.advance(self.clock())
            if code not in self._environments:
                raise UnknownThing(f"There is no environment {code}.")
            yield self._environments[code]

    def snapshots(self, environment: str) -> list[Row]:
        """Return the listed snapshots, newest first, as the API returns them."""
        with self.environment(environment) as found:
            return [dict(each.row) for each in found.listed()]

    def volumes(self, environment: str) -> list[Row]:
        """Return the volumes as the API lists them."""
        with self.environment(environment) as found:
            return [dict(row) for row in found.volume_rows()]

    def add_snapshot(
        self,
        environment: str,
        *,
        name: str | None = None,
        state: str = "BackedUp",
        interval_type: str = "MANUAL",
        volume_id: str | None = None,
        id: str | None = None,
        created: datetime | None = None,
        **overrides: object,
    ) -> Row:
        """Add a snapshot and return its row.

        `volume_id`: None means the first volume, the empty string leaves the three volume fields out, an unknown one is
        that of a deleted volume. `overrides` replace or add fields by the API's names. Raises ValueError for a used id.
        """
        with self.environment(environment) as found:
            if id in found.snapshots:
                raise ValueError(f"There is a snapshot {id} already.")
            volume = _volume_for(found, volume_id)
            taken = found.take(volume, interval_type, created or self.clock(), state, name or "")
            if id:
                found.drop(taken)
                taken.row["id"] = id
                found.put(taken)
            found.change(taken, **overrides)
            return dict(taken.row)

    def set_state(self, environment: str, id: str, state: str) -> None:
        """Set a snapshot to any state, also one that the provider does not have."""
        with self.environment(environment) as found:
            found.change(found.snapshot(id), state=state)

    def change_snapshot(self, environment: str, id: str, fields: Row) -> Row:
        """Replace or add fields of a snapshot, by the API's names, and return its row; the id stays."""
        with self.environment(environment) as found:
            snapshot = found.snapshot(id)
            found.change(snapshot, **{**fields, "id": id})
            return dict(snapshot.row)

    def remove_snapshot(self, environment: str, id: str) -> None:
        with self.environment(environment) as found:
            found.drop(found.snapshot(id))

    def rename(self, environment: str, id: str, name: str) -> None:
        """Rename a volume or a snapshot."""
        with self.environment(environment) as found:
            if id in found.volumes:
                found.rename_volume(found.volumes[id], name)
            else:
                found.change(found.snapshot(id), name=name)

    def add_volume(
        self,
        environment: str,
        *,
        name: str = "data",
        type: str = "data",
        id: str | None = None,
        instance_name: str = "",
        size_in_gb: int = 20,
        **overrides: object,
    ) -> Row:
        """Add a volume (`type` os or data; no `instance_name`: detached) and return its row."""
        with self.environment(environment) as found:
            row = volume_row(
                environment,
                id=id or str(uuid4()),
                name=name,
                type=type,
                created=self.clock(),
                instance=instance_name,
                size=size_in_gb,
            )
            found.volumes[str(row["id"])] = Volume(row | overrides, instance_name or DETACHED)
            return row | overrides

    def remove_volume(self, environment: str, id: str) -> None:
        """Delete a volume; its snapshots stay and keep its name."""
        with self.environment(environment) as found:
            del found.volumes[found.volume(id).id]


def _volume_for(environment: Environment, volume_id: str | None) -> Volume | None:
    if volume_id is None:
        return next(iter(environment.volumes.values()), None)
    if not volume_id:
        return None
    known = environment.volumes.get(volume_id)
    return known or Volume({"id": volume_id, "name": f"DATA-{volume_id[:5]}", "type": "data"})
