"""The name of the provider: looked up within the budget, in one thread for all who ask, and forgotten again."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic

import pytest

from snapshots.cloudca import http as bounded_http
from tests.cloudca.proxy import proxying
from tests.cloudca.support import LIST, PLACE, Key, client, fault_over
from tests.cloudca.wire import answer, serving
from tests.loops import in_turn
from tests.management.programs import until
from tests.waiting import together, within

NAME = "api.provider.test"
URL = f"https://{NAME}/v1"
SHORT_SECONDS = 0.4
SLACK_SECONDS = 5.0  # a machine may be busy
MANY = 20


class Resolver:
    """Hangs until it is let go, then knows the addresses that it was given."""

    def __init__(self) -> None:
        self.go, self.asked = threading.Event(), 0
        self.addresses: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        self.asked += 1
        self.go.wait(10)
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in self.addresses]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    hung = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", hung)
    yield hung
    hung.go.set()
    until(lambda: lookups() == 0, what="the end of the lookups")


def lookups() -> int:
    return sum(thread.name.startswith("lookup of") for thread in threading.enumerate())


def test_a_resolver_that_hangs_ends_within_the_budget(resolver: Resolver) -> None:
    began = monotonic()
    fault = fault_over(URL, seconds=SHORT_SECONDS)
    assert monotonic() - began < SHORT_SECONDS + SLACK_SECONDS
    assert (fault.kind, str(fault)) == ("unreachable", "The address of the provider cannot be found.")


def test_it_ends_before_a_long_budget_does(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "LOOKUP_SECONDS", 0.2)
    began = monotonic()
    assert fault_over(URL, seconds=30).kind == "unreachable"
    assert monotonic() - began < 0.2 + SLACK_SECONDS


def test_many_calls_of_a_long_hang_share_one_thread(resolver: Resolver) -> None:
    before = threading.active_count()
    faults = together([lambda: fault_over(URL, seconds=SHORT_SECONDS).kind] * MANY, what="the callers to give up")
    faults += [fault_over(URL, seconds=0.05).kind for _ in range(3)]
    assert faults == ["unreachable"] * (MANY + 3)
    assert (resolver.asked, lookups(), threading.active_count()) == (1, 1, before + 1)


def test_a_name_is_asked_again_for_each_connection(resolver: Resolver) -> None:
    resolver.go.set()
    for _ in range(3):
        assert fault_over(URL).kind == "unreachable"
    assert resolver.asked == 3
    assert bounded_http._lookups == {}


def test_who_waits_goes_on_once_the_resolver_answers(resolver: Resolver) -> None:

    def ask(url: str) -> bool:
        return client(url).list_snapshots(*PLACE).complete

    with serving(answer(LIST)) as wire:
        resolver.addresses = [("127.0.0.1", wire.port)]
        url = wire.url.replace("127.0.0.1", "localhost")

        def let_go() -> bool:
            until(lambda: resolver.asked == 1, what="the lookup")
            resolver.go.set()
            return True

        works: list[Callable[[], bool]] = [partial(ask, url), partial(ask, url), let_go]
        assert together(works, what="both lists") == [True] * 3
        assert all(b"Host: localhost:" in head for head in wire.heads)


def test_the_next_address_is_tried_where_one_does_not_answer(resolver: Resolver) -> None:
    resolver.go.set()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    with serving(answer(LIST)) as wire:
        resolver.addresses = [("127.0.0.1", closed), ("127.0.0.1", wire.port)]
        with client(wire.url.replace("127.0.0.1", "localhost")) as cloud:
            assert cloud.list_snapshots(*PLACE).complete


def test_many_silent_addresses_end_within_the_budget(resolver: Resolver) -> None:
    resolver.go.set()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as one, socket.socket() as two:
        for waiting in (one, two):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        resolver.addresses = [full.getsockname()] * 9
        began = monotonic()
        assert fault_over(URL, seconds=SHORT_SECONDS).kind == "timeout"
        assert monotonic() - began < SHORT_SECONDS + SLACK_SECONDS


def test_the_name_of_a_proxy_is_bounded_too(resolver: Resolver) -> None:
    fault = fault_over(URL, seconds=SHORT_SECONDS, proxy=Key("http://proxy.test:3128"))
    assert (fault.kind, str(fault)) == ("proxy", "The address of the proxy cannot be found.")


def test_behind_a_proxy_the_name_of_the_provider_is_not_looked_up(resolver: Resolver) -> None:
    resolver.go.set()
    with proxying(1, b"HTTP/1.1 502 Bad\r\n\r\n") as proxy:
        resolver.addresses = [("127.0.0.1", proxy.port)]
        assert fault_over(URL, proxy=Key(proxy.url())).kind == "proxy"
    assert (resolver.asked, proxy.lines) == (1, [f"CONNECT {NAME}:443 HTTP/1.0".encode()])


@in_turn("host", ["a..b", "x" * 64, "a." * 130])
def test_a_name_that_no_resolver_takes_is_unknown(host: str) -> None:
    fault = fault_over(f"https://{host}/v1")
    assert (fault.kind, str(fault)) == ("unreachable", "The address of the provider cannot be found.")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_waits_for_no_thread_of_its_parent(resolver: Resolver) -> None:
    assert fault_over(URL, seconds=0.05).kind == "unreachable"
    assert len(bounded_http._lookups) == 1
    child = os.fork()
    if not child:
        os._exit(len(bounded_http._lookups) + bounded_http._lock.locked())
    _, status = within(lambda: os.waitpid(child, 0), what="the end of the forked child")
    assert os.waitstatus_to_exitcode(status) == 0
