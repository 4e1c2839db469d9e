"""The door to the provider: one request at a time, bounded in time and size, to the very address that was given.

No proxy is used, no redirect followed, no compression understood. TLS is verified against the authorities of this
machine, or those of SSL_CERT_FILE. An error's text is never kept: the libraries print what they were sent.
"""

import json
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Thread
from urllib.parse import urlencode, urlsplit

from dashboard.teams.oidc.problems import Problem, SignInProblem

BUDGET_SECONDS = 8.0
BODY_CAP_BYTES = 256 * 1024
HEADERS: Mapping[str, str] = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "snapshot-dashboard",
}
FORM: Mapping[str, str] = {"Content-Type": "application/x-www-form-urlencoded"}

JSONObject = dict[str, object]


def unusable(reason: str) -> SignInProblem:
    return SignInProblem(Problem.UNAVAILABLE, reason)


@dataclass(slots=True)
class Budget:
    """The seconds that all calls of one sign-in may take together."""

    ends: float = field(default_factory=lambda: time.monotonic() + BUDGET_SECONDS)

    def left(self) -> float:
        """Give the seconds that are left. Raises `SignInProblem` when none are."""
        seconds = self.ends - time.monotonic()
        if seconds <= 0:
            raise unusable("no answer in time")
        return seconds


def get(url: str, budget: Budget, *, bearer: str = "") -> JSONObject:
    """Ask for a JSON object. Raises `SignInProblem` for whatever else comes."""
    authorization = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return _exchange(_Exchange("GET", url, {**HEADERS, **authorization}), budget)


def post(url: str, fields: Mapping[str, str], budget: Budget, *, headers: Mapping[str, str]) -> JSONObject:
    """Send a form for a JSON object. Raises `SignInProblem` for whatever else comes."""
    return _exchange(_Exchange("POST", url, {**HEADERS, **FORM, **headers}, urlencode(fields).encode()), budget)


class _Exchange:
    """One request in a thread of its own, as no timeout of a socket bounds a name's lookup or a dripping head."""

    def __init__(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> None:
        self.method, self.url, self.headers, self.body = method, url, headers, body
        self.socket: socket.socket | None = None
        self.is_given_up = False
        self.outcome: tuple[int, bytes] | str = "no answer in time"

    def run(self, seconds: float) -> None:
        """Leave status and body, or our own words for what went wrong, in `outcome`."""
        connection = _connection(self.url, seconds)
        try:
            self.outcome = self._ask(connection)
        except ssl.SSLError:
            self.outcome = "TLS could not be trusted"
        except (OSError, HTTPException, ValueError):
            self.outcome = "the connection failed"
        finally:
            connection.close()

    def _ask(self, connection: HTTPConnection) -> tuple[int, bytes]:
        connection.connect()
        self.socket = connection.sock  # the library forgets it as soon as it has read the head
        if self.is_given_up:
            raise TimeoutError
        parts = urlsplit(self.url)
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.request(self.method, target, self.body, dict(self.headers))
        response = connection.getresponse()
        return response.status, response.read(BODY_CAP_BYTES + 1)

    def stop(self) -> None:
        """Wake a thread that waits for the socket, so that it ends."""
        self.is_given_up = True
        if self.socket:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)


def _connection(url: str, seconds: float) -> HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return HTTPSConnection(parts.hostname or "", parts.port, timeout=seconds, context=context)
    return HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)


def _exchange(exchange: _Exchange, budget: Budget) -> JSONObject:
    seconds = budget.left()
    thread = Thread(target=exchange.run, args=[seconds], daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        exchange.stop()
        raise unusable("no answer in time")
    if isinstance(exchange.outcome, str):
        raise unusable(exchange.outcome)
    return _json(*exchange.outcome)


def _json(status: int, body: bytes) -> JSONObject:
    if status != 200:
        raise unusable(f"status {status}")
    if len(body) > BODY_CAP_BYTES:
        raise unusable("the answer is too large")
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        raise unusable("the answer is no JSON") from None
    if not isinstance(found, dict):
        raise unusable("the answer is no JSON object")
    return found
