"""Fill the database at DATABASE_URL with a number of volumes, and print the facts that the cases need, as JSON."""

import json
from dataclasses import asdict

from bench.cases import HomeFacts
from bench.world import fill_volumes
from snapshots.models import Volume


def run(size: int) -> None:
    team = fill_volumes(size)
    volumes = Volume.objects.of_team(team)
    newest = volumes.order_by("-snapshot_count", "pk")[0]
    print(json.dumps(asdict(HomeFacts(volumes.count(), newest.volume_id))))
