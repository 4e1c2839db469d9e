"""Fill the database at DATABASE_URL and print the facts that the cases need, as JSON."""

import json
from dataclasses import asdict

from bench.cases import Facts
from bench.people import LARGE
from bench.world import fill
from dashboard.teams.models import Team
from snapshots.models import Snapshot, Volume
from snapshots.rules.taken_time import name_time


def run(size: int) -> None:
    print(json.dumps(asdict(facts(fill(size)))))


def facts(team: Team) -> Facts:
    listed = Snapshot.objects.of_team(team).listed()
    volume = Volume.objects.of_team(team).order_by("-snapshot_count", "pk")[0]
    code, _, name = LARGE.partition("/")
    in_large = listed.filter(environment__service_code=code, environment__name=name).newest_first()
    one = next(row for row in in_large if name_time(row.name))
    return Facts(
        listed=listed.count(),
        volume_id=volume.volume_id,
        snapshot_id=one.snapshot_id,
        stamp=one.name.rpartition("_")[2],
    )
