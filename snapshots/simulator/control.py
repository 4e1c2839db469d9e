"""The control endpoint: switch faults, read received requests, change the world. Loopback only; JSON both ways."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from threading import Lock
from typing import Final

from snapshots.simulator.api import Request
from snapshots.simulator.checks import FaultError
from snapshots.simulator.environment import UnknownThing, canonical
from snapshots.simulator.faults import Fault, FaultBook
from snapshots.simulator.wire import Reply, Row, encode, error, one
from snapshots.simulator.world import World

PREFIX: Final = "/_control/"
ADD_FIELDS: Final = ("name", "state", "interval_type", "volume_id", "id")
REMEMBERED: Final = 100_000


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request to the API; `target` exactly as it came, `at` by the world's clock, `status` of the reply."""

    method: str
    target: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    at: datetime
    status: int


class RequestLog:
    """The newest requests to the API, for all threads."""

    def __init__(self) -> None:
        self._received: deque[ReceivedRequest] = deque(maxlen=REMEMBERED)
        self._lock = Lock()

    def add(self, received: ReceivedRequest) -> None:
        with self._lock:
            self._received.append(received)

    def listed(self) -> list[ReceivedRequest]:
        """Return them, oldest first: a copy."""
        with self._lock:
            return list(self._received)

    def clear(self) -> None:
        with self._lock:
            self._received.clear()


class _BadBody(ValueError):
    """The body of a control request is invalid; the text is a sentence."""


def control(request: Request, *, world: World, faults: FaultBook, log: RequestLog) -> Reply:
    """Answer a request to the control endpoint."""
    routes: dict[str, dict[str, Callable[[], Reply]]] = {
        "faults": {
            "GET": lambda: _answer(faults.listed()),
            "POST": lambda: _add_faults(faults, _body(request)),
            "DELETE": lambda: _done(faults.clear),
        },
        "requests": {
            "GET": lambda: _answer([_request_row(each) for each in log.listed()]),
            "DELETE": lambda: _done(log.clear),
        },
        "snapshots": {"POST": lambda: _change_snapshot(world, _body(request))},
        "world": {"GET": lambda: _answer(_world_row(world))},
    }
    verbs = routes.get(request.path.removeprefix(PREFIX))
    if verbs is None:
        return error(404, f"The control endpoint has: {', '.join(routes)}.")
    if request.method not in verbs:
        refused = error(405, f"Here one may {', '.join(verbs)}.")
        return Reply(405, refused.body, refused.headers | {"Allow": ", ".join(verbs)})
    try:
        return verbs[request.method]()
    except (_BadBody, FaultError) as problem:
        return error(400, str(problem))


def _answer(value: object) -> Reply:
    return Reply(200, encode({"data": value}))


def _done(act: Callable[[], None]) -> Reply:
    act()
    return Reply(204)


def _body(request: Request) -> object:
    try:
        value: object = json.loads(request.body)
    except (ValueError, RecursionError):
        raise _BadBody("The body must be JSON.") from None
    return value


def _add_faults(faults: FaultBook, given: object) -> Reply:
    """Add one fault, or a list of them: all or none."""
    for fault in [Fault.from_json(each) for each in (given if isinstance(given, list) else [given])]:
        faults.add(fault)
    return _answer(faults.listed())


def _request_row(request: ReceivedRequest) -> Row:
    """Return a received request with its key masked, because someone may have sent a real one."""
    headers = {name: "***" if name.lower() == "mc-api-key" else text for name, text in request.headers.items()}
    return {
        "method": request.method,
        "target": request.target,
        "path": request.path,
        "query": request.query,
        "headers": headers,
        "at": request.at.isoformat(),
        "status": request.status,
    }


def _world_row(world: World) -> Row:
    environments = [
        {"environment": code, "snapshots": len(world.snapshots(code)), "volumes": len(world.volumes(code))}
        for code in world.environments
    ]
    return {"seed": world.seed, "speed": world.speed, "age": world.age, "environments": environments}


def _change_snapshot(world: World, given: object) -> Reply:
    """Add a snapshot, set its state or remove it: `action` is add, set_state or remove."""
    if not isinstance(given, dict):
        raise _BadBody("The body must be a JSON object.")
    actions = {"add": _add, "set_state": _set_state, "remove": _remove}
    action = actions.get(str(given.get("action")))
    if action is None:
        raise _BadBody(f"The field 'action' must be one of {', '.join(actions)}.")
    try:
        return action(world, _text(given, "environment"), given)
    except UnknownThing as problem:
        return error(404, str(problem))


def _add(world: World, environment: str, given: Row) -> Reply:
    unknown = sorted(set(given) - {"action", "environment", "overrides", *ADD_FIELDS})
    if unknown:
        raise _BadBody(f"A snapshot has no field {unknown[0]!r}. It has: {', '.join(ADD_FIELDS)}, overrides.")
    chosen: dict[str, str] = {name: _text(given, name) for name in ADD_FIELDS if name in given}
    overrides = given.get("overrides", {})
    if not isinstance(overrides, dict):
        raise _BadBody("The field 'overrides' must be an object.")
    for name in ("id", "volume_id"):
        if chosen.get(name) and not canonical(chosen[name]):
            raise _BadBody(f"The field {name!r} must be a UUID.")
    return one(_added(world, environment, chosen, overrides))


def _added(world: World, environment: str, chosen: dict[str, str], overrides: Row) -> Row:
    try:
        row = world.add_snapshot(
            environment,
            name=chosen.get("name"),
            state=chosen.get("state", "BackedUp"),
            interval_type=chosen.get("interval_type", "MANUAL"),
            volume_id=chosen.get("volume_id"),
            id=chosen.get("id"),
        )
    except ValueError as problem:
        raise _BadBody(str(problem)) from None
    return world.change_snapshot(environment, str(row["id"]), overrides)


def _set_state(world: World, environment: str, given: Row) -> Reply:
    return _done(lambda: world.set_state(environment, _text(given, "id"), _text(given, "state")))


def _remove(world: World, environment: str, given: Row) -> Reply:
    return _done(lambda: world.remove_snapshot(environment, _text(given, "id")))


def _text(given: Row, name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise _BadBody(f"The field {name!r} must be text.")
    return value
