"""No way to the provider: its name, its port, its certificate; and the way back."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
import time_machine
from django.test import Client
from pytest_django import Settings

from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.faults.certificates import PAST, Authority
from tests.faults.conftest import PATH, SNAPSHOTS
from tests.faults.figures import KEY
from tests.faults.test_faults import See, held
from tests.views.snapshots.asking import news, press
from tests.views.snapshots.conftest import LIST
from tests.views.snapshots.reading import banners, freshness, rows

pytestmark = pytest.mark.django_db
Name = Callable[[Authority, Path], Path]
UNTRUSTED = "(its certificate cannot be trusted)"

CERTIFICATES: dict[str, Name] = {
    "expired": lambda ours, _: ours.certificate(until=PAST),
    "for another name": lambda ours, _: ours.certificate("127.0.0.2"),
    "self-signed": lambda _, folder: Authority(folder, "Nobody").own(),
    "of an unknown authority": lambda _, folder: Authority(folder, "Strangers").certificate(),
}


def serve(certificate: Path | None = None) -> Simulator:
    world = World(seed=1, environments=[PATH], volumes=4, snapshots=SNAPSHOTS)
    return Simulator(world, keys={KEY: None}, certificate=certificate)


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that the client trusts."""
    authority = Authority(tmp_path)
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(authority.path))
    return authority


def told(see: See, before: int, reason: str) -> None:
    look = see()
    held(look)
    assert (look.shown, look.is_labelled) == (before, True)
    assert [reason in banner for banner in look.banners] == [True]


@pytest.mark.few(1)
@pytest.mark.parametrize("kind", CERTIFICATES)
def test_a_certificate_that_cannot_be_trusted(
    ours: Authority, seen: See, before: int, kind: str, tmp_path: Path, settings: Settings
) -> None:
    with serve(CERTIFICATES[kind](ours, tmp_path)) as provider:
        settings.CLOUDCA_API_URL = provider.url
        told(seen, before, UNTRUSTED)
        assert provider.requests == []


@pytest.mark.few(1)
def test_one_that_can(ours: Authority, seen: See, settings: Settings) -> None:
    with serve(ours.certificate()) as provider:
        settings.CLOUDCA_API_URL = provider.url
        look = seen()
    held(look)
    assert (look.shown, look.tone) == (SNAPSHOTS, "ok")


@pytest.mark.few(1)
def test_plain_http_where_tls_is_expected(seen: See, sim: Simulator, before: int, settings: Settings) -> None:
    settings.CLOUDCA_API_URL = sim.url.replace("http:", "https:")
    told(seen, before, UNTRUSTED)


@pytest.mark.few(1)
@pytest.mark.parametrize("problem", [socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL])
def test_a_name_that_nobody_knows(
    seen: See, before: int, problem: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(problem, "no such name")

    settings.CLOUDCA_API_URL = "https://nowhere.example/v1"
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    told(seen, before, "(cannot be reached)")


@pytest.mark.few(1)
def test_nobody_at_the_port(seen: See, sim: Simulator, before: int) -> None:
    sim.stop()
    told(seen, before, "(cannot be reached)")


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port that answers no further connection: its queue is full and nobody takes from it."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.few(1)
@pytest.mark.usefixtures("short_waits")
def test_a_connection_that_is_never_made(seen: See, before: int, full_port: int, settings: Settings) -> None:
    settings.CLOUDCA_API_URL = f"http://127.0.0.1:{full_port}/v1"
    told(seen, before, "(no answer in time)")


@pytest.mark.parametrize(("status", "banner"), [(403, "The provider rejects this team’s key"), (503, "(error 503)")])
def test_one_environment_fails_and_the_other_is_fresh(
    alice_client: Client, sim: Simulator, both: int, clock: time_machine.Traveller, status: int, banner: str
) -> None:
    sim.fault(environment=PATH, status=status)
    press(alice_client)
    page = alice_client.get(LIST)
    assert len(rows(page)) == both
    assert freshness(page)[1] == "! 1 of 2 environments up to date; prod · compute-on from 12:00 UTC"
    assert [banner in text and "prod · compute-on" in text for text in banners(page)] == [True]


@pytest.fixture
def both(alice_client: Client, environment: Environment, sim: Simulator, clock: time_machine.Traveller) -> int:
    """Two environments listed a minute ago: how many rows they have."""
    Environment.objects.create(team=environment.team, service_code="compute-qc", name="prod")
    press(alice_client)
    clock.shift(61)
    return 2 * SNAPSHOTS


@pytest.mark.few(1)
@pytest.mark.usefixtures("short_waits")
def test_the_first_answer_after_it_clears_all(
    alice_client: Client, seen: See, sim: Simulator, clock: time_machine.Traveller
) -> None:
    sim.fault(hang_at="body", times=1)
    seen()
    clock.shift(61)
    assert news(press(alice_client)).startswith("Checked:")
    page = alice_client.get(LIST)
    assert (banners(page), freshness(page)[0]) == ([], "ok")
