"""What happens on real sockets: the bytes that leave, the time that passes, the replies that break."""

import json
import socket
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest

from snapshots.cloud import client as client_module
from snapshots.cloud.client import HEADERS, CloudClient
from snapshots.cloud.deadline import Deadline
from snapshots.cloud.errors import CloudError, TimedOut
from tests.cloud.support import ID, PLACE, ROW, VOLUME_ID, Key, canary, client, envelope, fault_over
from tests.cloud.wire import Wire, answer, answer_and_close, answer_and_drip, answer_and_reset, http, serving

LIST = http(envelope(ROW))
STREAMED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SHORT_SECONDS = 0.5
SLACK_SECONDS = 1.0
PREFIX = "/v1/services/compute-on/test_area"

CALLS: list[tuple[Callable[[CloudClient], object], bytes, str]] = [
    (lambda cloud: cloud.list_snapshots(*PLACE), LIST, f"{PREFIX}/snapshots"),
    (lambda cloud: cloud.list_snapshots(*PLACE, VOLUME_ID.upper()), LIST, f"{PREFIX}/snapshots?volume_id={VOLUME_ID}"),
    (
        lambda cloud: cloud.get_snapshot(*PLACE, ID.upper()),
        http(json.dumps({"data": ROW}).encode()),
        f"{PREFIX}/snapshots/{ID}",
    ),
    (lambda cloud: cloud.list_volumes(*PLACE), LIST, f"{PREFIX}/volumes"),
    (lambda cloud: cloud.list_environments(), LIST, "/v1/environments"),
    (lambda cloud: cloud.list_connections(), LIST, "/v1/services/connections"),
    (lambda cloud: cloud.list_snapshots("a" * 64, "0_-Z"), LIST, f"/v1/services/{'a' * 64}/0_-Z/snapshots"),
]


@pytest.mark.parametrize(("call", "reply", "target"), CALLS)
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_request_line_has_exactly_the_bytes_intended(
    call: Callable[[CloudClient], object], reply: bytes, target: str, slash: str
) -> None:
    with serving(answer(reply)) as wire, client(wire.url + slash) as cloud:
        call(cloud)
    assert wire.lines == [f"GET {target} HTTP/1.1".encode()]


def test_a_path_that_the_library_would_change_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "environment_path", lambda *_: "/services/x/../y")
    with serving(answer(LIST)) as wire:
        assert fault_over(wire.url).kind == "invalid_input"
    assert wire.heads == []


def test_the_request_carries_the_key_once_and_nothing_superfluous() -> None:
    with serving(answer(LIST)) as wire, client(wire.url) as cloud:
        cloud.list_snapshots(*PLACE)
    headers = dict(line.split(": ", 1) for line in wire.heads[0].decode().split("\r\n")[1:-2])
    assert headers == {**HEADERS, "Host": f"127.0.0.1:{wire.port}", "MC-Api-Key": canary()}
    assert wire.heads[0].count(canary().encode()) == 1


def test_the_user_agent_names_this_version() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert HEADERS["User-Agent"] == f"{project['name']}/{project['version']}"


def test_calls_share_one_connection_and_are_counted() -> None:
    served: list[socket.socket] = []

    def script(wire: Wire, peer: socket.socket) -> None:
        served.append(peer)
        peer.sendall(LIST)

    with serving(script) as wire, client(wire.url) as cloud:
        for _ in range(3):
            cloud.list_snapshots(*PLACE)
    assert (cloud.calls, len(served), len(set(served))) == (3, 3, 1)


