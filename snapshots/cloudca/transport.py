"""The only module that sends requests to the provider.

It guarantees: GET only; the key in one header, set in one place, never forwarded; nothing from the environment (proxy,
netrc, certificates); TLS verified end to end, also through a proxy; no redirects; no compression; every wait and every
body limited. The libraries below print header values in some of their errors and keep requests in their frames. So
functions here that can reach the key return faults as values and raise none.
"""

import io
import re
import ssl
import tomllib
from datetime import datetime
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from socket import socket
from typing import Protocol

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.exceptions import SSLError as StreamSSLError

from snapshots.cloudca import errors
from snapshots.cloudca.addresses import is_proxy
from snapshots.cloudca.errors import CloudError
from snapshots.cloudca.http import SHORTEST_WAIT_SECONDS, BoundedStream, Deadline, bound, connect
from snapshots.cloudca.replies import Reply, http_date

VERSION = str(tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["version"])
KEY_HEADER = "MC-Api-Key"
HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"snapshot-dashboard/{VERSION}",
}

BODY_CAP_BYTES = 64 * 2**20
ERROR_BODY_CAP_BYTES = 2**20
CHUNK_BYTES = 2**18
# Allowance beyond twice the body, for headers, chunk sizes and trailers. The libraries read trailers without a limit.
MARGIN_BYTES = 2**20

MASK = "••••"
_KEY = re.compile(r"[\x21-\x7e]{1,256}")
_REFUSED_TUNNEL = re.compile(r"Tunnel connection failed: (4\d\d)")


class Revealable(Protocol):
    """A masked value, such as an API key; only `reveal()` returns it."""

    def reveal(self) -> str: ...


class Transport:
    """Sends requests with one key, from one thread.

    Attributes:
        calls: the number of requests sent.
        last_date: the Date header of the newest reply, None if it had none.
    """

    def __init__(
        self, key: Revealable, deadline: Deadline, body_cap: int, proxy: Revealable | None, ca_bundle: str
    ) -> None:
        self._key = _KeyHeader(key)
        self._deadline = deadline
        self._body_cap = body_cap
        self._proxy = proxy
        self._verify = ca_bundle or True
        self._adapter = _BoundedAdapter(deadline, 2 * body_cap + MARGIN_BYTES)
        self.calls = 0
        self.last_date: datetime | None = None

    def close(self) -> None:
        self._adapter.close()

    @property
    def has_valid_key(self) -> bool:
        """Return whether a header can contain the key; if not, the libraries would print it."""
        return bool(_KEY.fullmatch(self._key.plain()))

    @property
    def has_valid_proxy(self) -> bool:
        return all(map(is_proxy, self._proxies().values()))

    def conceal(self, text: str) -> str:
        """Mask the key in a message of the provider, which may repeat it."""
        return text.replace(self._key.plain(), MASK)

    def get(self, url: str) -> Reply | CloudError:
        """Send one request. This frame can reach the key, so it raises nothing."""
        try:
            request = requests.Request("GET", url, headers=HEADERS, auth=self._key).prepare()
            if request.url != url:
                return errors.InvalidInput()
            self.calls += 1
            response = self._adapter.send(
                request, stream=True, timeout=self._patience(), verify=self._verify, proxies=self._proxies()
            )
        except CloudError as fault:
            return type(fault)(fault.sentence)  # a new one, that leads to no frame with the key
        except (OSError, HTTPError) as fault:
            return _fault_of(fault)
        try:
            return self._reply_of(response)
        finally:
            response.close()

    def _patience(self) -> float:
        return max(self._deadline.remaining(), SHORTEST_WAIT_SECONDS)

    def _proxies(self) -> dict[str, str]:
        """Return the proxy for https URLs only: http is for this machine, and a proxy could read the key."""
        return {"https": self._proxy.reveal()} if self._proxy else {}

    def _reply_of(self, response: requests.Response) -> Reply | CloudError:
        self.last_date = http_date(response.headers.get("Date", ""))
        succeeded = response.status_code == 200
        body = _read_body(response, self._body_cap if succeeded else ERROR_BODY_CAP_BYTES)
        if isinstance(body, CloudError):
            if succeeded:
                return body
            body = b""  # the status is enough without the provider's message
        return Reply(response.status_code, response.headers, body)


