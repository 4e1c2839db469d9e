"""The one door to the network.

What the transport guarantees: GET only; the key in one header, set in one place, never sent on; nothing taken from the
environment (proxy, netrc, certificates); TLS verified; no redirect followed; no compression; every wait and every body
bounded. The libraries below print header values in some of their errors and keep requests in their frames. So the
frames here that can reach the key return faults as values, and only a frame that cannot reach it raises.
"""

import io
import re
from datetime import datetime
from functools import partial
from http.client import HTTPResponse
from random import SystemRandom
from socket import socket
from time import sleep
from typing import TYPE_CHECKING, Protocol, Self

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, MaxRetryError, NameResolutionError, ReadTimeoutError
from urllib3.exceptions import SSLError as StreamSSLError

from snapshots.cloud import rows
from snapshots.cloud.addresses import checked_base_url, checked_id, environment_path
from snapshots.cloud.deadline import Deadline
from snapshots.cloud.errors import (
    UNKNOWN_ADDRESS,
    UNKNOWN_ENVIRONMENT,
    UNKNOWN_HOST,
    UNKNOWN_SNAPSHOT,
    CloudError,
    Interrupted,
    InvalidInput,
    InvalidKey,
    TimedOut,
    TooLarge,
    Unreachable,
    Unreadable,
    Untrusted,
)
from snapshots.cloud.records import ConnectionRecord, EnvironmentRecord, Listing, SnapshotRecord, VolumeRecord
from snapshots.cloud.replies import Reply, http_date, open_reply
from snapshots.cloud.rows import Envelope

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

VERSION = "0.1.0"
KEY_HEADER = "MC-Api-Key"
HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"snapshot-dashboard/{VERSION}",
}

BUDGET_SECONDS = 30.0
CONNECT_SECONDS = 3.0
SILENCE_SECONDS = 15.0  # between two reads; half a budget, so that a second attempt fits in
SHORTEST_WAIT_SECONDS = 0.001  # a socket takes 0 for "do not block"
BACKOFF_SECONDS = 0.5

BODY_CAP_BYTES = 64 * 2**20
ERROR_BODY_CAP_BYTES = 2**20
CHUNK_BYTES = 2**18

MASK = "••••"
_KEY = re.compile(r"[\x21-\x7e]{1,256}")
_random = SystemRandom()


class Revealable(Protocol):
    """A masked value, such as an API key, that shows itself only to `reveal()`."""

    def reveal(self) -> str: ...


class CloudClient:
    """The provider's API for one key, for one thread, within one budget of time.

    Every method raises a CloudError (see `snapshots.cloud.errors`), nothing else.

    Args:
        base_url: e.g. `https://api.cloud.ca/v1`; http only on a loopback address.
        deadline: one budget for all calls and attempts, default 30 s from now.
        retries: extra attempts per call after a retryable fault that names no Retry-After, with full jitter.
        body_cap: the largest body that is read, in bytes.

    Attributes:
        calls: the number of requests sent, every attempt counted.
        last_date: the Date header of the newest reply, None if it had none.
    """

    def __init__(
        self,
        base_url: str,
        api_key: Revealable,
        *,
        deadline: Deadline | None = None,
        retries: int = 0,
        body_cap: int = BODY_CAP_BYTES,
    ) -> None:
        self._base_url = checked_base_url(base_url)
        self._key = _KeyHeader(api_key)
        self._deadline = deadline or Deadline.after(BUDGET_SECONDS)
        self._retries = retries
        self._body_cap = body_cap
        self._adapter = _BoundedAdapter(self._deadline)
        self.calls = 0
        self.last_date: datetime | None = None

    def __repr__(self) -> str:
        return f"CloudClient({self._base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._adapter.close()

    def list_snapshots(
        self, service_code: str, environment_name: str, volume_id: str | None = None
    ) -> Listing[SnapshotRecord]:
        """List the snapshots of an environment, or of one of its volumes."""
        path = f"{environment_path(service_code, environment_name)}/snapshots"
        if volume_id is None:
            return rows.read_snapshots(self._get(path, UNKNOWN_ENVIRONMENT))
        volume_id = checked_id(volume_id)
        return rows.read_snapshots(self._get(f"{path}?volume_id={volume_id}", UNKNOWN_ENVIRONMENT), volume_id)

    def get_snapshot(self, service_code: str, environment_name: str, id: str) -> SnapshotRecord:
        """Retrieve one snapshot."""
        snapshot_id = checked_id(id)
        path = f"{environment_path(service_code, environment_name)}/snapshots/{snapshot_id}"
        return rows.read_snapshot(self._get(path, UNKNOWN_SNAPSHOT), snapshot_id)

    def list_volumes(self, service_code: str, environment_name: str) -> Listing[VolumeRecord]:
        """List the volumes of an environment."""
        path = f"{environment_path(service_code, environment_name)}/volumes"
        return rows.read_volumes(self._get(path, UNKNOWN_ENVIRONMENT))

    def list_environments(self) -> Listing[EnvironmentRecord]:
        """List the environments that the key may see."""
        return rows.read_environments(self._get("/environments", UNKNOWN_ADDRESS))

    def list_connections(self) -> Listing[ConnectionRecord]:
        """List the service connections that the key may see."""
        return rows.read_connections(self._get("/services/connections", UNKNOWN_ADDRESS))

    def _get(self, path: str, unknown: str) -> Envelope:
        if not self._key.is_valid():
            raise InvalidKey()
        attempt = 0
        while isinstance(outcome := self._attempt(path, unknown), CloudError):
            if not self._pause(outcome, attempt):
                raise outcome
            attempt += 1
        return outcome

    def _pause(self, fault: CloudError, attempt: int) -> bool:
        """Wait before the next attempt. False if there must be none."""
        if attempt >= self._retries or not fault.retryable or fault.retry_after is not None:
            return False
        seconds = _random.uniform(0, BACKOFF_SECONDS * 2**attempt)
        if seconds >= self._deadline.remaining():
            return False
        sleep(seconds)
        return True

    def _attempt(self, path: str, unknown: str) -> Envelope | CloudError:
        if self._deadline.expired:
            return TimedOut()
        reply = self._exchange(self._base_url + path)
        if isinstance(reply, CloudError):
            return reply
        return open_reply(reply, unknown=unknown, conceal=self._key.conceal)

    def _exchange(self, url: str) -> Reply | CloudError:
        """Send one request. This frame can reach the key, so it raises nothing."""
        try:
            request = requests.Request("GET", url, headers=HEADERS, auth=self._key).prepare()
            if request.url != url:
                return InvalidInput()
            self.calls += 1
            response = self._adapter.send(request, stream=True, timeout=self._timeouts(), verify=True)
        except (requests.RequestException, HTTPError) as fault:
            return _fault_of(fault)
        try:
            return self._reply_of(response)
        finally:
            response.close()

    def _timeouts(self) -> tuple[float, float]:
        remaining = max(self._deadline.remaining(), SHORTEST_WAIT_SECONDS)
        return min(CONNECT_SECONDS, remaining), min(SILENCE_SECONDS, remaining)

    def _reply_of(self, response: requests.Response) -> Reply | CloudError:
        self.last_date = http_date(response.headers.get("Date", ""))
        succeeded = response.status_code == 200
        body = _read_body(response, self._body_cap if succeeded else ERROR_BODY_CAP_BYTES)
        if isinstance(body, CloudError):
            if succeeded:
                return body
            body = b""  # what the status says stands without the provider's words
        return Reply(response.status_code, response.headers, body)


