"""HTTP requests to the sign-in provider: bounded in time and size, sent only to the given address.

No proxy and no .netrc is used, no redirect followed, no compressed answer understood. TLS is verified with the
authorities of this machine, or with those in SSL_CERT_FILE. Texts of the libraries' errors are dropped, because they
may quote what was sent.
"""

import json
import socket
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partialmethod
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Thread
from urllib.parse import urlencode, urlsplit

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.client import OAuth2Client

from dashboard.teams.oidc.problems import Problem, SignInProblem

BUDGET_SECONDS = 8.0
BODY_CAP_BYTES = 256 * 1024
HEADERS: Mapping[str, str] = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "snapshot-dashboard",
}

JSONObject = dict[str, object]


def unusable(reason: str) -> SignInProblem:
    return SignInProblem(Problem.UNAVAILABLE, reason)


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object with status 200, in the form in which Authlib reads a response."""

    content: JSONObject
    status_code: int = 200

    def json(self) -> JSONObject:
        return self.content


class Session(OAuth2Client):  # type: ignore[misc]
    """Authlib's OAuth client for one sign-in; all its requests together take at most `BUDGET_SECONDS`.

    Authlib's own session, on top of requests, bounds neither the total time nor the size of an answer.
    """

    def __init__(self, **options: object) -> None:
        super().__init__(self, **options)
        self.ends = time.monotonic() + BUDGET_SECONDS

    def request(
        self,
        method: str,
        url: str,
        *,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: ClientAuth | None = None,
        withhold_token: bool = False,
    ) -> Answer:
        """Get a JSON object. Raises `SignInProblem` for anything else."""
        request = (url, {**(headers or {}), **HEADERS}, urlencode(data or {}))
        if auth:
            request = auth.prepare(method, *request)
        elif not withhold_token:
            request = self.token_auth.prepare(*request)
        try:
            status, body = _Exchange(method, *request).within(self.ends - time.monotonic())
            found: object = json.loads(body) if status == 200 and len(body) <= BODY_CAP_BYTES else None
        except (OSError, HTTPException, ValueError, RecursionError) as fault:
            raise unusable(f"no usable answer ({type(fault).__name__})") from None
        if not isinstance(found, dict):
            raise unusable(f"the answer is too large or not a JSON object (status {status})")
        return Answer(found)

    get, post = partialmethod(request, "GET"), partialmethod(request, "POST")


class _Exchange:
    """One request in its own thread: a socket's timeout bounds neither a name lookup nor a slowly dripping head."""

    def __init__(self, method: str, url: str, headers: Mapping[str, str], body: str) -> None:
        self.method, self.url, self.headers, self.body = method, urlsplit(url), headers, body.encode()
        self.outcome: Future[tuple[int, bytes]] = Future()
        self.socket: socket.socket | None = None
        self.is_stopped = False

    def within(self, seconds: float) -> tuple[int, bytes]:
        """Give status and body. Raises `OSError`, of which `TimeoutError` is one, `HTTPException` or `ValueError`."""
        if seconds <= 0:
            raise TimeoutError
        kind = HTTPSConnection if self.url.scheme == "https" else HTTPConnection
        connection = kind(self.url.hostname or "", self.url.port, timeout=seconds)
        Thread(target=self._run, args=[connection], name="oidc-request", daemon=True).start()
        try:
            return self.outcome.result(seconds)
        finally:  # end the thread too, if it still waits for its socket
            self.is_stopped = True
            if self.socket:
                with suppress(OSError):
                    self.socket.shutdown(socket.SHUT_RDWR)

    def _run(self, connection: HTTPConnection) -> None:
        try:
            self.outcome.set_result(self._exchange(connection))
        except (OSError, HTTPException, ValueError) as fault:
            self.outcome.set_exception(fault)
        finally:
            connection.close()

    def _exchange(self, connection: HTTPConnection) -> tuple[int, bytes]:
        connection.connect()
        self.socket = connection.sock  # the connection drops it as soon as it has read the head
        if self.is_stopped:
            raise TimeoutError
        target = f"{self.url.path or '/'}{'?' if self.url.query else ''}{self.url.query}"
        connection.request(self.method, target, self.body or None, dict(self.headers))
        # A response that is not read to its end keeps the socket open, even if the connection is closed.
        with connection.getresponse() as response:
            return response.status, response.read(BODY_CAP_BYTES + 1)
