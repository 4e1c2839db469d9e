"""The mirror in the provider's own shape. Nothing here asks the provider, knows a session or writes a row."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from msgspec import UNSET

from dashboard.teams.access.tokens import TokenRequest
from snapshots.api import responses, schemas
from snapshots.api.openapi import document
from snapshots.api.operations import OPERATIONS, ROOT
from snapshots.api.responses import JSON, Asked, doubts_of_snapshots
from snapshots.models import Environment, Snapshot, Volume
from snapshots.models.environment import VOLUMES_EVERY
from snapshots.models.snapshot import SnapshotQuerySet
from snapshots.models.volume import VolumeQuerySet

# As the provider names the kind of service that snapshots belong to.
SERVICE_TYPE = "CloudCA"
SNAPSHOT_COLUMNS = ("snapshot_id", "name", "state", "interval_type", "volume_id", "volume", "volume_type")
VOLUME_COLUMNS = (
    *("volume_id", "name", "kind", "created", "instance_id", "instance_name", "zone_name", "state", "size_in_gb"),
)
FETCHED = 2000


@csrf_exempt
def openapi(request: HttpRequest) -> HttpResponse:
    """Describe the API to anybody: the description tells nothing of any team."""
    return HttpResponse(document(), content_type=JSON)


@csrf_exempt
def root(request: HttpRequest) -> HttpResponse:
    """Tell anybody what can be asked here, and where it is described."""
    addresses = [schemas.Address(f"{ROOT}{operation.path}", operation.about) for operation in OPERATIONS]
    return responses.one(schemas.Root(settings.SITE_URL + reverse("api:openapi"), addresses))


def environments(request: TokenRequest, asked: Asked) -> HttpResponse:
    return responses.plain_list([_environment(environment) for environment in of_token(request)])


def connections(request: TokenRequest, asked: Asked) -> HttpResponse:
    """Give each service once, with whether any of its environments answered when it was asked last."""
    by_code: dict[str, list[Environment]] = {}
    for environment in of_token(request):
        by_code.setdefault(environment.service_code, []).append(environment)
    return responses.plain_list([_connection(code, members) for code, members in by_code.items()])


def snapshots(request: TokenRequest, asked: Asked, service_code: str, environment_name: str) -> HttpResponseBase:
    """Give the newest list of an environment, whole or of one volume."""
    environment, now = _find(request, service_code, environment_name), timezone.now()
    as_of = _listed_at(environment, now)
    volume_id = "".join(asked.get("volume_id", [])).lower()
    tag = _tag(request, "snapshots", environment, volume_id)
    if responses.has_already(request, tag):
        response: HttpResponseBase = responses.not_modified()
    else:
        found = _listed(environment)
        if volume_id:
            found = found.filter(team=request.team, volume_id=volume_id)
        columns = found.newest_first().values_list(*SNAPSHOT_COLUMNS)
        response = responses.counted_list(schemas.Snapshot(*row) for row in columns.iterator(FETCHED))
    response.headers["ETag"] = tag
    responses.say_age(response, as_of, doubts_of_snapshots(environment, now), now)
    return response


def snapshot(
    request: TokenRequest, asked: Asked, service_code: str, environment_name: str, snapshot_id: str
) -> HttpResponseBase:
    """Give one snapshot of an environment's newest list."""
    environment, now = _find(request, service_code, environment_name), timezone.now()
    as_of = _listed_at(environment, now)
    tag = _tag(request, "snapshot", environment, snapshot_id.lower())
    row = _listed(environment).filter(snapshot_id=snapshot_id.lower()).values_list(*SNAPSHOT_COLUMNS).first()
    if row is None:
        raise Http404
    response = (
        responses.not_modified() if responses.has_already(request, tag) else responses.one(schemas.Snapshot(*row))
    )
    response.headers["ETag"] = tag
    responses.say_age(response, as_of, doubts_of_snapshots(environment, now), now)
    return response


def volumes(request: TokenRequest, asked: Asked, service_code: str, environment_name: str) -> HttpResponseBase:
    """Give the newest list of an environment's volumes."""
    environment, now = _find(request, service_code, environment_name), timezone.now()
    as_of = _volumes_listed_at(environment, now)
    instance_id, kind = ("".join(asked.get(name, [])).lower() for name in ("instance_id", "type"))
    tag = _tag(request, "volumes", environment, instance_id, kind)
    if responses.has_already(request, tag):
        response: HttpResponseBase = responses.not_modified()
    else:
        found = _volumes(environment, instance_id, kind).order_by("pk").values_list(*VOLUME_COLUMNS)
        response = responses.counted_list(_volume(*row) for row in found.iterator(FETCHED))
    response.headers["ETag"] = tag
    responses.say_age(response, as_of, _doubts_of_volumes(environment, now), now)
    return response