class _KeyHeader(AuthBase):
    """Puts the key on a request: the only place that reveals it."""

    def __init__(self, key: Revealable) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[KEY_HEADER] = self.plain()
        return request

    def plain(self) -> str:
        return self._key.reveal()


class _BoundedResponse(HTTPResponse):
    def __init__(self, deadline: Deadline, most: int, connection: socket, *, method: str | None = None) -> None:
        super().__init__(connection, method=method)
        self.fp = io.BufferedReader(BoundedStream(connection, self.fp.detach(), deadline, most))


class _BoundedAdapter(HTTPAdapter):
    """Sends without a session, which would add cookies, redirects and the environment."""

    def __init__(self, deadline: Deadline, most_bytes: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._pools = {
            "http": _bounded_pool(HTTPConnectionPool, _Connection, deadline, most_bytes),
            "https": _bounded_pool(HTTPSConnectionPool, _TLSConnection, deadline, most_bytes),
        }
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: object) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _bounded_pool(
    pool: type[HTTPConnectionPool], connection: type[HTTPConnection], deadline: Deadline, most_bytes: int
) -> type[HTTPConnectionPool]:
    bounds = {"deadline": deadline, "response_class": partial(_BoundedResponse, deadline, most_bytes)}
    return type("BoundedPool", (pool,), {"ConnectionCls": type("BoundedConnection", (connection,), bounds)})


# These raise our own exceptions: the libraries pass exceptions that they do not know on to `get`.


class _Connection(HTTPConnection):
    deadline: Deadline

    def _new_conn(self) -> socket:
        return connect(self._dns_host, self.port, self.deadline)


class _TLSConnection(HTTPSConnection):
    deadline: Deadline

    def _new_conn(self) -> socket:
        try:
            return connect(self._dns_host, self.port, self.deadline)
        except CloudError as fault:
            raise (_fault_of_proxy(fault) if self.proxy else fault) from None

    def _connect_tls_proxy(self, hostname: str, sock: socket) -> ssl.SSLSocket:
        try:
            connection = super()._connect_tls_proxy(hostname, sock)
        except (OSError, HTTPError) as fault:
            raise _fault_of_proxy(fault) from None
        bound(connection, self.deadline)
        return connection

    def _tunnel(self) -> None:
        try:
            super()._tunnel()
        except (OSError, HTTPException) as fault:
            raise _fault_of_proxy(fault) from None


def _read_body(response: requests.Response, cap: int) -> bytes | CloudError:
    """Read a body to its end or to the cap."""
    if 300 <= response.status_code <= 399:
        return b""
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return errors.Unreadable(status=response.status_code)
    body = io.BytesIO()
    try:
        while chunk := response.raw.read(CHUNK_BYTES, decode_content=False):
            body.write(chunk)
            if body.tell() > cap:
                return errors.TooLarge(status=response.status_code)
    except errors.TooLarge:
        return errors.TooLarge(status=response.status_code)
    except HTTPError as fault:
        return _fault_of(fault)
    except ValueError:  # a chunk of negative size
        return errors.Interrupted()
    return body.getvalue()


def _fault_of(fault: OSError | HTTPError) -> CloudError:
    """Translate a library's error. Its text is discarded, because it may contain the key."""
    if isinstance(fault, requests.exceptions.SSLError | StreamSSLError):
        return errors.Untrusted()
    if isinstance(fault, requests.Timeout | ReadTimeoutError):
        return errors.TimedOut()
    if not isinstance(fault, requests.RequestException | HTTPError):
        return errors.Untrusted(errors.BUNDLE_NOT_READ)
    return errors.Interrupted()


def _fault_of_proxy(fault: Exception) -> CloudError:
    """Return the fault for a failure between us and the proxy."""
    if isinstance(fault, errors.TimedOut | TimeoutError):
        return errors.ProxyFailed(errors.PROXY_NOT_IN_TIME)
    if isinstance(fault, errors.Unreachable):
        return errors.ProxyFailed(errors.UNKNOWN_PROXY if fault.sentence == errors.UNKNOWN_HOST else "")
    if isinstance(fault, ssl.SSLError | StreamSSLError):
        return errors.ProxyRefused(errors.PROXY_NOT_TRUSTED)
    if refused := _REFUSED_TUNNEL.match(str(fault)):
        return errors.ProxyRefused(errors.PROXY_ASKS_WHO if refused[1] == "407" else "")
    return errors.ProxyFailed(errors.PROXY_HAS_NO_WAY)
