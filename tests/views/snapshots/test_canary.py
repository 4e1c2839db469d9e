"""The provider's key is in no page, header, log line or byte of the database file, in no spelling."""

import base64
import logging
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client

from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from tests.views.snapshots.conftest import HTMX, KEY, LIST, OTHER_PATH, PATH, snapshot_id

FAULTS: list[dict[str, object]] = [
    {"status": 403},
    {"status": 500, "body": f"your key {KEY} is wrong"},
    {"errors_with_200": True},
    {"redirect": "http://127.0.0.1:9/"},
    {"html": True},
    {"truncated": True},
    {"reset": True},
    {"status": 429, "headers": {"Retry-After": "1"}},
    {"status": 400, "body": f'{{"errors": [{{"code": "{KEY}", "message": "{KEY}"}}]}}'},
]


def spellings() -> Iterator[bytes]:
    key = KEY.encode()
    yield from (key, key[::-1], key.hex().encode(), key.hex().upper().encode(), key[:12])
    # In base64 the same text has three forms, by where it begins; the characters at its ends depend on the neighbours.
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + key)
        yield encoded[4 if before else 0 : -4]


def found_in(content: bytes) -> list[bytes]:
    return [spelling for spelling in spellings() if spelling in content]


def all_of(response: object) -> bytes:
    headers = str(getattr(response, "headers", "")) + str(getattr(response, "cookies", ""))
    return bytes(getattr(response, "content", b"")) + headers.encode()


def tour(client: Client, sim: Simulator) -> Iterator[bytes]:
    """Every page and form, with a provider that answers, and with one that fails in each way."""
    known = str(sim.world.snapshots(PATH)[0]["id"])
    one, missing = f"{LIST}{PATH}/{known}/", f"{LIST}{PATH}/{snapshot_id(1)}/"
    for fault in [None, *FAULTS]:
        sim.clear_faults()
        if fault:
            sim.fault(**fault)
        Environment.objects.update(tried_at=None, next_try_at=None, retry_after_at=None)
        for address in (f"{LIST}refresh/", f"{one}check/", f"{missing}check/"):
            yield all_of(client.post(address, headers=HTMX))
        for address in (LIST, f"{LIST}?q=CANARY", one, missing, "/", "/teams/", f"{LIST}volumes/", "/nothing/"):
            yield all_of(client.get(address))


@pytest.mark.defaults
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("environment", "other")
def test_the_key_is_nowhere(alice_client: Client, sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        pages = list(tour(alice_client, sim))
    assert len(pages) == 110
    assert [page for page in pages if found_in(page)] == []
    assert found_in(caplog.text.encode()) == []
    assert caplog.records
    # The bytes that a database file would have, pages given free included.
    file = connection.connection.serialize()
    assert (b"snapshots_environment" in file, found_in(file)) == (True, [])
    assert {call.headers["MC-Api-Key"] for call in sim.requests} == {KEY}


def test_every_spelling_would_be_found() -> None:
    key = KEY.encode()
    assert found_in(b"x" + key) == [key, key[:12]]
    assert found_in(key[::-1] + b"x")
    assert all(found_in(base64.b64encode(b"?" * before + key + b"tail")) for before in range(6))
    assert found_in(key.hex().encode())
    assert found_in(f"{OTHER_PATH} and nothing else".encode()) == []
