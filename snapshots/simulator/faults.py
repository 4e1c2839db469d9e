"""Faults that a test or a demo switches on: which requests they affect, and how they change the reply."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from threading import Lock
from typing import Final

from snapshots.simulator.checks import CHECKS, FaultError
from snapshots.simulator.hostile import HOSTILE_NAMES
from snapshots.simulator.names import identifier
from snapshots.simulator.wire import JSON_TYPE, Reply, Row, Wire, bomb, encode, error

FIELDS: Final = ("name", "state", "intervalType", "volumeId", "volume", "volumeType")
HOSTILE_FIELDS: Final = ("name", "volume", "volumeType")
WRONG_VALUES: Final[tuple[object, ...]] = (None, 7, True, ["x"], {"x": "y"}, 1.5)
HTML: Final = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>Bad gateway</h1></body></html>"
RECORD_COUNTS: Final[dict[str, object]] = {"text": "many", "negative": -1}

Choice = bool | Sequence[str]
"""True: the usual fields; a sequence: these fields."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault; it may have several effects. Raises FaultError with a sentence for a value out of range.

    It affects requests by `path`, a regular expression that must match up to the end of the request's path, so that
    "/snapshots" means only the list; `environment` as service_code/environment_name; `key`; `times`: how often, None
    until cleared. The fields below are its effects.
    """

    path: str | None = None
    environment: str | None = None
    key: str | None = None
    times: int | None = None

    # instead of the reply
    status: int | None = None  # with `headers` and `body`; without a body in the documented error form
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    html: bool = False  # a page of HTML, with status 200 unless `status` says otherwise
    refuse: int | None = None  # 401 or 403
    redirect: str | None = None  # to this URL, 302 unless `status` says otherwise
    errors_with_200: bool = False

    # the reply itself, changed
    empty_list: bool = False
    shrink: float = 0.0  # the fraction of the rows that is left out, oldest first
    duplicate_ids: bool = False  # the first row appears again, under another name
    wrong_id: bool = False  # another id than the requested one
    wrong_typed: Choice = False  # null, numbers, lists ... in turn
    missing_fields: Choice = False
    dangling_volume: bool = False  # a volumeId that the volumes endpoint does not have
    hostile_names: Choice = False  # one row for each name of the fixture
    set_fields: Mapping[str, object] = field(default_factory=dict)  # in every row
    record_count: int | str | None = None  # off by this many; or "absent", "text", "negative"

    # how it is sent
    slow: float = 0.0  # seconds before the first byte
    truncated: bool = False  # half of the body, then the connection is closed
    reset: bool = False  # the connection is closed without a reply
    drip: float = 0.0  # bytes per second, head and body; 0 means no limit
    hang_at: str | None = None  # nothing is sent from here on: "start", the middle of the "head" or of the "body"
    reset_at: str | None = None  # the connection is broken (TCP reset) at one of these places
    content_length: int | str | None = None  # off by this many; or "absent", "text", "negative"
    bad_chunk: bool = False  # half of the body as a chunk, then a chunk size that is not a number
    gzip_bomb: int | None = None  # the body is gzip that inflates to this many MiB of zeros
    endless: bool = False  # endless blanks after the body, which has no length
    status_line: str | None = None  # instead of HTTP/1.1 and the status

    def __post_init__(self) -> None:
        for each in fields(self):
            CHECKS[each.name](each.name, getattr(self, each.name))
        if self.gzip_bomb:
            bomb(self.gzip_bomb)  # now, because it takes a second

    @classmethod
    def from_json(cls, given: object) -> "Fault":
        """Return the fault that a JSON object describes; raises FaultError with a sentence."""
        if not isinstance(given, dict):
            raise FaultError("A fault is a JSON object.")
        unknown = sorted(set(given) - set(CHECKS))
        if unknown:
            raise FaultError(f"A fault has no field {unknown[0]!r}. It has: {', '.join(CHECKS)}.")
        return cls(**given)

    def as_json(self) -> Row:
        """Return the fields that differ from their defaults."""
        nothing = asdict(Fault())
        return {name: value for name, value in asdict(self).items() if value != nothing[name]}

    def meets(self, path: str, key: str) -> bool:
        return (
            (self.path is None or re.search(f"(?:{self.path})$", path) is not None)
            and (self.environment is None or f"/services/{self.environment}/" in f"{path}/")
            and (self.key is None or self.key == key)
        )


class FaultBook:
    """The active faults; the first that matches a request is used. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: list[tuple[Fault, int | None]] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._entries.append((fault, fault.times))

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def listed(self) -> list[Row]:
        """Return the faults as JSON objects, with the remaining uses of each in `left`."""
        with self._lock:
            return [fault.as_json() | {"left": left} for fault, left in self._entries]

    def strike(self, path: str, key: str) -> Fault | None:
        """Return the fault for this request, and count it."""
        with self._lock:
            for place, (fault, left) in enumerate(self._entries):
                if fault.meets(path, key):
                    self._count(place, fault, left)
                    return fault
        return None

    def _count(self, place: int, fault: Fault, left: int | None) -> None:
        if left == 1:
            del self._entries[place]
        elif left is not None:
            self._entries[place] = (fault, left - 1)


