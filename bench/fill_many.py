"""Fill the database at DATABASE_URL with up to a million snapshots, and print the facts that the cases need, as JSON.

The sync's own writers fill the first environment. SQL copies it to the others, and writes a change for each snapshot:
so a million rows take a minute or two.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace

from django.db import connection, models
from django.utils import timezone

from bench.cases import ManyFacts
from bench.fill import facts
from bench.people import EMAIL, LARGE, SMALL
from bench.world import LISTED_PER_GONE, SNAPSHOTS_OF_EACH, TARGET_HOURS, fill_one, make_team
from dashboard.teams.access import issue_tokens
from dashboard.teams.models import Membership, Team, User
from snapshots.models import Change, Environment, Snapshot, Volume, words
from snapshots.policy.targets import set_of_team
from snapshots.sharing import links
from snapshots.simulator.world import World

ENVIRONMENT_ROWS = 100_000
SMALL_SNAPSHOTS = 40
FIRST_ID_SIGNS = 8
FIRST_COPY = 2


def run(size: int) -> None:
    team = make_team()
    environments = max(1, size // ENVIRONMENT_ROWS)
    _fill(team, LARGE, size // environments)
    if environments == 1:
        _fill(team, SMALL, SMALL_SNAPSHOTS)
    set_of_team(team, TARGET_HOURS, person=User.objects.get(email=EMAIL))
    source = Environment.objects.earliest("pk")
    for copy in range(FIRST_COPY, FIRST_COPY + environments - 1):
        _copy(source, copy)
    words.catch_up()
    _note_changes()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "postgresql" else "PRAGMA optimize")
    print(json.dumps(asdict(_facts(team))))


def _fill(team: Team, path: str, count: int) -> None:
    gone = count // LISTED_PER_GONE
    volumes = max(1, count // SNAPSHOTS_OF_EACH)
    fill_one(team, path, World(environments=[path], volumes=volumes, snapshots=count + gone), gone)


def _copy(source: Environment, copy: int) -> None:
    """Copy an environment with its rows, under other ids, instances' names and times in the names."""
    environment = Environment.objects.get(pk=source.pk)
    environment.pk, environment.name = None, f"{source.name}_{copy}"
    environment.save(force_insert=True)
    new_id = f"'{copy:0{FIRST_ID_SIGNS}x}' || substr({{}}, {FIRST_ID_SIGNS + 1})"
    volume_id = f"CASE WHEN volume_id = '' THEN '' ELSE {new_id.format('volume_id')} END"
    changed = {"environment_id": str(environment.pk), "volume_id": volume_id}
    instance = f"CASE WHEN instance_name = '' THEN '' ELSE instance_name || '-{copy}' END"
    _copy_rows(Volume, source, changed | {"instance_name": instance})
    # Another century: so the time at the end of a default name is that of one snapshot alone.
    name = f"replace(name, '_20', '_{20 + copy}')"
    _copy_rows(Snapshot, source, changed | {"name": name, "snapshot_id": new_id.format("snapshot_id")})
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE snapshots_volume SET newest_usable_id = (SELECT new.id FROM snapshots_snapshot old"
            " JOIN snapshots_snapshot new ON new.environment_id = snapshots_volume.environment_id"
            f" AND new.snapshot_id = {new_id.format('old.snapshot_id')}"
            " WHERE old.id = snapshots_volume.newest_usable_id) WHERE environment_id = %s",
            [environment.pk],
        )


def _copy_rows(model: type[models.Model], source: Environment, changed: Mapping[str, str]) -> None:
    """Insert a model's rows of an environment once more. `changed`: other values, as SQL; never user input."""
    columns = [str(field.column) for field in model._meta.concrete_fields if not field.primary_key]
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(changed.get(column, f'"{column}"') for column in columns)
    with connection.cursor() as cursor:
        table = model._meta.db_table
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE environment_id = %s", [source.pk]
        )


def _note_changes() -> None:
    """Write that each snapshot appeared, at the time when it was taken."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO snapshots_change"
            " (team_id, environment_id, snapshot_id, volume_id, at, kind, before, after, folded)"
            " SELECT team_id, environment_id, id, volume_id, taken_before, %s, '', state, %s FROM snapshots_snapshot",
            [Change.Kind.APPEARED, False],
        )


def _facts(team: Team) -> ManyFacts:
    member = Membership.objects.select_related("user").get(team=team)
    known = facts(team)
    snapshot = Snapshot.objects.of_team(team).get(snapshot_id=known.snapshot_id)
    _link, address = links.make(snapshot, maker=member, days=1, form_id="bench")
    _token, text = issue_tokens.make(member, name="bench", days=1, environments=[], form_id="bench")
    latest = Environment.objects.of_team(team).latest("pk")
    home_volume = Volume.objects.of_team(team).filter(environment=snapshot.environment).order_by("-pk")[0]
    return ManyFacts(
        **asdict(replace(known, volume_id=home_volume.volume_id)),
        volumes=Volume.objects.of_team(team).count(),
        share_url=address[address.index("/s/") :],
        token=text,
        last_environment=latest.path,
        day=f"{timezone.now():%Y-%m-%d}",
    )
