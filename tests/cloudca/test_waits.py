"""Time limits: a slow, endless or silent reply ends within the budget."""

import socket
from time import monotonic

import pytest

from snapshots.cloudca import http as bounded_http
from snapshots.cloudca.client import CloudClient
from snapshots.cloudca.errors import TimedOut
from snapshots.cloudca.http import Deadline
from tests.cloudca.support import LIST, PLACE, STREAMED, Key, client, fault_over
from tests.cloudca.wire import Wire, answer, answer_and_drip, serving
from tests.loops import in_turn

SHORT_SECONDS = 0.5
SLACK_SECONDS = 5.0  # a machine may be busy; without the budget it would be 15 s or more


@in_turn(
    ("start", "piece"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
        (STREAMED, b"1\r\n \r\n"),
        (STREAMED, b"0"),
        (b"", b""),
    ],
)
def test_whatever_drips_ends_at_the_deadline(start: bytes, piece: bytes) -> None:
    with serving(answer_and_drip(start, piece)) as wire:
        began = monotonic()
        fault = fault_over(wire.url, seconds=SHORT_SECONDS)
        assert SHORT_SECONDS * 0.9 < monotonic() - began < SHORT_SECONDS + SLACK_SECONDS
    assert fault.kind == "timeout"


def test_a_flood_ends_at_the_deadline() -> None:
    def script(wire: Wire, peer: socket.socket) -> None:
        while not wire.stopped.is_set():
            peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    with serving(script) as wire:
        began = monotonic()
        assert fault_over(wire.url, seconds=SHORT_SECONDS).kind == "timeout"
        assert monotonic() - began < SHORT_SECONDS + SLACK_SECONDS


def test_silence_after_a_drip_ends_at_the_deadline() -> None:
    def script(wire: Wire, peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        dripping_until = monotonic() + 1.9
        while monotonic() < dripping_until and not wire.stopped.wait(0.05):
            peer.sendall(b" ")
        wire.stopped.wait(5)

    with serving(script) as wire:
        began = monotonic()
        assert fault_over(wire.url, seconds=2.0).kind == "timeout"
        assert monotonic() - began < 3.5


def test_an_error_whose_words_drip_is_still_that_error() -> None:
    with serving(answer_and_drip(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n", b" ")) as wire:
        fault = fault_over(wire.url, seconds=SHORT_SECONDS)
    assert (fault.kind, fault.status, fault.retry_after) == ("unavailable", 503, 7.0)


def test_silence_ends_an_attempt_before_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "SILENCE_SECONDS", 0.2)
    with serving(answer_and_drip(b"", b"")) as wire:
        began = monotonic()
        assert fault_over(wire.url, seconds=20).kind == "timeout"
        assert monotonic() - began < 5


def test_a_used_up_budget_sends_nothing() -> None:
    with serving(answer(LIST)) as wire, client(wire.url, seconds=0) as cloud:
        with pytest.raises(TimedOut):
            cloud.list_snapshots(*PLACE)
        assert (cloud.calls, wire.heads) == (0, [])


def test_one_budget_covers_all_calls() -> None:
    def script(wire: Wire, peer: socket.socket) -> None:
        if len(wire.heads) == 1:
            peer.sendall(LIST)
        else:
            wire.drip(peer, b"")

    began = monotonic()
    with (
        serving(script) as wire,
        CloudClient(wire.url, Key(), deadline=Deadline.after(SHORT_SECONDS), retries=5) as cloud,
    ):
        cloud.list_snapshots(*PLACE)
        for _ in range(20):
            with pytest.raises(TimedOut):
                cloud.list_snapshots(*PLACE)
        assert monotonic() - began < SHORT_SECONDS + SLACK_SECONDS
