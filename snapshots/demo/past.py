"""Create the demo's history: real syncs against the simulator, at past times.

The simulator's stories are the same at any time, and the clock is set to each time. So the mirror is the same as if the
dashboard had been running all the time: with deleted snapshots, gaps between syncs, and refused requests.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

from django.conf import settings
from django.utils import timezone

from dashboard.teams.models import Team, User
from snapshots.models import DataGap, Environment, Policy, Volume
from snapshots.policy import exclusions, targets
from snapshots.policy.exclusions import Exclusion
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
FIRST_SYNC = -12 * DAY
# No sync ran in these days: snapshots from then have no exact time.
UNWATCHED = (-9 * DAY, -5 * DAY)
SYNCS = (
    *(FIRST_SYNC, -11 * DAY, -10 * DAY, -9 * DAY, -5 * DAY, -4 * DAY, -3 * DAY, -49 * HOUR, -47 * HOUR, -26 * HOUR),
    *(-8 * HOUR, -4.5 * HOUR, -3.5 * HOUR, -3 * HOUR, -2.5 * HOUR, -50 * MINUTE, -25 * MINUTE),
)
REFUSED_FROM = -2.5 * HOUR


class Clock:
    """A clock that shows a set time."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


def replay(anchor: datetime, keys: Keys) -> None:
    """Run the syncs of the demo's team before `anchor`; the simulator accepts these keys now.

    Only for environments with stories: the others are large, and are first synced when the demo runs.
    """
    clock = Clock(anchor + FIRST_SYNC)
    world = World(environments=(), clock=clock, stories=anchor)
    with _put_to(clock), Simulator(world, keys=dict.fromkeys(keys)) as simulator, _asked(simulator):
        for offset in SYNCS:
            clock.moment = anchor + offset
            if offset >= REFUSED_FROM:
                simulator.keys = dict(keys)
            _sync(offset)
    _watched_between(anchor)


def _watched_between(anchor: datetime) -> None:
    """Note that there are no gaps between these few syncs, except for the days without any."""
    began_at, ended_at = (anchor + day for day in UNWATCHED)
    watched = Environment.objects.filter(watched_at__isnull=False)
    watched.update(silences=[[began_at.isoformat(), ended_at.isoformat()]])
    DataGap.objects.all().delete()
    gaps = [DataGap(environment=each, began_at=began_at, ended_at=ended_at) for each in watched]
    DataGap.objects.bulk_create(gaps)


def _sync(offset: timedelta) -> None:
    """Sync the team's environments at that time."""
    team = Team.objects.get(slug=TEAM)
    # A refused environment backs off longer and longer.
    paths = (SHOP, DEV) if offset <= REFUSED_FROM else (SHOP,)
    watched = [each for each in team.environments.select_related("team") if each.path in paths]
    for outcome in refresh(watched, caller=Caller.FORCE):
        if outcome.denied:
            raise RuntimeError(f"The demo could not sync {outcome.environment.path}: {outcome.denied.why.value}.")
    if offset == FIRST_SYNC:
        _set_policy(team)


def _set_policy(team: Team) -> None:
    """Set a target, and exclude a volume."""
    alice = User.objects.get(email=PERSON)
    targets.set_of_team(team, TARGET_HOURS, person=alice)
    scratch = Volume.objects.of_team(team).filter(name=SCRATCH).values_list("pk", flat=True)
    exclusions.exclude(team, scratch, Exclusion(FOR_EVER, SCRATCH_REASON), person=alice)


@contextmanager
def _put_to(clock: Clock) -> Iterator[None]:
    """Make the product use this clock."""
    with patch.object(timezone, "now", clock):
        yield


@contextmanager
def _asked(simulator: Simulator) -> Iterator[None]:
    """Make the product call this simulator."""
    with patch.object(settings, "CLOUDCA_API_URL", simulator.url):
        yield


def forget() -> None:
    """Delete the mirror and the team's settings, because the simulator's world starts again as well."""
    Environment.everything.all().delete()
    Policy.objects.all().delete()