def spoil(fault: Fault, reply: Reply) -> Reply:
    """Apply a fault to a reply."""
    spoilt = _instead(fault) or _changed(fault, reply)
    replaced = {name.lower() for name in fault.headers}
    headers = {name: text for name, text in spoilt.headers.items() if name.lower() not in replaced} | {**fault.headers}
    body = bomb(fault.gzip_bomb) if fault.gzip_bomb else spoilt.body
    return replace(spoilt, headers=headers, body=body, wire=_wire(fault))


def _wire(fault: Fault) -> Wire:
    return Wire(**{each.name: getattr(fault, each.name) for each in fields(Wire)})


def _instead(fault: Fault) -> Reply | None:
    if fault.redirect is not None:
        return Reply(fault.status or 302, b"", {"Location": fault.redirect})
    if fault.html:
        return Reply(fault.status or 200, (fault.body or HTML).encode(), {"Content-Type": "text/html; charset=utf-8"})
    if fault.body is not None:
        return Reply(fault.status or 200, fault.body.encode("utf-8", "surrogatepass"), {"Content-Type": JSON_TYPE})
    if fault.errors_with_200:
        return replace(error(503, "The service connection cannot be reached."), status=fault.status or 200)
    if fault.refuse is not None:
        return error(fault.refuse, "Your API key is not allowed to do this.")
    if fault.status is not None:
        return error(fault.status, f"The simulator was told to answer {fault.status}.")
    return None


def _changed(fault: Fault, reply: Reply) -> Reply:
    """Change rows and envelope; an error reply stays as it is."""
    envelope = json.loads(reply.body) if reply.body else {}
    if "data" not in envelope or not _changes_anything(fault):
        return reply
    several = isinstance(envelope["data"], list)
    rows = envelope["data"] if several else [envelope["data"]]
    if several:
        rows = _other_rows(fault, rows)
    for change in (_hostile, _wrong_id, _dangling, _missing, _wrong, _set):
        change(fault, rows)
    envelope["data"] = rows if several else rows[0]
    if "metadata" in envelope:
        _count_rows(fault, envelope, len(rows))
    return replace(reply, body=encode(envelope))


def _changes_anything(fault: Fault) -> bool:
    names = ("empty_list", "shrink", "duplicate_ids", "wrong_id", "wrong_typed", "missing_fields", "dangling_volume")
    return any(getattr(fault, name) for name in (*names, "hostile_names", "set_fields", "record_count"))


def _other_rows(fault: Fault, rows: list[Row]) -> list[Row]:
    if fault.empty_list:
        return []
    rows = rows[: len(rows) - round(len(rows) * fault.shrink)]
    if fault.duplicate_ids and rows:
        rows.append(rows[0] | {"name": f"{rows[0].get('name')} (again)"})
    return rows


def _chosen(choice: Choice, usual: Sequence[str]) -> Sequence[str]:
    if isinstance(choice, bool):
        return usual if choice else ()
    return choice


def _hostile(fault: Fault, rows: list[Row]) -> None:
    for row, name in zip(rows, HOSTILE_NAMES, strict=False):
        row |= dict.fromkeys(_chosen(fault.hostile_names, HOSTILE_FIELDS), name)


def _wrong_id(fault: Fault, rows: list[Row]) -> None:
    for row in rows if fault.wrong_id else ():
        row["id"] = identifier("wrong", row.get("id"))


def _dangling(fault: Fault, rows: list[Row]) -> None:
    for row in rows if fault.dangling_volume else ():
        row["volumeId"] = identifier("dangling", row.get("volumeId"))


def _missing(fault: Fault, rows: list[Row]) -> None:
    for row in rows:
        for name in _chosen(fault.missing_fields, FIELDS):
            row.pop(name, None)


def _wrong(fault: Fault, rows: list[Row]) -> None:
    for place, row in enumerate(rows):
        for offset, name in enumerate(_chosen(fault.wrong_typed, FIELDS)):
            row[name] = WRONG_VALUES[(place + offset) % len(WRONG_VALUES)]


def _set(fault: Fault, rows: list[Row]) -> None:
    for row in rows:
        row |= fault.set_fields


def _count_rows(fault: Fault, envelope: dict[str, object], rows: int) -> None:
    off = fault.record_count
    if off == "absent":
        del envelope["metadata"]
    elif isinstance(off, str):
        envelope["metadata"] = {"recordCount": RECORD_COUNTS[off]}
    else:
        envelope["metadata"] = {"recordCount": rows + (off or 0)}
