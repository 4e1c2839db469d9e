"""How often a call is tried."""

import socket
from collections.abc import Callable
from time import monotonic

import pytest

from snapshots.cloudca import client as client_module
from snapshots.cloudca.errors import CloudError
from tests.cloudca.support import LIST, PLACE, client, fault_over
from tests.cloudca.wire import Wire, answer, http, serving


def flaky(*replies: bytes) -> Callable[[Wire, socket.socket], None]:
    return lambda wire, peer: peer.sendall(replies[min(len(wire.heads), len(replies)) - 1])


@pytest.mark.parametrize("status", ["500 Oops", "502 Bad", "503 Busy", "408 Slow", "425 Early", "429 Often"])
def test_a_passing_fault_is_tried_again(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "BACKOFF_SECONDS", 0.0)
    with serving(flaky(http(b"", status), http(b"", status), LIST)) as wire, client(wire.url, retries=2) as cloud:
        assert cloud.list_snapshots(*PLACE).complete
        assert (cloud.calls, len(wire.heads)) == (3, 3)


@pytest.mark.parametrize(
    ("reply", "retries", "calls"),
    [
        (http(b"", "503 Busy"), 0, 1),
        (http(b"", "503 Busy"), 2, 3),
        (http(b"", "503 Busy", "Retry-After: 1"), 2, 1),
        (http(b"", "403 No"), 2, 1),
        (http(b"", "404 No"), 2, 1),
        (http(b"", "400 No"), 2, 1),
        (http(b"", "302 There"), 2, 1),
        (http(b"nonsense"), 2, 1),
    ],
)
def test_how_often_is_asked(reply: bytes, retries: int, calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "BACKOFF_SECONDS", 0.0)
    with serving(answer(reply)) as wire, client(wire.url, retries=retries) as cloud, pytest.raises(CloudError):
        cloud.list_snapshots(*PLACE)
    assert len(wire.heads) == cloud.calls == calls


def test_a_pause_past_the_deadline_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "BACKOFF_SECONDS", 10.0**9)
    with serving(answer(http(b"", "503 Busy"))) as wire:
        began = monotonic()
        assert fault_over(wire.url, seconds=20, retries=5).kind == "unavailable"
        assert monotonic() - began < 20
    assert len(wire.heads) == 1
