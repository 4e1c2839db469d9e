"""Where a webhook may not lead: no connection is made to this machine, its network, or what only machines reach."""

import socket
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from threading import Event

import pytest
from pytest_django import Settings

from snapshots.alerts import webhook
from snapshots.alerts.addresses import Refused, addresses_of, is_public, target_of
from snapshots.alerts.messages import NotSent
from tests.loops import in_turn

PUBLIC = "93.184.215.14"
# As they are, without a name: what a person could enter.
LITERALS = [
    *("127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1"),
    *("017700000001", "0", "0.0.0.0", "0.1.2.3", "00000127.0.0.1", "127.0.0.1.", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:93.184.215.14]"),
    *("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "100.64.0.1", "100.127.255.254"),
    *("169.254.169.254", "169.254.170.2", "169.254.1.1", "[fe80::1]", "[fd00:ec2::254]", "[fc00::1]", "[fec0::1]"),
    *("100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.0.170", "224.0.0.1", "239.255.255.250", "[ff02::1]"),
    *("240.0.0.1", "255.255.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.88.99.1"),
    *("[2002:7f00:1::]", "[2002:a00:1::1]", "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::a00:1]"),
    *("[2001:0:7f00:1::]", "[2001::1]", "[2001:db8::1]", "[2001:10::1]", "[2001:20::1]", "[100::1]", "[3fff::1]"),
    *("2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"),
]
# Names that this machine knows itself.
NAMES = ["localhost", "localhost.", "LOCALHOST", "ip6-localhost", socket.gethostname()]
# Addresses that are none, by their form.
FORMS = [
    *("http://alerts.example.com/", "ftp://alerts.example.com/", "file:///etc/passwd", "gopher://127.0.0.1:70/_"),
    *(
        "https://user@alerts.example.com/",
        "https://user:word@alerts.example.com/",
        "https://alerts.example.com#@127.0.0.1/",
    ),
    *("https://alerts.example.com:22/", "https://alerts.example.com:6379/", "https://alerts.example.com:80/"),
    *("https://alerts.example.com:0/", "https://alerts.example.com:99999/", "https://alerts.example.com:443x/"),
    *(
        "https://alerts.example.com\\@127.0.0.1/",
        "https://127.0.0.1%2f@alerts.example.com/",
        "https:alerts.example.com",
    ),
    *("https:///alerts.example.com", "https://", "https://[::1", "https://[fe80::1%25eth0]/", "//alerts.example.com/"),
    *(
        "https://alerts.example.com/a b",
        "https://alerts.example.com/\r\nHost: other",
        "https://alerts.example.com/\x00",
    ),
    *(
        " https://alerts.example.com/",
        "https://alerts.example.com/\n",
        "https://älerts.example.com/",
        "https://①②⑦.0.0.1/",
    ),
    *("https://127。0。0。1/", "https://alerts_.example.com/", "HTTPS://alerts.example.com/", "https://a/" + "b" * 500),
]
# What names may lead to; the resolver is replaced, as tests ask no name server.
RESOLVED = [
    *(["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::1"], ["fe80::1%eth0"], ["::ffff:127.0.0.1"], ["fd00::1"]),
    *(["64:ff9b::7f00:1"], ["2002:7f00:1::"], ["100.64.0.1"], ["0.0.0.0"], ["224.0.0.1"], [PUBLIC, "127.0.0.1"]),
    *(["127.0.0.1", PUBLIC], ["2606:2800:21f:cb07::1", "::1"], [PUBLIC, "::ffff:10.0.0.1"]),
]
_connected: list[object] = []
_is_watching = False


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _is_watching and event == "socket.connect":
        _connected.append(arguments[1])


@pytest.fixture(scope="module", autouse=True)
def watching() -> Iterator[None]:
    """Note each connection that this process tries. Such a hook cannot be removed again."""
    global _is_watching
    sys.addaudithook(_watch)
    _is_watching = True
    yield
    _is_watching = False


@pytest.fixture(autouse=True)
def nothing_connected() -> Iterator[None]:
    _connected.clear()
    yield
    # Not those to name servers.
    assert [each for each in _connected if isinstance(each, tuple) and each[1] in (443, 8443)] == []


Resolve = Callable[..., list[tuple[object, ...]]]


def resolving(*answers: list[str]) -> tuple[Resolve, list[str]]:
    """Return a resolver that gives these answers one after the other, and the names that it was asked for."""
    asked = list[str]()

    def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        answer = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]

    return resolve, asked


def refused(url: str) -> None:
    with pytest.raises(NotSent):
        webhook.post(url, b"{}", {})


@in_turn("host", [*LITERALS, *NAMES])
def test_no_address_of_its_own_network(host: str) -> None:
    for url in (f"https://{host}/hook", f"https://{host}:8443/hook"):
        refused(url)


@in_turn("url", FORMS)
def test_no_address_of_another_form(url: str) -> None:
    with pytest.raises(Refused):
        target_of(url)
    refused(url)


@in_turn("addresses", RESOLVED)
def test_no_name_that_leads_there(addresses: list[str]) -> None:
    resolve, asked = resolving(addresses)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolve)
        refused("https://alerts.example.com/hook")
    assert asked == ["alerts.example.com"]


def test_there_are_enough() -> None:
    assert len({*LITERALS, *NAMES, *FORMS, *map(str, RESOLVED)}) > 100


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the second lookup the name leads to this machine: there is no second lookup."""
    resolve, asked = resolving([PUBLIC], ["127.0.0.1"])
    wanted = list[object]()

    def connect(address: object, *_: object) -> socket.socket:
        wanted.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    refused("https://alerts.example.com/hook")
    assert (wanted, asked) == ([(PUBLIC, 443)], ["alerts.example.com"])


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1"]
)
def test_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


def test_a_host_that_the_operator_allows(settings: Settings) -> None:
    settings.ALERT_PRIVATE_HOSTS = frozenset({"localhost", "10.20.30.40"})
    assert "127.0.0.1" in addresses_of(target_of("https://LOCALHOST:9000/"), 5)
    assert addresses_of(target_of("https://10.20.30.40/"), 5) == ["10.20.30.40"]
    for other in ("127.0.0.1", "10.20.30.41", "localhost.example"):
        refused(f"https://{other}/")


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> list[object]:
        waiting.wait(20)
        return []

    waiting = Event()
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(Refused):
        addresses_of(target_of("https://alerts.example.com/"), 0.1)
    waiting.set()
