"""The provider's rows as frozen records.

Fields are cleaned text; a field that is absent, null or a structure is "", a number or a boolean is its text. Unknown
keys are kept only in `raw`: the row's JSON as received, which `json.loads` can always read.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Generic, Protocol, TypeVar

import msgspec


class SnapshotRecord(msgspec.Struct, frozen=True, gc=False):
    """The seven fields of a snapshot, and its date if the provider sends one.

    `volume_id` is "" if absent or not a UUID. `created` is in UTC, None if absent or not a date.
    """

    id: str
    name: str
    state: str
    interval_type: str
    volume_id: str
    volume: str
    volume_type: str
    raw: str
    created: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """16 bytes of BLAKE2b in hex over the fields: equal when nothing that we store of them changed."""
        fields = [self.id, self.name, self.state, self.interval_type, self.volume_id, self.volume, self.volume_type]
        if self.created is not None:
            fields.append(self.created.isoformat())
        return blake2b("\0".join(fields).encode(), digest_size=16).hexdigest()


class VolumeRecord(msgspec.Struct, frozen=True, gc=False):
    """A volume; `created` as sent (`2016-10-19T14:25:41-0400`), `size_in_gb` None if it is no sane whole number."""

    id: str
    name: str
    type: str
    state: str
    size_in_gb: int | None
    created: str
    instance_id: str
    instance_name: str
    zone_name: str
    raw: str


class EnvironmentRecord(msgspec.Struct, frozen=True, gc=False):
    """An environment; if the provider leaves `service_code` out, it is "": find it by `connection_id`."""

    id: str
    name: str
    service_code: str
    connection_id: str
    raw: str


class ConnectionRecord(msgspec.Struct, frozen=True, gc=False):
    """A service connection; `reachable` is None if the provider does not say."""

    id: str
    service_code: str
    name: str
    type: str
    reachable: bool | None
    raw: str


class Identified(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def raw(self) -> str: ...
    @property
    def __struct_fields__(self) -> tuple[str, ...]: ...


T = TypeVar("T", bound=Identified)


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A decoded list and how far it can be trusted.

    Attributes:
        raw_count: the number of rows in `data`, readable or not.
        skipped: rows that could not be read.
        duplicates: rows beyond the first with one id; the same one is kept in any order.
        contradictions: duplicates that differ from the row that is kept.
        foreign: rows of another volume than the requested one, dropped.
        record_count: the provider's count, None if absent or not a whole number.
        body_hash: BLAKE2b of the body in hex: equal for an equal body.
        count_expected: False if the provider never sends a count.
        is_same: whether the body is the one that is known already; then its rows were not read.
    """

    rows: tuple[T, ...]
    raw_count: int
    skipped: int
    duplicates: int
    foreign: int
    record_count: int | None
    body_hash: str
    count_expected: bool = True
    contradictions: int = 0
    is_same: bool = False

    @property
    def length(self) -> int:
        """How many rows it has without duplicates. A body that is known already has none."""
        return self.raw_count if self.is_same else len(self.rows)

    @property
    def complete(self) -> bool:
        """Whether the list is complete: it has as many rows as the provider counted, and all were readable."""
        return self.skipped == 0 and not self._count_doubt

    @property
    def proves_absence(self) -> bool:
        """Whether a row that is not in the list is not at the provider either.

        Two different rows with one id show that the list changed while it was built: it may lack a row.
        """
        return self.complete and not self.contradictions

    @property
    def doubts(self) -> tuple[str, ...]:
        """Machine-readable words for everything unusual about the list."""
        counted = (("rows_skipped", self.skipped), ("duplicates", self.duplicates), ("foreign_rows", self.foreign))
        found = [word for word, count in counted if count]
        return (self._count_doubt, *found) if self._count_doubt else tuple(found)

    @property
    def _count_doubt(self) -> str:
        if self.record_count is None:
            return "record_count_absent" if self.count_expected else ""
        return "" if self.record_count == self.raw_count else "record_count_differs"
