"""The dashboard on a real socket, and the clock as it is: a tool that measures time needs one that goes."""

import pytest
from pytest_django.live_server_helper import LiveServer

from dashboard.teams.access import tokens
from dashboard.teams.models import Membership
from snapshots.models import Environment
from snapshots.verdicts.rule_times import note
from tests.api.conftest import Script, add_problems, made


@pytest.fixture(autouse=True)
def clock() -> None:
    return None


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_A_MINUTE", 1_000_000)


@pytest.fixture
def served(live_server: LiveServer, mia: Membership, prod: Environment) -> tuple[str, Script]:
    """The server's URL, and a script with a token of acme."""
    add_problems(prod)
    note(prod, is_listed=True)
    return live_server.url, made(mia)[1]
