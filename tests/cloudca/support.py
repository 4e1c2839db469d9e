"""What the tests of the client share: a key that is easy to search for, bodies, and one call that must fail."""

import json
from typing import Any

import pytest
import responses

from snapshots.cloudca.client import CloudClient
from snapshots.cloudca.errors import CloudError
from snapshots.cloudca.http import Deadline
from snapshots.cloudca.records import Listing, SnapshotRecord
from tests.cloudca.wire import http

BASE = "https://api.cloud.ca/v1"
PLACE = ("compute-on", "test_area")
LIST_URL = f"{BASE}/services/compute-on/test_area/snapshots"
ID = "33a27b8d-5a27-42a5-aec4-37606e372bda"
VOLUME_ID = "c779ca42-6966-41af-a7dc-23db4e41d4ee"
OTHER_ID = "1bd672f4-b274-4371-a792-b0a6c6778cc7"
ROW = {
    "id": ID,
    "name": "i-douglas-ADM_foo_20161116211009",
    "state": "BackedUp",
    "intervalType": "MANUAL",
    "volumeId": VOLUME_ID,
    "volume": "ROOT-35545",
    "volumeType": "ROOT-35545",
}


def canary() -> str:
    """The key, built again each time, so that only frames that received it keep it."""
    return "".join(["CANARY", "-3f9c", "-key"])


class Key:
    """Reveals the canary, or the value it was given."""

    def __init__(self, value: str | None = None) -> None:
        self._reveal = canary if value is None else lambda: value

    def reveal(self) -> str:
        return self._reveal()


def envelope(*rows: object, **metadata: object) -> bytes:
    return json.dumps({"data": rows, "metadata": metadata or {"recordCount": len(rows)}}).encode()


LIST = http(envelope(ROW))
STREAMED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def client(url: str = BASE, *, seconds: float = 5.0, **options: Any) -> CloudClient:
    return CloudClient(url, Key(), deadline=Deadline.after(seconds), **options)


def list_from(
    body: bytes | str, status: int = 200, volume_id: str | None = None, **headers: str
) -> Listing[SnapshotRecord]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with responses.RequestsMock() as mock, client() as cloud:
        mock.get(LIST_URL, body=body, status=status, headers=named)
        return cloud.list_snapshots(*PLACE, volume_id=volume_id)


def get_from(body: bytes, asked: str = ID) -> SnapshotRecord:
    with responses.RequestsMock() as mock, client() as cloud:
        mock.get(f"{LIST_URL}/{asked}", body=body)
        return cloud.get_snapshot(*PLACE, asked)


def fault_from(body: bytes | str, status: int = 200, **headers: str) -> CloudError:
    with pytest.raises(CloudError) as caught:
        list_from(body, status, **headers)
    return caught.value


def fault_over(url: str, **options: Any) -> CloudError:
    with client(url, **options) as cloud, pytest.raises(CloudError) as caught:
        cloud.list_snapshots(*PLACE)
    return caught.value
