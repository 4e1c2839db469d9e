"""Faults of the socket: the bytes that a caller gets, and how the connection ends."""

import gzip
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.faults.certificates import Authority
from tests.simulator.conftest import AREA, KEY, LIST, Get
from tests.waiting import until, within

HEAD_END = b"\r\n\r\n"
FULL_LENGTH = re.compile(rb"Content-Length: (-?\w+)\r\n")


def ask(sim: Simulator) -> socket.socket:
    peer = socket.create_connection((sim.host, sim.port), timeout=10)
    peer.sendall(f"GET /v1{LIST} HTTP/1.1\r\nHost: x\r\nMC-Api-Key: {KEY}\r\n\r\n".encode())
    return peer


def until_end(peer: socket.socket) -> Iterator[bytes]:
    with peer:
        while piece := peer.recv(65_536):
            yield piece


def heard(sim: Simulator) -> tuple[bytes, bytes]:
    """Everything that came until the connection ended: head and body."""
    head, _, body = b"".join(until_end(ask(sim))).partition(HEAD_END)
    return head + b"\r\n", body


def heard_before_reset(sim: Simulator) -> bytes:
    got: list[bytes] = []
    with pytest.raises(ConnectionResetError):
        got.extend(until_end(ask(sim)))
    return b"".join(got)


@pytest.fixture
def whole(get: Get) -> bytes:
    return get(LIST).content


def test_a_drip_takes_its_time(get: Get, sim: Simulator, whole: bytes) -> None:
    sim.fault(drip=len(whole) * 4.0)
    began = time.monotonic()
    assert get(LIST).content == whole
    assert 0.2 < time.monotonic() - began < 20


def test_a_drip_sends_byte_by_byte_and_does_not_hold_up_the_end(sim: Simulator) -> None:
    sim.fault(drip=20.0)
    pieces = until_end(ask(sim))
    # A late reader gets some at once.
    first = [next(pieces) for _ in range(3)]
    assert (b"".join(first)[:3], max(map(len, first)) < 50) == (b"HTT", True)
    sim.stop()
    assert len(b"".join(pieces)) < 50


@pytest.mark.parametrize(("place", "least"), [("start", 0), ("head", 50), ("body", 4000)])
def test_a_hang_says_nothing_more_and_does_not_hold_up_the_end(sim: Simulator, place: str, least: int) -> None:
    sim.fault(hang_at=place)
    peer = ask(sim)
    got = b"".join(peer.recv(65_536) for _ in range(place != "start"))
    peer.settimeout(0.2)
    with pytest.raises(TimeoutError):
        peer.recv(1)
    assert (len(got) >= least, HEAD_END in got) == (True, place == "body")
    sim.stop()
    assert b"".join(until_end(peer)) == b""


def test_a_hang_ends_with_its_caller(sim: Simulator, get: Get) -> None:
    sim.fault(hang_at="start", times=1)
    peer = ask(sim)
    until(lambda: bool(sim.calls()), what="the call")
    peer.close()
    assert get(LIST).status_code == 200
    within(sim.stop, what="the end of the simulator")


def test_a_reset_before_anything(sim: Simulator) -> None:
    sim.fault(reset_at="start")
    assert heard_before_reset(sim) == b""


def test_a_reset_within_the_head(sim: Simulator) -> None:
    sim.fault(reset_at="head")
    got = heard_before_reset(sim)
    assert HEAD_END not in got
    assert b"HTTP/1.1 200 OK\r\n".startswith(got[:17])


