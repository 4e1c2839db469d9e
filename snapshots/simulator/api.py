"""The API: from a request to a reply, without sockets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.message import Message
from typing import Final
from urllib.parse import parse_qs, unquote

from snapshots.simulator.environment import HIDDEN, UnknownThing, canonical
from snapshots.simulator.names import identifier
from snapshots.simulator.wire import Reply, Row, encode, error, list_body, one, plain_list
from snapshots.simulator.world import World

PREFIXES: Final = ("/v1", "/api/v1", "/api/v2")
CONNECTION_NAMES: Final = {"compute-on": "Compute - Ontario", "compute-qc": "Compute - Québec"}
VOLUME_FILTERS: Final = {"type": "type", "instance_id": "instanceId"}
ORGANIZATION: Final = {"id": identifier("organization"), "name": "Example organization", "entryPoint": "example"}
OFFERING: Final = {"diskOfferingId": identifier("offering"), "diskOfferingName": "Performance, any size"}

Keys = Mapping[str, frozenset[str] | None]
"""The accepted keys, each with the environments that it can see; None for all."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as received; `target` is its exact target, `path` the part before the question mark."""

    method: str
    target: str
    headers: Message
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    @property
    def key(self) -> str:
        return str(self.headers.get("MC-Api-Key", ""))


def answer(world: World, keys: Keys, request: Request, *, prefixes: tuple[str, ...], bad_key: int) -> Reply:
    """Return the provider's reply; `bad_key` is the status of a missing or unknown key."""
    if request.key not in keys:
        return error(bad_key, "The API key is missing or not valid.")
    segments = _segments(request.path, prefixes)
    reply = _Caller(world, keys[request.key], request.query).get(segments)
    if request.method == "GET" or reply.status == 404:
        return reply
    refused = error(405, f"{request.method} is not allowed here.")
    return Reply(405, refused.body, refused.headers | {"Allow": "GET"})


def _segments(path: str, prefixes: tuple[str, ...]) -> list[str]:
    """Return the path below the API's prefix; empty for a path outside of it. A double slash counts as one."""
    parts = [unquote(part) for part in path.split("/") if part]
    for prefix in prefixes:
        start = [part for part in prefix.split("/") if part]
        if parts[: len(start)] == start:
            return parts[len(start) :]
    return []


class _Caller:
    """The part of the world that one key can see; `sees` None is everything."""

    def __init__(self, world: World, sees: frozenset[str] | None, query: dict[str, list[str]]) -> None:
        self._world = world
        self._codes = [code for code in world.environments if sees is None or code in sees]
        self._query = query

    def get(self, segments: list[str]) -> Reply:
        """Return the reply to a GET of this path; /services/connections comes before any service code."""
        match segments:
            case ["environments"]:
                return plain_list([self._environment_row(code) for code in self._codes])
            case ["environments", id]:
                return _find("environment", id, [self._environment_row(code) for code in self._codes])
            case ["services", "connections"]:
                return plain_list(self._connection_rows())
            case ["services", "connections", id]:
                return _find("service connection", id, self._connection_rows())
            case ["services", service_code, name, ("snapshots" | "volumes") as kind, *rest] if len(rest) < 2:
                return self._entities(service_code, name, kind, rest)
        return error(404, "There is nothing at this address.")

    def _entities(self, service_code: str, name: str, kind: str, rest: list[str]) -> Reply:
        code = f"{service_code}/{name}"
        if code not in self._world.environments:
            known = {each.partition("/")[0] for each in self._world.environments}
            what = f"environment {name}" if service_code in known else f"service {service_code}"
            return error(404, f"There is no {what}.", type="environments")
        if code not in self._codes:
            return error(403, f"You may not see the environment {name}.", type="environments")
        if rest:
            return self._snapshot(code, rest[0]) if kind == "snapshots" else self._volume(code, rest[0])
        return self._snapshots(code) if kind == "snapshots" else self._volumes(code)

    def _snapshots(self, code: str) -> Reply:
        given = self._query.get("volume_id", [""])[0]
        if given and not canonical(given):
            return error(400, "volume_id must be a UUID.", volume_id=given)
        with self._world.environment(code) as environment:
            return Reply(200, environment.snapshots_body(canonical(given)))

    def _snapshot(self, code: str, id: str) -> Reply:
        with self._world.environment(code) as environment:
            try:
                snapshot = environment.snapshot(canonical(id))
            except UnknownThing:
                return _unknown("snapshot", id)
            return one(snapshot.row) if snapshot.state != HIDDEN else _unknown("snapshot", id)

    def _volumes(self, code: str) -> Reply:
        rows = self._world.volumes(code)
        for parameter, name in VOLUME_FILTERS.items():
            wanted = self._query.get(parameter, [""])[0].lower()
            rows = [row for row in rows if not wanted or str(row.get(name, "")).lower() == wanted]
        return Reply(200, list_body([encode(row) for row in rows]))

    def _volume(self, code: str, id: str) -> Reply:
        return _find("volume", id, [row | OFFERING for row in self._world.volumes(code)])

    def _environment_row(self, code: str) -> Row:
        connection, name = self._connection_row(code.partition("/")[0]), code.partition("/")[2]
        return {
            "id": identifier(code, "environment"),
            "name": name,
            "description": f"{name} of {connection['name']}",
            "membership": "MANY_USERS",
            "creationDate": "2016-08-15T12:00:00.000Z",
            "organization": ORGANIZATION,
            "serviceConnection": {key: connection[key] for key in ("id", "name", "serviceCode", "type")},
            "roles": [],
        }

    def _connection_rows(self) -> list[Row]:
        service_codes = dict.fromkeys(code.partition("/")[0] for code in self._codes)
        return [self._connection_row(service_code) for service_code in service_codes]

    def _connection_row(self, service_code: str) -> Row:
        checked = self._world.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")
        return {
            "id": identifier(service_code, "connection"),
            "serviceCode": service_code,
            "name": CONNECTION_NAMES.get(service_code, f"Compute - {service_code}"),
            "type": "CloudCA",
            "status": {"lastUpdated": checked, "reachable": True},
        }


def _find(what: str, id: str, rows: list[Row]) -> Reply:
    for row in rows:
        if row["id"] == canonical(id):
            return one(row)
    return _unknown(what, id)


def _unknown(what: str, id: str) -> Reply:
    return error(404, f"There is no {what} with this id.", id=id, type=f"{what}s")
