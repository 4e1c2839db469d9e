"""Through a proxy, and only the one that is named: a tunnel for TLS from end to end, with nothing in it to read."""

import logging
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from snapshots.cloudca.client import CloudClient
from snapshots.cloudca.errors import CloudError, InvalidInput
from snapshots.cloudca.http import Deadline
from tests.cloudca.proxy import TUNNEL, Proxy, proxying
from tests.cloudca.support import BASE, LIST, PLACE, ROW, Key, canary, client, envelope, fault_over
from tests.cloudca.wire import Wire, answer, http, serving
from tests.faults.certificates import Authority
from tests.loops import in_turn

HOST = "api.provider.test"  # a name that only the proxy knows
URL = f"https://{HOST}/v1"
PASSWORD = "pass-4c81-word"
USER = f"someone:{PASSWORD}@"
SHORT_SECONDS = 0.5


def served(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def provider(ours: Authority) -> Iterator[Wire]:
    with serving(answer(LIST), served(ours.certificate(HOST))) as wire:
        yield wire


@contextmanager
def through(proxy: Proxy, ours: Authority, user: str = "", seconds: float = 5.0) -> Iterator[CloudClient]:
    with client(URL, seconds=seconds, proxy=Key(proxy.url(user)), ca_bundle=str(ours.path)) as cloud:
        yield cloud


def fault_through(proxy: Proxy, ours: Authority, user: str = "", seconds: float = 5.0) -> CloudError:
    with through(proxy, ours, user, seconds) as cloud, pytest.raises(CloudError) as caught:
        cloud.list_snapshots(*PLACE)
    return caught.value


def test_the_proxy_makes_one_tunnel_and_sees_no_key(provider: Wire, ours: Authority) -> None:
    provider.heads.clear()
    with proxying(provider.port) as proxy, through(proxy, ours) as cloud:
        for _ in range(2):
            assert cloud.list_snapshots(*PLACE).complete
    assert proxy.lines == [f"CONNECT {HOST}:443 HTTP/1.0".encode()]
    assert len(provider.heads) == 2
    assert all(canary().encode() in head for head in provider.heads)
    assert len(proxy.passed) > 1000
    assert canary().encode() not in b"".join(proxy.heads) + proxy.passed


@pytest.mark.parametrize("user", ["", USER, "me%40work:p%3A%2F%40%25:x@"])
def test_only_the_proxy_gets_the_password(provider: Wire, ours: Authority, user: str) -> None:
    provider.heads.clear()
    with proxying(provider.port) as proxy, through(proxy, ours, user) as cloud:
        cloud.list_snapshots(*PLACE)
    plain = {"": b"", USER: f"someone:{PASSWORD}".encode()}.get(user, b"me@work:p:/@%:x")
    sent = [line for line in proxy.heads[0].split(b"\r\n") if line.startswith(b"Proxy-Authorization")]
    assert sent == ([b"Proxy-Authorization: Basic " + b64encode(plain)] if user else [])
    assert b"proxy-" not in provider.heads[0].lower()


def test_a_proxy_over_tls(provider: Wire, ours: Authority) -> None:
    with proxying(provider.port, tls=served(ours.certificate())) as proxy, through(proxy, ours) as cloud:
        assert cloud.list_snapshots(*PLACE).complete
    assert len(proxy.heads) == 1
    assert canary().encode() not in proxy.passed


def test_plain_http_of_this_machine_goes_past_the_proxy() -> None:
    with serving(answer(LIST)) as wire, proxying(wire.port) as proxy:
        with client(wire.url, proxy=Key(proxy.url())) as cloud:
            assert cloud.list_snapshots(*PLACE).complete
        assert (len(wire.heads), proxy.heads) == (1, [])


def said(status: str) -> bytes:
    return http(f"<p>{PASSWORD}</p>".encode(), status, "Proxy-Authenticate: Basic")


FAULTS = {
    "asks for a password": (said("407 Who"), "proxy_refused", "The proxy asks for another user name and password."),
    "refuses": (said("403 No"), "proxy_refused", "The proxy does not let us through to the provider."),
    "finds no way": (said("502 Bad"), "proxy", "The proxy could not connect us to the provider."),
    "is too slow": (said("504 Slow"), "proxy", "The proxy could not connect us to the provider."),
    "speaks something else": (b"SSH-2.0-x\r\n\r\n", "proxy", "The proxy could not connect us to the provider."),
    "hangs up": (b"HTTP/1.1 ", "proxy", "The proxy could not connect us to the provider."),
    "is silent": (b"", "proxy", "The proxy did not answer in time."),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_proxy_is_told_as_such(
    provider: Wire, ours: Authority, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    reply, kind, sentence = FAULTS[name]
    provider.heads.clear()
    caplog.set_level(logging.DEBUG, logger="urllib3")
    with caplog.at_level(logging.DEBUG), proxying(provider.port, reply) as proxy:
        began = monotonic()
        fault = fault_through(proxy, ours, USER, SHORT_SECONDS if not reply else 5)
        assert monotonic() - began < 4.5
    assert (fault.kind, str(fault), fault.retryable) == (kind, sentence, kind == "proxy")
    assert provider.heads == []
    assert not holds_password(fault, caplog.text)


def holds_password(fault: CloudError, log: str) -> bool:
    """Whether the visible parts of a fault contain a password."""
    assert fault.__traceback__ is not None
    frames = fault.__traceback__.tb_next  # of the product, not of the test
    report = ExceptionReporter(RequestFactory().get("/"), type(fault), fault, frames)
    shown = [str(fault), repr(fault), repr(vars(fault)), log, report.get_traceback_html(), report.get_traceback_text()]
    forms = (PASSWORD, b64encode(f"someone:{PASSWORD}".encode()).decode())
    assert (fault.__context__, fault.__cause__) == (None, None)
    return any(form in text for form in forms for text in shown)


def test_a_proxy_that_drips_ends_at_the_deadline(provider: Wire, ours: Authority) -> None:
    with serving(lambda wire, peer: wire.drip(peer, b"H")) as wire:
        began = monotonic()
        fault = fault_over(URL, seconds=SHORT_SECONDS, proxy=Key(f"http://127.0.0.1:{wire.port}"))
        assert monotonic() - began < 4.5
    assert (fault.kind, str(fault)) == ("proxy", "The proxy did not answer in time.")


def test_a_tunnel_within_tls_that_drips_ends_at_the_deadline(ours: Authority) -> None:
    def drip(wire: Wire, peer: socket.socket) -> None:
        peer.sendall(TUNNEL)
        peer.recv(1)
        peer.sendall(b"\x16\x03\x03\x40\x00")  # the head of a TLS record of 16 KB
        wire.drip(peer, b"\0")

    with serving(drip, served(ours.certificate())) as wire:
        proxy, began = Key(wire.url.removesuffix("/v1")), monotonic()
        fault = fault_over(URL, seconds=SHORT_SECONDS, proxy=proxy, ca_bundle=str(ours.path))
        assert monotonic() - began < 4.5
    assert fault.kind == "timeout"


def test_a_proxy_that_is_not_there(ours: Authority) -> None:
    with proxying(1) as proxy:
        gone = proxy.url(USER)
    fault = fault_over(URL, proxy=Key(gone))
    assert (fault.kind, str(fault), fault.retryable) == ("proxy", "The proxy cannot be reached.", True)
    fault = fault_over(URL, proxy=Key(f"http://{USER}proxy.invalid:3128"))
    assert (fault.kind, str(fault)) == ("proxy", "The address of the proxy cannot be found.")


def test_a_proxy_that_cannot_be_trusted_gets_no_password(provider: Wire, ours: Authority, tmp_path: Path) -> None:
    strangers = Authority(tmp_path, "Strangers").certificate()
    for certificate in (strangers, ours.certificate("127.0.0.2")):
        with proxying(provider.port, tls=served(certificate)) as proxy:
            fault = fault_through(proxy, ours, USER)
        assert (fault.kind, str(fault)) == ("proxy_refused", "The proxy's certificate cannot be trusted.")
        assert proxy.heads in ([], [b""])


def test_a_proxy_that_opens_tls_is_refused(provider: Wire, ours: Authority, tmp_path: Path) -> None:
    with serving(answer(LIST), served(Authority(tmp_path, "Middle").certificate(HOST))) as middle:
        with proxying(middle.port) as proxy:
            assert fault_through(proxy, ours).kind == "tls"
        assert middle.heads == []


def test_a_provider_that_breaks_off_in_the_tunnel_is_no_fault_of_the_proxy(ours: Authority) -> None:
    with serving(lambda _, peer: peer.close(), served(ours.certificate(HOST))) as wire, proxying(wire.port) as proxy:
        assert fault_through(proxy, ours).kind == "interrupted"
    silent = serving(lambda wire, peer: wire.drip(peer, b""), served(ours.certificate(HOST)))
    with silent as wire, proxying(wire.port) as proxy:
        assert fault_through(proxy, ours, seconds=SHORT_SECONDS).kind == "timeout"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "no_proxy"])
def test_the_environment_changes_nothing(
    provider: Wire, ours: Authority, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(answer(http(envelope(ROW)))) as other, proxying(provider.port, TUNNEL) as proxy:
        monkeypatch.setenv(name, "*" if name.lower() == "no_proxy" else f"http://127.0.0.1:{other.port}")
        with through(proxy, ours) as cloud:
            assert cloud.list_snapshots(*PLACE).complete
        assert (len(proxy.heads), other.heads) == (1, [])


NO_ADDRESSES = [
    "proxy:3128",
    "socks5://h:1",
    "http://",
    "http://u@h",
    "http://:p@h",
    "http://u:p/w@h:1",
    "http://h/path",
]
NO_ADDRESSES += ["http://h:0", "http://h:99999", "http://h?x", "http://h#x", "http://u:%E2%82%AC@h", "http://h h", "x"]


@in_turn("address", ["", "http://h\n", *NO_ADDRESSES])
def test_an_address_that_is_none_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        CloudClient(BASE, Key(), deadline=Deadline.after(1), proxy=Key(address))
    assert str(caught.value).startswith("The address of the proxy must be")
