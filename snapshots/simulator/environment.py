"""One environment: its volumes and snapshots as rows of the API, and its list bodies."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from snapshots.simulator.names import DETACHED, default_name, identifier
from snapshots.simulator.wire import Row, encode, list_body

VOLUME_TYPES: Final = ("echo", "kind")
KINDS: Final = {"os": "ROOT", "data": "DATADISK"}
# The states of a snapshot and the legal steps, as in CloudStack's SnapshotStateMachineManagerImpl.
TRANSITIONS: Final[dict[str, frozenset[str]]] = {
    "Allocated": frozenset({"Creating"}),
    "Creating": frozenset({"CreatedOnPrimary", "BackedUp", "Error"}),
    "CreatedOnPrimary": frozenset({"BackingUp", "BackedUp"}),
    "BackingUp": frozenset({"BackedUp", "Error", "BackingUp"}),
    "BackedUp": frozenset({"Destroying", "Copying", "BackingUp"}),
    "Copying": frozenset({"BackedUp"}),
    "Destroying": frozenset({"Destroyed", "BackedUp", "Destroying"}),
    "Destroyed": frozenset(),
    "Error": frozenset(),
}
BUSY: Final = frozenset({"Creating", "CreatedOnPrimary", "BackingUp"})
"""States of a snapshot in which its volume is Snapshotting."""

HIDDEN: Final = "Destroyed"
"""The one state that lists leave out."""


class UnknownThing(LookupError):
    """The world has no such environment, volume or snapshot; the text is a sentence."""


class IllegalTransition(Exception):
    """The world tried a step that the provider's state machine does not allow."""


def check_transition(old: str, new: str) -> None:
    """Raise IllegalTransition unless the provider allows the step from `old` to `new`."""
    if new not in TRANSITIONS.get(old, frozenset()):
        raise IllegalTransition(f"A snapshot cannot go from {old} to {new}.")


@dataclass(slots=True, eq=False)
class Snapshot:
    row: Row
    created: datetime
    encoded: bytes = b""

    @property
    def id(self) -> str:
        return str(self.row["id"])

    @property
    def state(self) -> str:
        return str(self.row["state"])

    @property
    def volume_id(self) -> str:
        return str(self.row.get("volumeId", ""))


@dataclass(slots=True, eq=False)
class Volume:
    row: Row
    host: str = DETACHED

    @property
    def id(self) -> str:
        return str(self.row["id"])

    @property
    def name(self) -> str:
        return str(self.row["name"])


class Environment:
    """Rows are encoded once, and a list's body is kept until something changes."""

    def __init__(self, code: str, *, volume_type: str = "echo") -> None:
        self.code = code
        self.service_code, _, self.name = code.partition("/")
        self.volume_type = volume_type
        self.volumes: dict[str, Volume] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self._body = b""

    def touch(self) -> None:
        """Discard the cached list body after a change."""
        self._body = b""

    def type_of(self, volume: Volume) -> str:
        """Return the provider's volumeType, which oddly is the volume's name."""
        return volume.name if self.volume_type == "echo" else KINDS.get(str(volume.row["type"]), "DATADISK")

    def take(
        self, volume: Volume | None, interval_type: str, created: datetime, state: str, name: str = ""
    ) -> Snapshot:
        """Add a snapshot of `volume`; without a volume the row lacks the three volume fields."""
        host, volume_name = (volume.host, volume.name) if volume else (DETACHED, "lost")
        row: Row = {
            "id": self._free_id(volume.id if volume else "", interval_type, created),
            "name": name or default_name(host, volume_name, created),
            "state": state,
            "intervalType": interval_type,
        }
        if volume:
            row |= {"volumeId": volume.id, "volume": volume.name, "volumeType": self.type_of(volume)}
        return self.put(Snapshot(row, created))

    def put(self, snapshot: Snapshot) -> Snapshot:
        self.snapshots[snapshot.id] = snapshot
        self.touch()
        return snapshot

    def change(self, snapshot: Snapshot, **fields: object) -> None:
        snapshot.row |= fields
        snapshot.encoded = b""
        self.touch()

    def drop(self, snapshot: Snapshot) -> None:
        self.snapshots.pop(snapshot.id, None)
        self.touch()

    def rename_volume(self, volume: Volume, name: str) -> None:
        """Rename a volume: its snapshots show the new name, but keep their own."""
        volume.row["name"] = name
        fields = {"volume": name, "volumeType": self.type_of(volume)}
        for snapshot in self.snapshots.values():
            if snapshot.volume_id == volume.id:
                self.change(snapshot, **fields)
        self.touch()

    def snapshot(self, id: str) -> Snapshot:
        found = self.snapshots.get(id)
        if found is None:
            raise UnknownThing(f"There is no snapshot {id} in {self.code}.")
        return found

    def volume(self, id: str) -> Volume:
        found = self.volumes.get(id)
        if found is None:
            raise UnknownThing(f"There is no volume {id} in {self.code}.")
        return found

    def listed(self, volume_id: str = "") -> list[Snapshot]:
        """Return the listed snapshots, newest first; of one volume if its id is given."""
        wanted = [
            each
            for each in reversed(self.snapshots.values())
            if each.state != HIDDEN and (not volume_id or each.volume_id == volume_id)
        ]
        return sorted(wanted, key=lambda each: each.created, reverse=True)

    def volume_rows(self) -> list[Row]:
        """Return the volumes; one with a snapshot in progress is Snapshotting."""
        busy = {each.volume_id for each in self.snapshots.values() if each.state in BUSY}
        return [
            volume.row | {"state": "Snapshotting"}
            if volume.id in busy and volume.row["state"] == "Ready"
            else volume.row
            for volume in self.volumes.values()
        ]

    def snapshots_body(self, volume_id: str = "") -> bytes:
        """Return the list as the provider sends it; `volume_id` is a canonical UUID, or empty for all."""
        if volume_id:
            return list_body(_encoded_rows(self.listed(volume_id)))
        if not self._body:
            self._body = list_body(_encoded_rows(self.listed()))
        return self._body

    def _free_id(self, *parts: object) -> str:
        turn = 0
        while (id := identifier(self.code, *parts, turn)) in self.snapshots:
            turn += 1
        return id


def _encoded_rows(snapshots: Iterable[Snapshot]) -> list[bytes]:
    rows = []
    for snapshot in snapshots:
        if not snapshot.encoded:
            snapshot.encoded = encode(snapshot.row)
        rows.append(snapshot.encoded)
    return rows


def canonical(id: str) -> str:
    """Return a dashed UUID in lower case, or the empty string for anything else."""
    try:
        parsed = str(UUID(id))
    except ValueError:
        return ""
    return parsed if parsed == id.lower() else ""
