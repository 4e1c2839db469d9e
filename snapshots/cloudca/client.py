"""The provider's API: the URL of each call, its retries, and how its reply is decoded."""

from datetime import datetime
from random import SystemRandom
from time import sleep
from typing import Self

from snapshots.cloudca import decode
from snapshots.cloudca.addresses import PROXY_NOT_VALID, checked_base_url, checked_id, environment_path
from snapshots.cloudca.decode import Envelope
from snapshots.cloudca.errors import (
    UNKNOWN_ADDRESS,
    UNKNOWN_ENVIRONMENT,
    UNKNOWN_SNAPSHOT,
    UNKNOWN_VOLUME,
    CloudError,
    InvalidInput,
    InvalidKey,
    TimedOut,
)
from snapshots.cloudca.http import Deadline
from snapshots.cloudca.records import ConnectionRecord, EnvironmentRecord, Listing, SnapshotRecord, VolumeRecord
from snapshots.cloudca.replies import open_reply
from snapshots.cloudca.transport import BODY_CAP_BYTES, Revealable, Transport

BUDGET_SECONDS = 30.0
BACKOFF_SECONDS = 0.5
_random = SystemRandom()


class CloudClient:
    """The provider's API for one key, for one thread, within one time budget.

    Every method raises a CloudError (see `snapshots.cloudca.errors`), nothing else.

    Args:
        base_url: e.g. `https://api.cloud.ca/v1`; http only on a loopback address.
        deadline: one budget for all calls and attempts, default 30 s from now.
        retries: extra attempts per call after a retryable fault that names no Retry-After, with full jitter.
        body_cap: the largest body that is read, in bytes.
        proxy: `http(s)://[user:password@]host[:port]`, which tunnels the connection; not used if the provider is http.
        ca_bundle: a PEM file of authorities to trust instead of the public ones; "" for the public ones.

    Attributes:
        calls: the number of requests sent, including every retry.
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
        proxy: Revealable | None = None,
        ca_bundle: str = "",
    ) -> None:
        self._base_url = checked_base_url(base_url)
        self._deadline = deadline or Deadline.after(BUDGET_SECONDS)
        self._retries = retries
        self._transport = Transport(api_key, self._deadline, body_cap, proxy, ca_bundle)
        if not self._transport.has_valid_proxy:
            raise InvalidInput(PROXY_NOT_VALID)

    def __repr__(self) -> str:
        return f"CloudClient({self._base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def calls(self) -> int:
        return self._transport.calls

    @property
    def last_date(self) -> datetime | None:
        return self._transport.last_date

    def list_snapshots(
        self, service_code: str, environment_name: str, volume_id: str | None = None, *, known: str = ""
    ) -> Listing[SnapshotRecord]:
        """List the snapshots of an environment, or of one of its volumes.

        `known`: the hash of a body, of a list without duplicates, whose rows need not be read again.
        """
        path = f"{environment_path(service_code, environment_name)}/snapshots"
        if volume_id is None:
            envelope = self._get(path, UNKNOWN_ENVIRONMENT)
            return decode.known_snapshots(envelope) if envelope.body_hash == known else decode.read_snapshots(envelope)
        volume_id = checked_id(volume_id)
        return decode.read_snapshots(self._get(f"{path}?volume_id={volume_id}", UNKNOWN_ENVIRONMENT), volume_id)

    def get_snapshot(self, service_code: str, environment_name: str, id: str) -> SnapshotRecord:
        """Retrieve one snapshot."""
        snapshot_id = checked_id(id)
        path = f"{environment_path(service_code, environment_name)}/snapshots/{snapshot_id}"
        return decode.read_snapshot(self._get(path, UNKNOWN_SNAPSHOT), snapshot_id)

    def list_volumes(self, service_code: str, environment_name: str) -> Listing[VolumeRecord]:
        """List the volumes of an environment."""
        path = f"{environment_path(service_code, environment_name)}/volumes"
        return decode.read_volumes(self._get(path, UNKNOWN_ENVIRONMENT))

    def get_volume(self, service_code: str, environment_name: str, id: str) -> VolumeRecord:
        """Retrieve one volume. Raises NotFound if the provider has none with this id."""
        volume_id = checked_id(id)
        path = f"{environment_path(service_code, environment_name)}/volumes/{volume_id}"
        return decode.read_volume(self._get(path, UNKNOWN_VOLUME), volume_id)

    def list_environments(self) -> Listing[EnvironmentRecord]:
        """List the environments that the key may see."""
        return decode.read_environments(self._get("/environments", UNKNOWN_ADDRESS))

    def list_connections(self) -> Listing[ConnectionRecord]:
        """List the service connections that the key may see."""
        return decode.read_connections(self._get("/services/connections", UNKNOWN_ADDRESS))

    def _get(self, path: str, unknown: str) -> Envelope:
        if not self._transport.has_valid_key:
            raise InvalidKey()
        attempt = 0
        while isinstance(outcome := self._attempt(path, unknown), CloudError):
            if not self._pause(outcome, attempt):
                raise outcome
            attempt += 1
        return outcome

    def _pause(self, fault: CloudError, attempt: int) -> bool:
        """Wait before the next attempt. Return False if there must be none."""
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
        reply = self._transport.get(self._base_url + path)
        if isinstance(reply, CloudError):
            return reply
        return open_reply(reply, unknown=unknown, conceal=self._transport.conceal)
