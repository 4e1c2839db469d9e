"""The running product with its real budgets, while the provider drips: pages come, and the refresh ends."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest
import requests

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from snapshots.sync.refresh import WEB_BUDGET
from tests.faults.figures import KEY, holds_key
from tests.management.programs import Running, free_port, manage, running, until, variables
from tests.waiting import together

PASSWORD = "three-horses-and-a-stapler"
LIST = "/t/acme/snapshots/"
SLACK_SECONDS = 30  # without the budget the refresh would take minutes
PAGES = 20
# The files of the pages; and the ten seconds between two calls as good as over.
READY = """
from snapshots.models import Environment
from dashboard.run.static_files import collect
collect()
Environment.objects.update(tried_at=None)
"""
TEAM = """
[[team]]
slug = "acme"
name = "Acme Platform"
api_key = { env = "TEAM_KEY" }
environments = ["compute-on/prod"]
[[team.member]]
email = "alice@example.com"
role = "admin"
password = { env = "PASSWORD" }
"""


@pytest.fixture
def provider() -> Iterator[Simulator]:
    with Simulator(World(environments=["compute-on/prod"], volumes=4, snapshots=24), keys={KEY: None}) as simulator:
        yield simulator


@pytest.fixture
def product(tmp_path: Path, migrated: Path, provider: Simulator) -> Iterator[tuple[Running, str]]:
    """The web server alone, on rows that were fetched before, and its address."""
    url = f"http://localhost:{free_port()}"
    given = {"SITE_URL": url, "BIND": url.removeprefix("http://"), "TEAM_KEY": KEY, "PASSWORD": PASSWORD}
    env = variables(tmp_path, migrated=migrated, CLOUDCA_API_URL=provider.url, **given)
    (tmp_path / "teams.toml").write_text(TEAM)
    manage("provision", str(tmp_path / "teams.toml"), env=env)
    manage("sync_snapshots", env=env)
    manage("shell", "--verbosity=0", "-c", READY, env=env)
    with running("-m", "gunicorn", "dashboard.wsgi", env=env, folder=tmp_path) as server:
        until(lambda: "Listening at" in server.output, what="the web server")
        yield server, url


def signed_in(url: str) -> requests.Session:
    session = requests.Session()
    page = session.get(f"{url}/accounts/login/", timeout=30)
    fields = {"login": "alice@example.com", "password": PASSWORD, "csrfmiddlewaretoken": token_of(page)}
    assert session.post(f"{url}/accounts/login/?next={LIST}", data=fields, timeout=30).url == url + LIST
    return session


def token_of(page: requests.Response) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


@dataclass
class Waiting:
    """A refresh that waits for the provider, and pages requested at the same time."""

    session: requests.Session
    url: str
    token: str
    ended_at: float | None = None

    def refresh(self) -> float:
        began = monotonic()
        answer = self.session.post(f"{self.url}{LIST}refresh/", data={"csrfmiddlewaretoken": self.token}, timeout=60)
        assert answer.url == self.url + LIST
        self.ended_at = monotonic()
        return self.ended_at - began

    def pages(self) -> int:
        """Ask for pages; return how many came before the refresh ended."""
        for number in range(PAGES):
            page = self.session.get(self.url + LIST, timeout=60)
            if self.ended_at:
                return number
            assert page.text.count('class="row"') == 24
        return PAGES


@pytest.mark.proof
def test_pages_come_while_a_refresh_waits(product: tuple[Running, str], provider: Simulator) -> None:
    server, url = product
    with signed_in(url) as session:
        waiting = Waiting(session, url, token_of(session.get(url + LIST, timeout=30)))
        provider.clear()
        provider.fault(drip=50.0)

        def pages() -> int:
            until(lambda: provider.calls() == 1, what="the call of the refresh")
            return waiting.pages()

        seconds, came = together([waiting.refresh, pages], what="the refresh and the pages")
        told = session.get(url + LIST, timeout=30).text
    assert WEB_BUDGET <= seconds < WEB_BUDGET + SLACK_SECONDS
    assert came > 0
    assert "no answer in time" in told
    assert not holds_key(server.output.encode())
