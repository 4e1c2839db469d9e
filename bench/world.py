"""One team with two environments, filled with the simulator's world by the sync's own writers.

So facets, counts, times and generations are the same as after a real sync.
"""

from dataclasses import replace
from typing import Final

from django.core.management import call_command
from django.utils import timezone

from bench.people import EMAIL, KEY, LARGE, PASSWORD, SMALL, TEAM
from dashboard.secrets import Secret
from dashboard.teams.core.create_account import create_account
from dashboard.teams.models import ApiKey, Membership, Role, Team, User
from snapshots.cloudca.decode import Envelope, read_snapshots, read_volumes
from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.cloudca.replies import Reply, open_reply
from snapshots.models import Environment
from snapshots.policy.targets import set_of_team
from snapshots.simulator.wire import encode, list_body
from snapshots.simulator.world import World
from snapshots.sync.leases import Caller, Claim, claim
from snapshots.sync.store_snapshots import store_listing
from snapshots.sync.store_volumes import store_volumes

SMALL_SNAPSHOTS: Final = 40
LEAST_VOLUMES: Final = 12
SNAPSHOTS_PER_VOLUME: Final = 100
LISTED_PER_GONE: Final = 100
# For the volumes page: one volume in this many is in the second environment.
SMALL_SHARE: Final = 10
SNAPSHOTS_OF_EACH: Final = 10
TARGET_HOURS: Final = 7 * 24


class Unfit(Exception):
    """The database cannot be filled for the benchmark; the text is a sentence."""


def make_team() -> Team:
    """Create the tables, a person, a team and its key in an empty database."""
    call_command("migrate", verbosity=0)
    team = Team.objects.create(slug=TEAM, name="Bench")
    Membership.objects.create(team=team, user=create_account(EMAIL, PASSWORD), role=Role.ADMIN)
    ApiKey.replace(team, Secret(KEY))
    return team


def fill(size: int) -> Team:
    """Give the team `size` listed snapshots in one environment and a few in a second.

    One in a hundred more was listed once and is gone. Large teams have many volumes: one for each hundred snapshots.
    """
    team = make_team()
    for path, count in ((LARGE, size), (SMALL, SMALL_SNAPSHOTS)):
        gone = count // LISTED_PER_GONE
        fill_one(team, path, make_world(path, count + gone), gone)
    return team


def fill_volumes(size: int) -> Team:
    """Give the team `size` volumes of ten snapshots each, most of them in one environment, and an age to judge by."""
    team = make_team()
    for path, volumes in ((LARGE, size - size // SMALL_SHARE), (SMALL, size // SMALL_SHARE)):
        snapshots = volumes * SNAPSHOTS_OF_EACH
        fill_one(team, path, World(environments=[path], volumes=volumes, snapshots=snapshots), gone=0)
    set_of_team(team, TARGET_HOURS, person=User.objects.get(email=EMAIL))
    return team


def fill_one(team: Team, path: str, world: World, gone: int) -> None:
    code, _, name = path.partition("/")
    environment = Environment.objects.create(team=team, service_code=code, name=name)
    _store_volumes(environment, world, path)
    whole = read_snapshots(_opened(list_body([encode(row) for row in world.snapshots(path)])))
    _store_lists(environment, whole, gone)


def make_world(path: str, snapshots: int) -> World:
    return World(
        environments=[path], volumes=max(LEAST_VOLUMES, snapshots // SNAPSHOTS_PER_VOLUME), snapshots=snapshots
    )


def claimed(environment: Environment) -> Claim:
    """Take the environment's lease. Raises Unfit."""
    held = claim(Environment.objects.select_related("team").get(pk=environment.pk), caller=Caller.FORCE)
    if not isinstance(held, Claim):
        raise Unfit(f"The lease of {environment.path} could not be taken: {held.why.value}.")
    return held


def _store_volumes(environment: Environment, world: World, path: str) -> None:
    listing = read_volumes(_opened(list_body([encode(row) for row in world.volumes(path)])))
    store_volumes(claimed(environment), listing, received_at=timezone.now())
    Environment.objects.filter(pk=environment.pk).update(lease_until=None)


def _store_lists(environment: Environment, whole: Listing[SnapshotRecord], gone: int) -> None:
    """Store the complete list, then twice one without its oldest rows: after two lists a row is missing."""
    kept = whole.rows[: len(whole.rows) - gone]
    short = replace(whole, rows=kept, raw_count=len(kept), record_count=len(kept), body_hash="")
    for listing in (whole, short, short) if gone else (whole,):
        store_listing(claimed(environment), listing, received_at=timezone.now())


def _opened(body: bytes) -> Envelope:
    """Decode a body as the client does. Raises Unfit."""
    envelope = open_reply(Reply(200, {}, body), unknown="", conceal=str)
    if not isinstance(envelope, Envelope):
        raise Unfit(f"The simulator's list could not be read: {envelope.sentence}")
    return envelope
