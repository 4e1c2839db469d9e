"""Replies that break off, lie about their length or never end."""

from tests.cloudca.support import PLACE, ROW, STREAMED, client, envelope, fault_over
from tests.cloudca.wire import answer, answer_and_close, answer_and_drip, answer_and_reset, http, serving
from tests.loops import in_turn


@in_turn(
    ("reply", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + envelope(ROW), "interrupted"),
        (STREAMED + b"ffff\r\n" + envelope(ROW), "interrupted"),
        (STREAMED + b"zz\r\n" + envelope(ROW), "interrupted"),
        (STREAMED + b"-5\r\n" + envelope(ROW), "interrupted"),
        (STREAMED + b"-1\r\n" + envelope(ROW), "interrupted"),
        (STREAMED + b"f" * 40 + b"\r\n" + envelope(ROW), "interrupted"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + envelope(ROW)[:-9], "unreadable"),
        (b"HTTP/1.1 200 OK\r\nContent-", "unreadable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "interrupted"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "interrupted"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "interrupted"),
        (b"garbage\r\n\r\n", "interrupted"),
        (b"HTTP/0.9 200 OK\r\n\r\n{}", "unreadable"),
        (envelope(ROW), "interrupted"),
        (b"HTTP/1.1 abc OK\r\n\r\n{}", "interrupted"),
        (b"HTTP/1.1 99 OK\r\n\r\n{}", "interrupted"),
        (b"HTTP/1.1 103 Early\r\n\r\n", "unreadable"),
        (b"HTTP/1.1 204 None\r\n\r\n", "unreadable"),
        (b"\0" * 50, "interrupted"),
        (b"", "interrupted"),
    ],
)
def test_a_reply_that_breaks_is_a_fault(reply: bytes, kind: str) -> None:
    with serving(answer_and_close(reply)) as wire:
        assert fault_over(wire.url, seconds=2).kind == kind


@in_turn("start", [b"", b"HTTP/1.1 200 OK\r\nConte", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"])
def test_a_reset_is_a_broken_connection(start: bytes) -> None:
    with serving(answer_and_reset(start)) as wire:
        fault = fault_over(wire.url)
    assert (fault.kind, fault.retryable) == ("interrupted", True)


def test_a_body_without_length_and_a_chunked_one_are_read() -> None:
    body = envelope(ROW)
    for reply in (
        b"HTTP/1.0 200 OK\r\n\r\n" + body,
        STREAMED + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n",
    ):
        with serving(answer_and_close(reply)) as wire, client(wire.url) as cloud:
            assert cloud.list_snapshots(*PLACE).complete


@in_turn(
    "head",
    [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", STREAMED + b"fffffff\r\n"],
)
def test_a_body_past_the_cap_is_not_read_on(head: bytes) -> None:
    with serving(answer_and_drip(head, b" " * 300_000)) as wire:
        fault = fault_over(wire.url, body_cap=1_000_000)
    assert (fault.kind, fault.status, fault.retryable) == ("too_large", 200, False)


@in_turn(
    ("start", "piece"),
    [
        (STREAMED + b"0\r\n", b"A: b\r\n" * 50_000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000),
    ],
)
def test_what_is_beside_the_body_has_an_end_too(start: bytes, piece: bytes) -> None:
    with serving(answer_and_drip(start, piece)) as wire:
        assert fault_over(wire.url, body_cap=1000).kind == "too_large"


def test_a_body_of_exactly_the_cap_is_read() -> None:
    body = envelope(ROW)
    with serving(answer(http(body))) as wire:
        with client(wire.url, body_cap=len(body)) as cloud:
            assert cloud.list_snapshots(*PLACE).complete
        assert fault_over(wire.url, body_cap=len(body) - 1).kind == "too_large"