def volume(
    request: TokenRequest, asked: Asked, service_code: str, environment_name: str, volume_id: str
) -> HttpResponseBase:
    """Give one volume of an environment's newest list."""
    environment, now = _find(request, service_code, environment_name), timezone.now()
    as_of = _volumes_listed_at(environment, now)
    tag = _tag(request, "volume", environment, volume_id.lower())
    row = _volumes(environment).filter(volume_id=volume_id.lower()).values_list(*VOLUME_COLUMNS).first()
    if row is None:
        raise Http404
    response = responses.not_modified() if responses.has_already(request, tag) else responses.one(_volume(*row))
    response.headers["ETag"] = tag
    responses.say_age(response, as_of, _doubts_of_volumes(environment, now), now)
    return response


def of_token(request: TokenRequest) -> list[Environment]:
    """Give the environments that a token reads, by service code and name."""
    shown = request.team.environments.order_by("service_code", "name")
    reach = set(request.token.environments)
    return [environment for environment in shown if not reach or environment.path in reach]


def _find(request: TokenRequest, service_code: str, name: str) -> Environment:
    """Raises Http404, the same for one that is unknown, removed, another team's or out of the token's reach."""
    found: Environment | None = request.team.environments.filter(service_code=service_code, name=name).first()
    reach = request.token.environments
    if found is None or (reach and found.path not in reach):
        raise Http404
    return found


def _listed_at(environment: Environment, now: datetime) -> datetime:
    if environment.listed_at is None:
        raise responses.not_listed(environment.next_try_at, now)
    return environment.listed_at


def _volumes_listed_at(environment: Environment, now: datetime) -> datetime:
    if environment.half_written_since or environment.volumes_listed_at is None:
        if environment.knows_volumes:
            raise responses.not_listed(environment.volumes_next_try_at, now)
        raise responses.closed()
    return environment.volumes_listed_at


def _listed(environment: Environment) -> SnapshotQuerySet:
    """What the newest complete list holds: what it left out is not there, confirmed or not."""
    found: SnapshotQuerySet = Snapshot.objects.filter(environment=environment, missing_since=None)
    return found.listed()


def _volume(*row: Any) -> schemas.Volume:
    """Of a row of `VOLUME_COLUMNS`: eight texts and a size, which may be unknown."""
    *texts, size = row
    return schemas.Volume(*texts, UNSET if size is None else size)  # type: ignore[call-arg]


def _volumes(environment: Environment, instance_id: str = "", kind: str = "") -> VolumeQuerySet:
    listed = {"from_endpoint": True, "missing_since": None, "deleted_at": None}
    found: VolumeQuerySet = Volume.objects.filter(environment=environment, **listed)
    if instance_id:
        found = found.filter(instance_id=instance_id)
    return found.filter(kind__iexact=kind) if kind else found


def _tag(request: TokenRequest, what: str, environment: Environment, *query: str) -> str:
    """Every write of an environment's rows raises its generation: while that stands, so does the answer."""
    reach = sorted(request.token.environments)
    listed = (environment.listed_at is None, environment.volumes_listed_at is None)
    return responses.tag_of(request.team.pk, reach, what, environment.rows_version, listed, *query)


def _doubts_of_volumes(environment: Environment, now: datetime) -> Iterator[str]:
    if not environment.knows_volumes or environment.is_refused:
        yield "refused"
    elif environment.volumes_fault or environment.fault_kind:
        yield "fault"
    if environment.volumes_suspect_since:
        yield "suspect"
    # Volumes are asked for less often than snapshots.
    listed_at = environment.volumes_listed_at
    if listed_at and now - listed_at > max(2 * VOLUMES_EVERY, timedelta(seconds=2 * settings.SYNC_TTL_SECONDS)):
        yield "old"


def _id(environment: Environment, path: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{settings.SITE_URL}/{environment.team_id}/{path}"))


def _environment(environment: Environment) -> schemas.Environment:
    code = environment.service_code
    service = schemas.ConnectionOfEnvironment(_id(environment, code), code, code, SERVICE_TYPE)
    return schemas.Environment(_id(environment, environment.path), environment.name, service)


def _connection(code: str, members: list[Environment]) -> schemas.Connection:
    tried = [environment for environment in members if environment.tried_at]
    moments = [environment.tried_at for environment in tried if environment.tried_at]
    answers = any(not environment.fault_kind for environment in tried)
    status = schemas.Status(max(moments), answers) if moments else UNSET
    return schemas.Connection(_id(members[0], code), code, code, SERVICE_TYPE, status)
