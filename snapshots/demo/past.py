"""What the demo already knows when it comes up: real syncs against the simulator, at moments that have passed.

The simulator's stories are the same at any moment, and the clock is moved there. So the mirror holds what it would hold
had it been there all the time: what was deleted meanwhile, what came while nobody looked, what was refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

from django.conf import settings
from django.utils import timezone

from dashboard.teams.models import Team, User
from snapshots.models import Environment, Policy, Volume
from snapshots.policy import exemptions, targets
from snapshots.policy.exemptions import Exemption
from snapshots.simulator.api import Keys
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from snapshots.sync.leases import Caller
from snapshots.sync.refresh import refresh
from snapshots.verdicts.sql import FOR_EVER

TEAM, PERSON = "acme", "alice@example.com"
SHOP, DEV = "compute-on/shop", "compute-qc/dev"
TARGET_HOURS = 7 * 24
SCRATCH, SCRATCH_REASON = "ci-scratch", "Rebuilt from code every night"
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
FIRST_LOOK = -12 * DAY
# In these days nobody looked: what was taken then has no exact time.
UNWATCHED = (-9 * DAY, -5 * DAY)
LOOKS = (
    *(FIRST_LOOK, -11 * DAY, -10 * DAY, -9 * DAY, -5 * DAY, -4 * DAY, -3 * DAY, -49 * HOUR, -47 * HOUR, -26 * HOUR),
    *(-8 * HOUR, -4.5 * HOUR, -3.5 * HOUR, -3 * HOUR, -2.5 * HOUR, -50 * MINUTE, -25 * MINUTE),
)
REFUSED_FROM = -2.5 * HOUR


class Clock:
    """Stands at the moment that it was put to."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


def replay(anchor: datetime, keys: Keys) -> None:
    """Look at the provider as often as the demo's team has before `anchor`; the simulator knows these keys now.

    Only environments that tell stories: the others are large, and are met for the first time when the demo is up.
    """
    clock = Clock(anchor + FIRST_LOOK)
    world = World(environments=(), clock=clock, stories=anchor)
    with _put_to(clock), Simulator(world, keys=dict.fromkeys(keys)) as simulator, _asked(simulator):
        for look in LOOKS:
            clock.moment = anchor + look
            if look >= REFUSED_FROM:
                simulator.keys = dict(keys)
            _look(look)
    _watched_between(anchor)


def _watched_between(anchor: datetime) -> None:
    """Between these few syncs the team's would have listed the same, except for the days without any."""
    silence = [(anchor + day).isoformat() for day in UNWATCHED]
    Environment.objects.filter(watched_at__isnull=False).update(silences=[silence])


def _look(look: timedelta) -> None:
    """Refresh what the team watches at that time."""
    team = Team.objects.get(slug=TEAM)
    # What is refused waits longer and longer until it is asked for again.
    paths = (SHOP, DEV) if look <= REFUSED_FROM else (SHOP,)
    watched = [each for each in team.environments.select_related("team") if each.path in paths]
    for outcome in refresh(watched, caller=Caller.FORCE):
        if outcome.denied:
            raise RuntimeError(f"The demo could not look at {outcome.environment.path}: {outcome.denied.why.value}.")
    if look == FIRST_LOOK:
        _speak(team)


def _speak(team: Team) -> None:
    """How old a snapshot may be, and which volume needs none."""
    alice = User.objects.get(email=PERSON)
    targets.set_of_team(team, TARGET_HOURS, person=alice)
    scratch = Volume.objects.of_team(team).filter(name=SCRATCH).values_list("pk", flat=True)
    exemptions.exempt(team, scratch, Exemption(FOR_EVER, SCRATCH_REASON), person=alice)


@contextmanager
def _put_to(clock: Clock) -> Iterator[None]:
    """Let the product read the time from this clock."""
    with patch.object(timezone, "now", clock):
        yield


@contextmanager
def _asked(simulator: Simulator) -> Iterator[None]:
    """Let the product ask this simulator."""
    with patch.object(settings, "CLOUDCA_API_URL", simulator.url):
        yield


def forget() -> None:
    """Empty the mirror, and what was said of it: the simulator's world begins anew as well."""
    Environment.everything.all().delete()
    Policy.objects.all().delete()