class _KeyHeader(AuthBase):
    """Puts the key on a request: the only place that reveals it."""

    def __init__(self, key: Revealable) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[KEY_HEADER] = self._plain()
        return request

    def is_valid(self) -> bool:
        """Whether a header can carry the key; the libraries would print one that it cannot."""
        return bool(_KEY.fullmatch(self._plain()))

    def conceal(self, text: str) -> str:
        """Mask the key in words of the provider, which may repeat it."""
        return text.replace(self._plain(), MASK)

    def _plain(self) -> str:
        return self._key.reveal()


class _BoundedStream(io.RawIOBase):
    """A socket's bytes, each wait for which ends at the deadline: headers that drip end there as a body does."""

    def __init__(self, connection: socket, stream: io.RawIOBase, deadline: Deadline) -> None:
        self._connection = connection
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        remaining = self._deadline.remaining()
        if not remaining:
            raise TimeoutError("the time is used up")
        self._connection.settimeout(min(SILENCE_SECONDS, remaining))
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _BoundedResponse(HTTPResponse):
    def __init__(self, deadline: Deadline, connection: socket, *, method: str | None = None) -> None:
        super().__init__(connection, method=method)
        self.fp = io.BufferedReader(_BoundedStream(connection, self.fp.detach(), deadline))


class _BoundedAdapter(HTTPAdapter):
    """Sends without a session, whose work is what we do not want: cookies, redirects, the environment."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _bounded_pool(HTTPConnectionPool, deadline),
            "https": _bounded_pool(HTTPSConnectionPool, deadline),
        }


def _bounded_pool(pool: type[HTTPConnectionPool], deadline: Deadline) -> type[HTTPConnectionPool]:
    response_class = partial(_BoundedResponse, deadline)
    connection = type("BoundedConnection", (pool.ConnectionCls,), {"response_class": response_class})
    return type("BoundedPool", (pool,), {"ConnectionCls": connection})


def _read_body(response: requests.Response, cap: int) -> bytes | CloudError:
    """Read a body to its end or to the cap."""
    if 300 <= response.status_code <= 399:
        return b""
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return Unreadable(status=response.status_code)
    body = io.BytesIO()
    try:
        while chunk := response.raw.read(CHUNK_BYTES, decode_content=False):
            body.write(chunk)
            if body.tell() > cap:
                return TooLarge(status=response.status_code)
    except HTTPError as fault:
        return _fault_of(fault)
    return body.getvalue()


def _fault_of(fault: requests.RequestException | HTTPError) -> CloudError:
    """Translate a library's error; its text is never kept, as it may hold the key."""
    if isinstance(fault, requests.exceptions.SSLError | StreamSSLError):
        return Untrusted()
    if isinstance(fault, requests.Timeout | ReadTimeoutError):
        return TimedOut()
    reason = fault.args[0] if fault.args else None
    if isinstance(reason, MaxRetryError):
        return Unreachable(UNKNOWN_HOST if isinstance(reason.reason, NameResolutionError) else "")
    return Interrupted()