def test_the_providers_clock_is_kept() -> None:
    with (
        serving(answer(http(envelope(ROW), "200 OK", "Date: Tue, 24 Nov 2026 12:00:00 GMT"))) as wire,
        client(wire.url) as cloud,
    ):
        cloud.list_snapshots(*PLACE)
        assert cloud.last_date == datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_no_cookie_is_sent_back() -> None:
    with serving(answer(http(envelope(ROW), "200 OK", "Set-Cookie: a=b; Path=/"))) as wire, client(wire.url) as cloud:
        cloud.list_snapshots(*PLACE)
        cloud.list_snapshots(*PLACE)
    assert not any(b"cookie" in head.lower() for head in wire.heads)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_its_body_not_read(status: int) -> None:
    with serving(answer(LIST)) as other:
        start = f"HTTP/1.1 {status} Moved\r\nLocation: {other.url}/x\r\nContent-Length: 9999999\r\n\r\n".encode()
        with serving(answer_and_drip(start, b"x")) as wire:
            began = monotonic()
            assert fault_over(wire.url, seconds=5).kind == "redirect"
            assert monotonic() - began < 5
    assert other.heads == []


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_not_obeyed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with serving(answer(LIST)) as sink, serving(answer(LIST)) as wire, client(wire.url) as cloud:
        monkeypatch.setenv(name, f"http://127.0.0.1:{sink.port}")
        assert cloud.list_snapshots(*PLACE).complete
        assert fault_over("https://127.0.0.1:1").kind == "unreachable"
    assert sink.heads == []


def test_a_netrc_is_not_obeyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(answer(LIST)) as wire, client(wire.url) as cloud:
        cloud.list_snapshots(*PLACE)
    assert b"authorization" not in wire.heads[0].lower()


@pytest.mark.parametrize(
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
        dripping_until = monotonic() + 0.8
        while monotonic() < dripping_until and not wire.stopped.wait(0.05):
            peer.sendall(b" ")
        wire.stopped.wait(5)

    with serving(script) as wire:
        began = monotonic()
        assert fault_over(wire.url, seconds=1.0).kind == "timeout"
        assert monotonic() - began < 1.5


def test_an_error_whose_words_drip_is_still_that_error() -> None:
    with serving(answer_and_drip(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n", b" ")) as wire:
        fault = fault_over(wire.url, seconds=SHORT_SECONDS)
    assert (fault.kind, fault.status, fault.retry_after) == ("unavailable", 503, 7.0)


def test_silence_ends_an_attempt_before_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "SILENCE_SECONDS", 0.2)
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
        for _ in range(3):
            with pytest.raises(TimedOut):
                cloud.list_snapshots(*PLACE)
        assert monotonic() - began < SHORT_SECONDS + SLACK_SECONDS


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + envelope(ROW), "interrupted"),
        (STREAMED + b"ffff\r\n" + envelope(ROW), "interrupted"),
        (STREAMED + b"zz\r\n" + envelope(ROW), "interrupted"),
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


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nConte", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"])
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


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", STREAMED + b"fffffff\r\n"],
)
def test_a_body_past_the_cap_is_not_read_on(head: bytes) -> None:
    with serving(answer_and_drip(head, b" " * 300_000)) as wire:
        fault = fault_over(wire.url, body_cap=1_000_000)
    assert (fault.kind, fault.status, fault.retryable) == ("too_large", 200, False)


def test_a_body_of_exactly_the_cap_is_read() -> None:
    body = envelope(ROW)
    with serving(answer(http(body))) as wire:
        with client(wire.url, body_cap=len(body)) as cloud:
            assert cloud.list_snapshots(*PLACE).complete
        assert fault_over(wire.url, body_cap=len(body) - 1).kind == "too_large"


def test_a_refused_connection_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    fault = fault_over(f"http://127.0.0.1:{port}")
    assert (fault.kind, fault.retryable, str(fault)) == ("unreachable", True, "The provider cannot be reached.")


def test_an_unknown_host_is_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    fault = fault_over("https://nowhere.example/v1")
    assert (fault.kind, str(fault)) == ("unreachable", "The address of the provider cannot be found.")


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
        assert fault_over(wire.url, seconds=3, retries=5).kind == "unavailable"
        assert monotonic() - began < 3
    assert len(wire.heads) == 1
