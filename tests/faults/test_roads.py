"""Networks that lead to the provider through a proxy or a private authority: the product, told so by its settings."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from dashboard.secrets import Secret
from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.cloudca.proxy import TUNNEL, proxying
from tests.cloudca.wire import http
from tests.faults.certificates import Authority
from tests.faults.conftest import PATH, SNAPSHOTS
from tests.faults.figures import KEY, holds_key
from tests.faults.test_faults import See, held
from tests.faults.test_product import PASSWORD, TEAM
from tests.management.programs import manage, variables
from tests.views.snapshots.asking import press
from tests.views.snapshots.conftest import LIST
from tests.views.snapshots.reading import rows

HOST = "api.provider.test"  # a name that only the proxy knows
URL = f"https://{HOST}/v1"
USER = "someone:pass-4c81-word@"


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def provider(ours: Authority) -> Iterator[Simulator]:
    world = World(seed=1, environments=[PATH], volumes=4, snapshots=SNAPSHOTS)
    with Simulator(world, keys={KEY: None}, certificate=ours.certificate(HOST)) as simulator:
        yield simulator


PROXY_FAULTS = {
    "The proxy asks for another user name and password": http(b"", "407 Who"),
    "The proxy does not let us through to the provider": http(b"", "403 No"),
    "The proxy could not connect us to the provider": http(b"", "502 Bad"),
    "The proxy did not answer in time": b"",
}


@pytest.mark.few(2)
@pytest.mark.django_db
@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("sentence", PROXY_FAULTS)
def test_a_page_says_that_it_is_the_proxy(
    seen: See, before: int, provider: Simulator, ours: Authority, settings: Settings, sentence: str
) -> None:
    with proxying(provider.port, PROXY_FAULTS[sentence]) as proxy:
        settings.CLOUDCA_API_URL, settings.CLOUDCA_CA_BUNDLE = URL, str(ours.path)
        settings.CLOUDCA_PROXY = Secret(proxy.url(USER))
        look = seen()
    held(look)
    assert (look.shown, look.is_labelled) == (before, True)
    assert [f"({sentence})" in banner for banner in look.banners] == [True]
    assert provider.requests == []


@pytest.mark.django_db
def test_a_page_refreshes_through_both(
    alice_client: Client, environment: Environment, provider: Simulator, ours: Authority, settings: Settings
) -> None:
    with proxying(provider.port) as proxy:
        settings.CLOUDCA_API_URL, settings.CLOUDCA_CA_BUNDLE = URL, str(ours.path)
        settings.CLOUDCA_PROXY = Secret(proxy.url(USER))
        press(alice_client)
    assert len(rows(alice_client.get(LIST))) == SNAPSHOTS
    assert len(proxy.heads) == 1
    assert not holds_key(bytes(proxy.passed) + b"".join(proxy.heads))


@pytest.mark.proof
def test_the_command_obeys_the_settings_alone(
    provider: Simulator, ours: Authority, tmp_path: Path, migrated: Path
) -> None:
    with proxying(provider.port, TUNNEL) as proxy, proxying(provider.port, TUNNEL) as other:
        env = variables(tmp_path, migrated=migrated, CLOUDCA_API_URL=URL, HTTPS_PROXY=other.url())
        env |= {"TEAM_KEY": KEY, "PASSWORD": PASSWORD}
        env |= {"REQUESTS_CA_BUNDLE": str(ours.path), "CLOUDCA_PROXY": proxy.url(USER), "CLOUDCA_CA_BUNDLE": ""}
        (tmp_path / "teams.toml").write_text(TEAM)
        manage("provision", str(tmp_path / "teams.toml"), env=env)
        told = manage("sync_snapshots", env=env, status=1)
        assert "certificate cannot be trusted" in told
        told += manage("sync_snapshots", "--force", env=env | {"CLOUDCA_CA_BUNDLE": str(ours.path)})
    assert f"+{SNAPSHOTS} new" in told
    assert (len(proxy.heads) >= 2, other.heads) == (True, [])
    assert "pass-4c81-word" not in told
