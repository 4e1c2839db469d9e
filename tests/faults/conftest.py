"""One environment with provider faults, seen through its pages, and the figures of all trials."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.cloudca import http as bounded_http
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from snapshots.sync import refresh
from tests.faults.figures import KEY, LINES, TABLE, Look, look, summed
from tests.faults.variants import NOT_IN_TIME
from tests.views.snapshots.asking import press

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PATH, OTHER_PATH = "compute-on/prod", "compute-qc/prod"
SNAPSHOTS = 24
SHORT_BUDGET = 1.5


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def short_waits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up early where the test is about a wait: what it ends with does not depend on its length.

    An answer that is expected has all its time, as the machine may be busy, and so has the time without faults before.
    """
    given = getattr(getattr(request.node, "callspec", None), "params", {})
    told = given["variant"].told if "variant" in given else given.get("sentence", NOT_IN_TIME)
    if "in time" not in told:
        return
    if "before" in request.fixturenames:
        request.getfixturevalue("before")
    monkeypatch.setattr(refresh, "WEB_BUDGET", SHORT_BUDGET)
    monkeypatch.setattr(bounded_http, "CONNECT_SECONDS", SHORT_BUDGET / 2)


@pytest.fixture(autouse=True)
def every_word(caplog: pytest.LogCaptureFixture) -> None:
    """Let every log speak, those too that the product keeps quiet; only templates that miss a name would drown it."""
    caplog.set_level(logging.INFO, logger="django.template")
    for name in ("urllib3", "django", ""):  # last the one whose level the handler keeps
        caplog.set_level(logging.DEBUG, logger=name)


@pytest.fixture
def environment(team: Team) -> Environment:
    ApiKey.replace(team, Secret(KEY))
    return Environment.objects.create(team=team, service_code="compute-on", name="prod")


@pytest.fixture
def sim(clock: time_machine.Traveller, environment: Environment, settings: Settings) -> Iterator[Simulator]:
    world = World(seed=1, environments=[PATH, OTHER_PATH], volumes=4, snapshots=SNAPSHOTS)
    with Simulator(world, keys={KEY: None}) as simulator:
        settings.CLOUDCA_API_URL = simulator.url
        yield simulator


@pytest.fixture(params=["cold", "warm"])
def before(request: pytest.FixtureRequest, alice_client: Client, sim: Simulator, clock: time_machine.Traveller) -> int:
    """The rows before the fault: none, or those of a minute ago."""
    if request.param == "cold":
        return 0
    assert press(alice_client).status_code == 200
    clock.shift(timedelta(seconds=61))
    return SNAPSHOTS


@pytest.fixture
def seen(
    alice_client: Client,
    before: int,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    record_property: Callable[[str, object], None],
) -> Callable[[], Look]:
    """Press the button, look at the page, and keep the figures."""

    def see() -> Look:
        found = look(alice_client, before, lambda: caplog.text + "".join(capfd.readouterr()))
        record_property(TABLE, found.figures())
        return found

    return see


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of each test leave one case for each sentence, on old rows, and one on a first day; `make proof` tries all."""
    tried = Counter[tuple[str, ...]]()
    for item in items:
        given = getattr(getattr(item, "callspec", None), "params", {})
        if isinstance(item, pytest.Function) and "before" in given:
            case = given.get("variant") or given.get("sentence") or given.get("kind") or ""
            sentence = re.sub(r"\d+", "", getattr(case, "told", str(case))) if given["before"] == "warm" else ""
            tried[item.function.__name__, given["before"], sentence] += 1
            if tried[item.function.__name__, given["before"], sentence] > 1:
                item.add_marker("proof")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    figures = [value for each in reports for name, value in each.user_properties if name == TABLE]
    lines = [line for each in reports for name, value in each.user_properties if name == LINES for line in value]
    for line in [*(summed(figures) if figures else []), *lines]:
        terminalreporter.write_line(line)