def test_a_reset_within_the_body(sim: Simulator, whole: bytes) -> None:
    sim.fault(reset_at="body")
    body = heard_before_reset(sim).partition(HEAD_END)[2]
    assert whole[: len(whole) // 2].startswith(body)


@pytest.mark.parametrize(("off", "told"), [(7, 7), (-7, -7), (-(10**9), None)])
def test_a_length_that_is_off(sim: Simulator, whole: bytes, off: int, told: int | None) -> None:
    sim.fault(content_length=off)
    head, body = heard(sim)
    assert body == whole
    assert FULL_LENGTH.findall(head) == [b"%d" % (0 if told is None else len(whole) + told)]


@pytest.mark.parametrize(("length", "told"), [("absent", []), ("text", [b"many"]), ("negative", [b"-1"])])
def test_a_length_that_is_none(sim: Simulator, whole: bytes, length: str, told: list[bytes]) -> None:
    sim.fault(content_length=length)
    head, body = heard(sim)
    assert (body, FULL_LENGTH.findall(head)) == (whole, told)
    assert b"Connection: close\r\n" in head


def test_half_a_body_without_a_length_looks_like_an_end(get: Get, sim: Simulator, whole: bytes) -> None:
    sim.fault(truncated=True, content_length="absent")
    assert get(LIST).content == whole[: len(whole) // 2]


def test_a_bad_chunk(get: Get, sim: Simulator, whole: bytes) -> None:
    sim.fault(bad_chunk=True)
    head, body = heard(sim)
    size, _, rest = body.partition(b"\r\n")
    assert (int(size, 16), FULL_LENGTH.findall(head)) == (len(whole) // 2, [])
    assert rest == whole[: len(whole) // 2] + b"\r\nzz\r\n" + whole[len(whole) // 2 :]
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(LIST)


def test_a_gzip_bomb(sim: Simulator) -> None:
    sim.fault(gzip_bomb=20)
    head, body = heard_kept_alive(sim)
    assert b"Content-Encoding: gzip\r\n" in head
    assert len(body) < 40_000
    assert gzip.decompress(body) == bytes(20 * 2**20)


def heard_kept_alive(sim: Simulator) -> tuple[bytes, bytes]:
    """Head and body as the length tells them."""
    with ask(sim) as peer, peer.makefile("rb") as stream:
        head = b"".join(iter(stream.readline, b"\r\n"))
        return head, stream.read(int(FULL_LENGTH.findall(head)[0]))


def test_an_endless_body(sim: Simulator, whole: bytes) -> None:
    sim.fault(endless=True)
    got = bytearray()
    for piece in until_end(ask(sim)):
        got += piece
        if len(got) > 5_000_000:
            break
    head, _, body = bytes(got).partition(HEAD_END)
    assert (body.startswith(whole), body[len(whole) :].strip()) == (True, b"")
    assert b"Content-Length" not in head
    sim.stop()


def test_a_reply_that_says_so_is_the_last(sim: Simulator, whole: bytes) -> None:
    sim.fault(headers={"connection": "Close"})
    head, body = heard(sim)
    assert (body, b"connection: Close\r\n" in head) == (whole, True)


@pytest.mark.parametrize("line", ["", "HTTP/0.9 200 OK", "SSH-2.0-OpenSSH_9.2", "HTTP/1.1 two hundred"])
def test_another_status_line(sim: Simulator, line: str) -> None:
    sim.fault(status_line=line)
    assert heard(sim)[0].split(b"\r\n")[0] == line.encode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"drip": -1},
        {"drip": "slow"},
        {"hang_at": "end"},
        {"reset_at": True},
        {"content_length": "long"},
        {"content_length": True},
        {"bad_chunk": 1},
        {"gzip_bomb": 0},
        {"gzip_bomb": 5000},
        {"endless": "yes"},
        {"status_line": "HTTP/1.1 200 OK\r\nX: y"},
    ],
)
def test_a_wrong_fault_of_the_socket_is_refused(sim: Simulator, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"The field '{next(iter(wrong))}' of a fault must be .*[.]$"):
        sim.fault(**wrong)


def test_the_control_endpoint_switches_them_too(get: Get, sim: Simulator) -> None:
    fault = {"path": "/snapshots", "hang_at": "body", "content_length": -1, "drip": 5.0}
    reply = requests.post(f"{sim.origin}/_control/faults", json=fault, timeout=10)
    assert reply.json()["data"] == [fault | {"left": None}]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_with_a_certificate_it_speaks_https(authority: Authority) -> None:
    world = World(environments=[AREA], volumes=1, snapshots=3)
    with Simulator(world, keys={KEY: None}, certificate=authority.certificate()) as sim:
        assert sim.url == f"https://127.0.0.1:{sim.port}/v1"
        reply = requests.get(sim.url + LIST, headers={"MC-Api-Key": KEY}, verify=str(authority.path), timeout=10)
    assert len(reply.json()["data"]) == 3


def test_who_does_not_trust_it_is_no_disturbance(authority: Authority, capfd: pytest.CaptureFixture[str]) -> None:
    with Simulator(World(volumes=1, snapshots=1), keys={KEY: None}, certificate=authority.certificate()) as sim:
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(sim.url + LIST, timeout=10)
        with pytest.raises(requests.ConnectionError):
            requests.get(sim.url.replace("https", "http"), timeout=10)
        assert sim.requests == []
    assert capfd.readouterr().err == ""


def test_an_open_handshake_does_not_hold_up_the_end(authority: Authority) -> None:
    sim = Simulator(World(volumes=1, snapshots=1), keys={KEY: None}, certificate=authority.certificate())
    sim.start()
    with socket.create_connection((sim.host, sim.port), timeout=10) as silent:
        reply = requests.get(sim.url + LIST, headers={"MC-Api-Key": KEY}, verify=str(authority.path), timeout=10)
        sim.stop()
        assert (reply.status_code, silent.recv(1)) == (200, b"")


def test_a_reset_over_tls(authority: Authority) -> None:
    with Simulator(World(volumes=1, snapshots=9), keys={KEY: None}, certificate=authority.certificate()) as sim:
        sim.fault(reset_at="body", times=1)
        trusting: dict[str, Any] = {"headers": {"MC-Api-Key": KEY}, "verify": str(authority.path), "timeout": 10}
        with pytest.raises(requests.RequestException):
            requests.get(sim.url + LIST, **trusting)
        assert requests.get(sim.url + LIST, **trusting).status_code == 200


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_that_cannot_be_used(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "server.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(OSError):
        Simulator(World(volumes=1, snapshots=1), keys={KEY: None}, certificate=path)
