"""What the API tells, as frozen rows: they are written as JSON and described in the OpenAPI document from one source.

A field that the provider left out is left out here too: no value stands for "nothing".
"""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

Moment = Annotated[datetime, Meta(tz=True)]
Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]


class Snapshot(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A snapshot with the provider's seven fields."""

    id: Uuid
    name: str = ""
    state: str = ""
    interval_type: str = ""
    volume_id: str = ""
    volume: str = ""
    volume_type: str = ""


class Volume(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A volume with those of the provider's fields that the dashboard keeps."""

    id: Uuid
    name: str = ""
    type: str = ""
    creation_date: str = ""
    instance_id: str = ""
    instance_name: str = ""
    zone_name: str = ""
    state: str = ""
    size_in_gb: int | UnsetType = UNSET


class Status(Struct, frozen=True, rename="camel"):
    """Whether a service answered the dashboard when it asked last, and when that was."""

    last_updated: Moment
    reachable: bool


class Connection(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A service that the team watches environments of. The id is the dashboard's own."""

    id: Uuid
    service_code: str
    name: str
    type: str
    status: Status | UnsetType = UNSET


class ConnectionOfEnvironment(Struct, frozen=True, rename="camel"):
    """The service that an environment belongs to."""

    id: Uuid
    name: str
    service_code: str
    type: str


class Environment(Struct, frozen=True, rename="camel"):
    """An environment that the team watches. The id is the dashboard's own."""

    id: Uuid
    name: str
    service_connection: ConnectionOfEnvironment


class TimeRange(Struct, frozen=True, rename="camel", omit_defaults=True):
    """When a snapshot was taken: not before `after`, if that is known, and not after `before`."""

    before: Moment
    after: Moment | UnsetType = UNSET


class JudgedVolume(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A volume with what the dashboard says of it.

    `since`: from when on the verdict holds; `deadline`: until when it holds unless new data comes; both by the
    provider's clock. `label` and `why` are the words of the volumes page.
    """

    id: Uuid
    name: str
    service_code: str
    environment_name: str
    verdict: str
    label: str
    why: str
    usable_count: int
    instance_name: str = ""
    since: Moment | UnsetType = UNSET
    deadline: Moment | UnsetType = UNSET
    newest_usable: TimeRange | UnsetType = UNSET
    data_as_of: Moment | UnsetType = UNSET


class ProblemStep(Struct, frozen=True, rename="camel"):
    """A kind that a problem had, and since when."""

    kind: str
    since: Moment


class Problem(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A problem of a volume; without `volumeId`, of the environment itself.

    `kind`: the present or last one. `began`: between which moments it began; they are equal where that is known.
    Without `ended` it is open. `acknowledgedUntil`: a member asked for quiet until then. All times by the dashboard's
    clock.
    """

    id: int
    kind: str
    service_code: str
    environment_name: str
    began: TimeRange
    steps: list[ProblemStep]
    volume_id: Uuid | UnsetType = UNSET
    volume: str | UnsetType = UNSET
    ended: Moment | UnsetType = UNSET
    end: str | UnsetType = UNSET
    acknowledged_until: Moment | UnsetType = UNSET
    note: str = ""
    ticket: str = ""


class Metadata(Struct, frozen=True, rename="camel"):
    """How many rows there are."""

    record_count: int


class JudgedMetadata(Struct, frozen=True, rename="camel", omit_defaults=True):
    """`recordCount` and `counts`: over all pages; `counts`: by verdict, regardless of the `status` parameter.

    `nextCursor` is there while more rows follow; `neverListed` names environments that have had no complete list
    yet: their volumes are not known.
    """

    record_count: int
    counts: dict[str, int]
    never_listed: list[str] | UnsetType = UNSET
    next_cursor: str | UnsetType = UNSET


class ProblemMetadata(Struct, frozen=True, rename="camel", omit_defaults=True):
    """`recordCount`: over all pages. `nextCursor` is there while more rows follow."""

    record_count: int
    next_cursor: str | UnsetType = UNSET


class SnapshotList(Struct, frozen=True):
    """Snapshots, the newest first."""

    data: list[Snapshot]
    metadata: Metadata


class OneSnapshot(Struct, frozen=True):
    """One snapshot."""

    data: Snapshot


class OneVolume(Struct, frozen=True):
    """One volume."""

    data: Volume


class VolumeList(Struct, frozen=True):
    """Volumes."""

    data: list[Volume]
    metadata: Metadata


class EnvironmentList(Struct, frozen=True):
    """The environments that the token reads; as documented without metadata."""

    data: list[Environment]


class ConnectionList(Struct, frozen=True):
    """The services of the environments that the token reads; as documented without metadata."""

    data: list[Connection]


class JudgedVolumeList(Struct, frozen=True):
    """Volumes with their verdicts, in the order asked for."""

    data: list[JudgedVolume]
    metadata: JudgedMetadata


class ProblemList(Struct, frozen=True):
    """Problems, the newest first."""

    data: list[Problem]
    metadata: ProblemMetadata


class ReportFigures(Struct, frozen=True, rename="camel"):
    """Hours met, not met and unknown, the first as a share of all, and what came of the runs."""

    hours_met: float
    hours_not_met: float
    hours_unknown: float
    percent_met: float
    problems: int
    runs_expected: int
    runs_made: int
    runs_failed: int
    runs_missed: int


class ReportVolume(ReportFigures, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """`targetHours` and `schedules`: the newest rule; `longestGapHours`: without a new usable snapshot."""

    service_code: str
    environment_name: str
    id: str
    name: str
    schedules: list[str]
    counted_since: datetime
    instance_name: str = ""
    target_hours: int | UnsetType = UNSET
    longest_gap_hours: float | UnsetType = UNSET


class ReportGap(Struct, frozen=True, rename="camel"):
    """A time without a complete list of an environment."""

    service_code: str
    environment_name: str
    began: datetime
    ended: datetime


class Report(Struct, frozen=True, rename="camel"):
    """`until`: up to when it counts, in a month in progress now. `total`: of all its volumes, the worst first."""

    since: datetime
    until: datetime
    total: ReportFigures
    volumes: list[ReportVolume]
    gaps: list[ReportGap]


class OneReport(Struct, frozen=True):
    """One report."""

    data: Report


class Address(Struct, frozen=True):
    """What can be asked; with the address's parameters in braces."""

    path: str
    about: str


class Root(Struct, frozen=True):
    """What there is: the description for machines, and the addresses."""

    openapi: str
    addresses: list[Address]


class Error(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Why a request failed; `code` is the HTTP status, `errorCode` its name."""

    code: int
    error_code: str
    message: str
    context: dict[str, str] | UnsetType = UNSET


class Errors(Struct, frozen=True):
    """A body with `errors` is a failure, as the provider documents it."""

    errors: Annotated[list[Error], Meta(min_length=1)]
