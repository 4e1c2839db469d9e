"""With every fault of the provider, the page works, shows the fault, keeps every row, and never contains the key."""

from base64 import b64encode
from collections.abc import Callable

import pytest

from snapshots.models import Environment
from snapshots.simulator.server import Simulator
from snapshots.sync import refresh
from tests.faults.conftest import SNAPSHOTS
from tests.faults.figures import KEY, Look, holds_key, stored
from tests.faults.variants import ANSWERS, DOUBTED, FLOODS, LISTS, SOCKET, Variant

pytestmark = pytest.mark.django_db
SLACK_SECONDS = 12.0  # for a busy machine; without a budget it would be the 15 s of a silence, or longer

See = Callable[[], Look]


def named(variants: list[Variant]) -> list[object]:
    return [pytest.param(variant, id=variant.name) for variant in variants]


def held(look: Look) -> None:
    """What is true with any fault."""
    assert look.statuses == (200, 200)
    assert (look.lost, look.keys) == (0, 0)
    assert look.refresh_seconds < refresh.WEB_BUDGET + SLACK_SECONDS


def told(look: Look, before: int, variant: Variant) -> None:
    held(look)
    assert look.shown == before
    assert look.is_labelled
    assert [variant.told in banner for banner in look.banners] == [True]


@pytest.mark.few(3)
@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("variant", named([*SOCKET, *ANSWERS]))
def test_a_fault_is_told_and_takes_nothing_away(sim: Simulator, seen: See, before: int, variant: Variant) -> None:
    sim.fault(path="/snapshots", **variant.fault)
    told(seen(), before, variant)


@pytest.mark.few(1)
@pytest.mark.parametrize("variant", named(FLOODS))
def test_a_flood_is_cut_off(sim: Simulator, seen: See, before: int, variant: Variant) -> None:
    sim.fault(path="/snapshots", **variant.fault)
    told(seen(), before, variant)


@pytest.mark.few(3)
@pytest.mark.parametrize("variant", named(LISTS))
def test_an_odd_list_is_told_and_takes_nothing_away(sim: Simulator, seen: See, before: int, variant: Variant) -> None:
    sim.fault(path="/snapshots", **variant.fault)
    look = seen()
    held(look)
    expected = "" if variant.told == DOUBTED and not before else variant.told
    assert [expected in banner for banner in look.banners] == [True] * bool(expected)


def test_fair_weather_is_told_as_such(sim: Simulator, seen: See, caplog: pytest.LogCaptureFixture) -> None:
    look = seen()
    held(look)
    assert (look.shown, look.banners, look.tone, look.stale) == (SNAPSHOTS, [], "ok", False)
    assert '"GET /v1/services/compute-on/prod/snapshots HTTP/1.1" 200' in caplog.text


@pytest.mark.parametrize("form", [KEY, KEY[::-1], KEY.encode().hex(), b64encode(KEY.encode()).decode(), KEY[:15]])
def test_a_key_would_be_found(sim: Simulator, environment: Environment, form: str) -> None:
    assert not holds_key(stored())
    environment.fault_sentence = f"refused: {form}"
    environment.save()
    assert holds_key(stored())
