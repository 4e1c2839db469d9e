"""What can be asked: from these declarations come the addresses, the checks of parameters and the OpenAPI document."""

import re
from dataclasses import dataclass

from msgspec import Struct

from snapshots.api import params, schemas
from snapshots.api.params import Parameter
from snapshots.lists.volume_filters import BANDS, NO_SCHEDULE, SORTS, STATUSES
from snapshots.models import Problem
from snapshots.rules.schedules import TYPES

ROOT = "/api/v1"
MOST_ROWS, USUAL_ROWS = 1000, 100
HOLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One address. `path`: below the root, with its parameters in braces; `of_list`: it tells how old its data is.

    `is_strict`: a parameter that is not declared is refused; the provider passes over those.
    """

    name: str
    path: str
    about: str
    answer: type[Struct]
    query: tuple[Parameter, ...] = ()
    of_list: bool = False
    may_be_closed: bool = False
    is_strict: bool = False

    @property
    def in_path(self) -> list[Parameter]:
        return [PATH_PARAMETERS[name] for name in HOLE.findall(self.path)]

    @property
    def pattern(self) -> str:
        """The address as a regular expression. Any slash may be doubled: that is how the provider's Go client asks."""
        groups = HOLE.sub(lambda hole: f"(?P<{hole[1]}>{PATH_PARAMETERS[hole[1]].pattern})", ROOT + self.path)
        return "^" + groups.removeprefix("/").replace("/", "/+") + r"/*\Z"


PATH_PARAMETERS = {
    parameter.name: parameter
    for parameter in (
        params.segment("service_code", "The service code, as in the provider’s addresses."),
        params.segment("environment_name", "The name of the environment."),
        params.uuid("snapshot_id", "The id of the snapshot."),
        params.uuid("volume_id", "The id of the volume."),
        params.slug("team", "The team, as in the addresses of the dashboard."),
        params.month("month", "The month (UTC), as 2026-11; one that has not begun is not found."),
    )
}
ENVIRONMENTS = Operation(
    "environments", "/environments", "The environments that the token reads", schemas.EnvironmentList
)
CONNECTIONS = Operation("connections", "/services/connections", "The services of these", schemas.ConnectionList)
SNAPSHOTS = Operation(
    "snapshots",
    "/services/{service_code}/{environment_name}/snapshots",
    "The snapshots of an environment: the provider’s newest complete list as mirrored, the newest first",
    schemas.SnapshotList,
    query=(params.uuid("volume_id", "Only those of this volume."),),
    of_list=True,
)
SNAPSHOT = Operation(
    "snapshot",
    "/services/{service_code}/{environment_name}/snapshots/{snapshot_id}",
    "One snapshot of an environment",
    schemas.OneSnapshot,
    of_list=True,
)
VOLUMES = Operation(
    "volumes",
    "/services/{service_code}/{environment_name}/volumes",
    "The volumes of an environment: the provider’s newest complete list as mirrored",
    schemas.VolumeList,
    query=(
        params.uuid("instance_id", "Only those of this instance."),
        params.one_of("type", "Only those of this type.", ["os", "data", "OS", "DATA"]),
    ),
    of_list=True,
    may_be_closed=True,
)
VOLUME = Operation(
    "volume",
    "/services/{service_code}/{environment_name}/volumes/{volume_id}",
    "One volume of an environment",
    schemas.OneVolume,
    of_list=True,
    may_be_closed=True,
)
TEAM_VOLUMES = Operation(
    "team_volumes",
    "/teams/{team}/volumes",
    "The team’s volumes with their verdicts, filtered and sorted as on the volumes page",
    schemas.JudgedVolumeList,
    query=(
        params.places("environment", "Only those of these environments: service code/name."),
        params.one_of("schedule", "Only those with these schedules.", [*TYPES, NO_SCHEDULE], many=True),
        params.one_of(
            "status",
            "Only those with these verdicts. Without it and without a search all that are judged.",
            STATUSES,
            many=True,
        ),
        params.one_of("age", "Only those whose newest usable snapshot is of this age.", BANDS, many=True),
        params.text("q", "Words that the name, the instance or the beginning of the id hold."),
        params.one_of(
            "sort", "The order; with - reversed. Usually the worst first.", [*SORTS, *(f"-{name}" for name in SORTS)]
        ),
        params.whole_number("limit", "How many rows at most.", most=MOST_ROWS, usual=USUAL_ROWS),
        params.cursor("cursor", "Where to go on: `nextCursor` of the answer before, with the same order."),
    ),
    is_strict=True,
)
TEAM_PROBLEMS = Operation(
    "team_problems",
    "/teams/{team}/problems",
    "The problems of the team’s volumes and environments, from their beginning to their end, the newest first",
    schemas.ProblemList,
    query=(
        params.places("environment", "Only those of these environments: service code/name."),
        params.one_of("state", "Only open, acknowledged or ended ones.", ["open", "acknowledged", "ended"]),
        params.one_of("kind", "Only those of these kinds.", [kind.code for kind in Problem.Kind], many=True),
        params.uuid("volume_id", "Only those of this volume."),
        params.whole_number("limit", "How many rows at most.", most=MOST_ROWS, usual=USUAL_ROWS),
        params.cursor("cursor", "Where to go on: `nextCursor` of the answer before."),
    ),
    is_strict=True,
)
TEAM_REPORT = Operation(
    "team_report",
    "/teams/{team}/reports/{month}",
    "The report of a month: for how long each volume met its target and schedules, its runs and its problems",
    schemas.OneReport,
    is_strict=True,
)
OPERATIONS = (
    *(ENVIRONMENTS, CONNECTIONS, SNAPSHOTS, SNAPSHOT, VOLUMES, VOLUME),
    *(TEAM_VOLUMES, TEAM_PROBLEMS, TEAM_REPORT),
)
