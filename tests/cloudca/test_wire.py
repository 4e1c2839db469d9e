"""What happens on real sockets: the bytes that leave, and where they go."""

import json
import socket
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest

from snapshots.cloudca import client as client_module
from snapshots.cloudca.client import CloudClient
from snapshots.cloudca.transport import HEADERS
from tests.cloudca.support import ID, LIST, PLACE, ROW, VOLUME_ID, canary, client, envelope, fault_over
from tests.cloudca.wire import Wire, answer, answer_and_drip, http, serving
from tests.loops import in_turn

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


@in_turn(("call", "reply", "target"), CALLS)
@in_turn("slash", ["", "/"])
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


@in_turn("status", [301, 302, 303, 307, 308])
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
