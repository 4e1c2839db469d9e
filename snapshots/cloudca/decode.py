"""Decode JSON rows into records. A bad row does not invalidate a list: it is skipped and counted."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import msgspec

from snapshots.cloudca.clean_text import canonical_uuid, clean_text
from snapshots.cloudca.dates import read_date
from snapshots.cloudca.errors import MismatchedReply, Unreadable
from snapshots.cloudca.records import (
    ConnectionRecord,
    EnvironmentRecord,
    Identified,
    Listing,
    SnapshotRecord,
    VolumeRecord,
)

# Rows have 250 to 700 bytes. Only longer ones can be too deep, or have a number too long, for the json module.
ORDINARY_ROW_BYTES = 1000
# A longer number cannot be a count or a size; it would not fit into a database integer either.
WHOLE_NUMBER_DIGITS = 15
# An exabyte: a larger size is an error.
MOST_GB = 10**9
# The usable state of `snapshots.rules.states`, which this package does not import.
USABLE_STATE = "BackedUp"

Row = msgspec.Raw
T = TypeVar("T", bound=Identified)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A successful reply: `data` undecoded, the count that its metadata states, the BLAKE2b of the body in hex."""

    data: Row
    record_count: int | None
    body_hash: str


class _SnapshotRow(msgspec.Struct, rename="camel", gc=False):
    """A row whose known fields are all text, as nearly every row is: decoded in one go."""

    id: str
    name: str = ""
    state: str = ""
    interval_type: str = ""
    volume_id: str = ""
    volume: str = ""
    volume_type: str = ""
    created: str = ""
    created_at: str = ""
    creation_date: str = ""


_rows = msgspec.json.Decoder(list[Row])
_fields = msgspec.json.Decoder(dict[str, Row])
_string = msgspec.json.Decoder(str)
_snapshot_row = msgspec.json.Decoder(_SnapshotRow)


def read_snapshots(envelope: Envelope, volume_id: str = "") -> Listing[SnapshotRecord]:
    """Read a list of snapshots; with `volume_id` rows of other volumes are dropped and counted. Raises Unreadable."""
    same: dict[str, str] = {}
    listing = _read_list(envelope, lambda row: _snapshot(row, same))
    if not volume_id:
        return listing
    own = tuple(record for record in listing.rows if record.volume_id == volume_id)
    return replace(listing, rows=own, foreign=len(listing.rows) - len(own))


def known_snapshots(envelope: Envelope) -> Listing[SnapshotRecord]:
    """Return a list whose rows are known. Raises Unreadable."""
    number = len(rows_of(envelope.data))
    return Listing((), number, 0, 0, 0, envelope.record_count, envelope.body_hash, is_same=True)


def read_snapshot(envelope: Envelope, asked_id: str) -> SnapshotRecord:
    """Read one snapshot, as an object or as a list of one. Raises Unreadable, MismatchedReply if it has another id."""
    record = _snapshot(_only_row(envelope.data), {})
    if record is None:
        raise Unreadable(status=200)
    if record.id != asked_id:
        raise MismatchedReply(status=200)
    return record


def read_volumes(envelope: Envelope) -> Listing[VolumeRecord]:
    """Read a list of volumes. Raises Unreadable."""
    return _read_list(envelope, _volume)


def read_volume(envelope: Envelope, asked_id: str) -> VolumeRecord:
    """Read one volume, as an object or as a list of one. Raises Unreadable, MismatchedReply if it has another id."""
    record = _volume(_only_row(envelope.data))
    if record is None:
        raise Unreadable(status=200)
    if record.id != asked_id:
        raise MismatchedReply(status=200)
    return record


def read_environments(envelope: Envelope) -> Listing[EnvironmentRecord]:
    """Read the environments, which the provider sends without a count. Raises Unreadable."""
    return replace(_read_list(envelope, _environment), count_expected=False)


def read_connections(envelope: Envelope) -> Listing[ConnectionRecord]:
    """Read the service connections, which the provider sends without a count. Raises Unreadable."""
    return replace(_read_list(envelope, _connection), count_expected=False)


def text_of(fields: Mapping[str, Row], key: str) -> str:
    """Return the text of a field as sent, not cleaned; "" if it is absent, null or a structure."""
    token = bytes(fields.get(key, b"null"))
    if token.startswith(b'"'):
        return _string.decode(token)
    return "" if token[:1] in b"n{[" else token.decode()


