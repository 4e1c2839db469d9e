"""Send an alert to a webhook: a signed JSON document, as `docs/alerts.md` describes it.

https only, to the address that was checked, with the certificate of the name. No proxy, no redirect; the time in total
and what is read of the answer are bounded.
"""

import hmac
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPSConnection
from threading import Timer

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.secrets import KeyUnreadable, Secret
from snapshots.alerts.addresses import Refused, Target, addresses_of, target_of
from snapshots.alerts.messages import NotSent, document_of
from snapshots.models import Delivery

SECONDS = 10.0
LOOKUP_SECONDS, CONNECT_SECONDS = 5.0, 3.0
MOST_ADDRESSES = 3
ANSWER_CAP_BYTES = 16 * 1024
SIGNATURE_VERSION = "v1"


def prepare(delivery: Delivery) -> Callable[[], None]:
    """Return what sends it, in a thread without the database. Raises `NotSent`; so does what is returned."""
    channel = delivery.channel
    try:
        secret = channel.secret()
    except KeyUnreadable:
        raise NotSent(_("The stored secret cannot be read. Delete the webhook and create it again.")) from None
    body = json.dumps(document_of(delivery), ensure_ascii=False, separators=(",", ":")).encode()
    message_id, url = str(delivery.message_id), channel.url
    return lambda: post(url, body, {**signed(secret, body), "Snapshots-Id": message_id})


def signed(secret: Secret, body: bytes) -> dict[str, str]:
    """Return the headers by which a receiver knows who sent it, and when."""
    stamp = str(int(timezone.now().timestamp()))
    digest = hmac.digest(secret.reveal().encode(), stamp.encode() + b"." + body, "sha256").hex()
    return {"Snapshots-Timestamp": stamp, "Snapshots-Signature": f"{SIGNATURE_VERSION}={digest}"}


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send it. Raises `NotSent` unless the answer's status says success."""
    connection: _Connection | None = None
    began = time.monotonic()
    try:
        target = target_of(url)
        addresses = addresses_of(target, LOOKUP_SECONDS)
        connection = _Connection(target, addresses)
        with _ended_after(SECONDS - (time.monotonic() - began), connection):
            status = _exchange(connection, target, body, headers)
    except Refused as refused:
        raise NotSent(str(refused)) from None
    except ssl.SSLCertVerificationError:
        raise NotSent(_("The certificate of the receiver is not valid.")) from None
    except (OSError, HTTPException, ValueError):
        is_late = time.monotonic() - began >= SECONDS - 0.1
        raise NotSent(_("The receiver did not answer in time.") if is_late else _("The connection failed.")) from None
    finally:
        if connection is not None:
            connection.close()
    if 300 <= status <= 399:
        raise NotSent(
            _("The receiver redirects elsewhere (status %(status)d). Enter the final address.") % {"status": status}
        )
    if not 200 <= status <= 299:
        raise NotSent(_("The receiver answered with status %(status)d.") % {"status": status})


def _exchange(connection: "_Connection", target: Target, body: bytes, headers: Mapping[str, str]) -> int:
    sent = {
        "Host": target.authority,
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"snapshot-dashboard/{settings.RELEASE}",
        "Connection": "close",
    }
    connection.request("POST", target.path, body, sent | dict(headers))
    # A response that is not read to its end keeps the socket open, even if the connection is closed.
    with connection.getresponse() as response:
        response.read(ANSWER_CAP_BYTES)
    if connection.is_ended:
        raise TimeoutError
    return response.status


class _Connection(HTTPSConnection):
    """To the first of these addresses that accepts it; TLS and the Host header have the name."""

    def __init__(self, target: Target, addresses: list[str]) -> None:
        super().__init__(target.host, target.port)
        self._target, self._addresses = target, addresses
        self.open_socket: socket.socket | None = None
        self.is_ended = False

    def connect(self) -> None:
        plain = self._connected()
        # The handshake is bounded too: so the socket is known before it.
        secured = ssl.create_default_context().wrap_socket(
            plain, server_hostname=self._target.host, do_handshake_on_connect=False
        )
        self.open_socket = self.sock = secured
        if self.is_ended:
            raise TimeoutError
        secured.settimeout(SECONDS)
        secured.do_handshake()

    def _connected(self) -> socket.socket:
        fault: OSError = OSError()
        for address in self._addresses[:MOST_ADDRESSES]:
            try:
                return socket.create_connection((address, self._target.port), CONNECT_SECONDS)
            except OSError as error:
                fault = error
            if self.is_ended:
                break
        raise fault

    def end(self) -> None:
        """End every wait of another thread for the socket."""
        self.is_ended = True
        if self.open_socket is not None:
            with suppress(OSError):
                # That of `ssl` forgets its state under the feet of the thread that reads.
                socket.socket.shutdown(self.open_socket, socket.SHUT_RDWR)


@contextmanager
def _ended_after(seconds: float, connection: _Connection) -> Iterator[None]:
    timer = Timer(max(0.0, seconds), connection.end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
