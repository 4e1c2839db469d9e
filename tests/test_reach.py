"""How many modules of `snapshots` a request enters: a reader who follows it must open as many files.

The figures are printed with the run. The limits keep them from growing unseen: raise one only with a reason.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
from django.core.cache import caches
from django.test import Client

from dashboard.teams.models import User
from snapshots.models import Environment
from snapshots.policy import targets
from snapshots.simulator.server import Simulator
from tests.sync.conftest import environment, key, seen, sim
from tests.sync.steps import PATH, refreshed
from tests.views.snapshots.conftest import clock

__all__ = ["clock", "environment", "key", "seen", "sim"]

pytestmark = pytest.mark.django_db
OURS = "snapshots."
PAGES = {"snapshots": ("/t/acme/snapshots/", 24), "volumes": ("/t/acme/volumes/", 35)}
# Four of them decide what to announce, three find the rhythm of manual snapshots.
SYNC_LIMIT = 46


@contextmanager
def entered() -> Iterator[set[str]]:
    """Collect the names of our modules of which a function is called."""
    found: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        name = str(frame.f_globals.get("__name__", ""))
        if event == "call" and name.startswith(OURS):
            found.add(name)

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("page", PAGES)
def test_modules_entered_by_a_page(
    seen: Environment, alice_client: Client, figures: Callable[..., None], page: str
) -> None:
    address, limit = PAGES[page]
    # The first question, which a team answers once, also calculates what each answer would mean.
    targets.set_of_team(seen.team, 24, person=User.objects.get())
    alice_client.get(address)  # the first request also loads modules
    caches["fragments"].clear()
    with entered() as found:
        assert alice_client.get(address).status_code == 200
    figures("modules entered", **{page: len(found)})
    assert len(found) <= limit, sorted(found)


def test_modules_entered_by_a_sync_that_finds_one_changed_row(
    seen: Environment, sim: Simulator, figures: Callable[..., None]
) -> None:
    sim.world.add_snapshot(PATH)
    with entered() as found:
        assert refreshed(seen).added == 1
    found = {name for name in found if not name.startswith("snapshots.simulator.")}
    figures("modules entered", sync=len(found))
    assert len(found) <= SYNC_LIMIT, sorted(found)