def whole_number(text: str) -> int | None:
    """Parse a whole number; None if it is negative, too long or not a whole number."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= WHOLE_NUMBER_DIGITS else None


def _size(text: str) -> int | None:
    size = whole_number(text)
    return size if size is not None and size <= MOST_GB else None


def fields_of(token: Row | bytes) -> dict[str, Row]:
    """Return the members of a JSON object, undecoded; the last of equal keys wins. Empty for anything else."""
    try:
        return _fields.decode(token)
    except (msgspec.DecodeError, RecursionError):
        return {}


def rows_of(token: Row | bytes) -> list[Row]:
    """Return the elements of a JSON array, undecoded. Raises Unreadable for anything else."""
    try:
        return _rows.decode(token)
    except (msgspec.DecodeError, RecursionError):
        raise Unreadable(status=200) from None


def _read_list(envelope: Envelope, read: Callable[[Row], T | None]) -> Listing[T]:
    rows = rows_of(envelope.data)
    records = [record for record in map(read, rows) if record is not None]
    kept: dict[str, T] = {}
    contradictions = 0
    for record in records:
        other = kept.setdefault(record.id, record)
        if other is not record:
            contradictions += _content(other) != _content(record)
            kept[record.id] = max(other, record, key=_precedence)
    return Listing(
        rows=tuple(kept.values()),
        raw_count=len(rows),
        skipped=len(rows) - len(records),
        duplicates=len(records) - len(kept),
        foreign=0,
        record_count=envelope.record_count,
        body_hash=envelope.body_hash,
        contradictions=contradictions,
    )


def _content(record: Identified) -> list[object]:
    """Return a record's content, regardless of the order of its row's members."""
    return [getattr(record, name) for name in record.__struct_fields__ if name != "raw"]


def _precedence(record: Identified) -> tuple[bool, str]:
    """Sort key that selects one of several rows with one id: a usable one first, else always the same one."""
    return getattr(record, "state", "") == USABLE_STATE, record.raw


def _only_row(token: Row) -> Row:
    if not bytes(token).startswith(b"["):
        return token
    rows = rows_of(token)
    if len(rows) != 1:
        raise Unreadable(status=200)
    return rows[0]


def _snapshot(row: Row, same: dict[str, str]) -> SnapshotRecord | None:
    """Read a snapshot. `same`: the texts of earlier rows; most rows repeat them, and each is to be kept once."""
    raw = _raw_text(row)
    fields = _snapshot_fields(row)
    if not raw or fields is None or not (snapshot_id := canonical_uuid(fields.id)):
        return None
    once = same.setdefault
    state, interval_type = clean_text(fields.state), clean_text(fields.interval_type)
    volume_id, volume = canonical_uuid(fields.volume_id), clean_text(fields.volume)
    volume_type = clean_text(fields.volume_type)
    return SnapshotRecord(
        snapshot_id,
        clean_text(fields.name),
        once(state, state),
        once(interval_type, interval_type),
        once(volume_id, volume_id),
        once(volume, volume),
        once(volume_type, volume_type),
        raw,
        _created(fields),
    )


def _snapshot_fields(row: Row) -> _SnapshotRow | None:
    try:
        return _snapshot_row.decode(row)
    except (msgspec.DecodeError, RecursionError):
        fields = fields_of(row)
    return msgspec.convert({key: text_of(fields, key) for key in fields}, _SnapshotRow) if "id" in fields else None


def _created(fields: _SnapshotRow) -> datetime | None:
    """Return the date in a row; the oldest of several, so that nothing looks younger than it is."""
    told = (fields.created, fields.created_at, fields.creation_date)
    return min((date for text in told if text and (date := read_date(text))), default=None)


def _volume(row: Row) -> VolumeRecord | None:
    raw, fields = _raw_text(row), fields_of(row)
    volume_id = canonical_uuid(text_of(fields, "id"))
    if not (raw and volume_id):
        return None
    return VolumeRecord(
        id=volume_id,
        name=_clean(fields, "name"),
        type=_clean(fields, "type"),
        state=_clean(fields, "state"),
        size_in_gb=_size(text_of(fields, "sizeInGb")),
        created=_clean(fields, "creationDate"),
        instance_id=canonical_uuid(text_of(fields, "instanceId")),
        instance_name=_clean(fields, "instanceName"),
        zone_name=_clean(fields, "zoneName"),
        raw=raw,
    )


def _environment(row: Row) -> EnvironmentRecord | None:
    raw, fields = _raw_text(row), fields_of(row)
    connection = fields_of(fields.get("serviceConnection", b""))
    identity, name = _clean(fields, "id"), _clean(fields, "name")
    if not (raw and identity and name):
        return None
    return EnvironmentRecord(
        id=identity,
        name=name,
        service_code=_clean(connection, "serviceCode"),
        connection_id=_clean(connection, "id"),
        raw=raw,
    )


def _connection(row: Row) -> ConnectionRecord | None:
    raw, fields = _raw_text(row), fields_of(row)
    status = fields_of(fields.get("status", b""))
    identity, service_code = _clean(fields, "id"), _clean(fields, "serviceCode")
    if not (raw and identity and service_code):
        return None
    return ConnectionRecord(
        id=identity,
        service_code=service_code,
        name=_clean(fields, "name"),
        type=_clean(fields, "type"),
        reachable={"true": True, "false": False}.get(text_of(status, "reachable")),
        raw=raw,
    )


def _raw_text(row: Row) -> str:
    """Return the row as it is stored, "" if the json module could not read it again."""
    text = bytes(row).decode()
    if len(text) > ORDINARY_ROW_BYTES:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return ""
    return text


def _clean(fields: Mapping[str, Row], key: str) -> str:
    return clean_text(text_of(fields, key))
