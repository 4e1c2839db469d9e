"""A team's volumes with their verdicts: filters, order and words are the volumes page's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.core.signing import BadSignature, Signer
from django.db.models import Q
from django.db.models.expressions import OrderBy
from django.http import Http404, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from msgspec import UNSET, UnsetType

from dashboard.teams.access.tokens import TokenRequest
from snapshots.api import responses, schemas
from snapshots.api.operations import USUAL_ROWS
from snapshots.api.params import NotValid
from snapshots.api.responses import JSON, Asked
from snapshots.api.views import of_token
from snapshots.lists import volume_filters, volume_list
from snapshots.lists.volume_filters import VolumeFilters
from snapshots.models import Environment, Policy
from snapshots.models.volume import VolumeQuerySet
from snapshots.rules.verdict import Verdict
from snapshots.text.labels import volume_name
from snapshots.text.verdict_labels import short_name
from snapshots.text.verdict_reason import why
from snapshots.verdicts.sql import DataAges
from snapshots.verdicts.status import VolumeStatus, status_of, target_of

PAGING = ("limit", "cursor")


@dataclass(frozen=True, slots=True)
class Page:
    """The primary keys of a page, in order; `end`: the keys of its last row's place, None where nothing follows."""

    pks: list[int]
    end: list[object] | None


def team_volumes(request: TokenRequest, asked: Asked, team: str) -> HttpResponse:
    """Give one page of the volumes, with the counts of all."""
    environments, now = of_token(request), timezone.now()
    policy = Policy.objects.filter(team=request.team).first()
    filters, ages = _filters(asked, environments), DataAges.of(environments, now)
    asked_for = filters.environments or environments
    volumes = volume_list.narrowed(environments, filters, ages)
    hours = policy.target_hours if policy else None
    counted = volume_list.tallies(volumes, environments, hours)
    matching = volume_list.shown(volumes, filters, ages)
    ordered = volume_list.ordered(matching, filters, oldest_first=policy is None)
    signer = Signer(salt=f"snapshots.api:{request.team.pk}:{filters.sort}:{policy is None}")
    page = _page(ordered, int(asked.get("limit", [str(USUAL_ROWS)])[0]), start_of(asked, signer))
    metadata = schemas.JudgedMetadata(
        record_count=volume_list.total_of(counted, filters),
        counts=_counts(counted),
        never_listed=[one.path for one in asked_for if one.listed_at is None] or UNSET,
        next_cursor=signer.sign_object(page.end) if page.end else UNSET,
    )
    judged = list(_rows(page.pks, environments, hours, ages))
    response = HttpResponse(msgspec.json.encode(schemas.JudgedVolumeList(judged, metadata)), content_type=JSON)
    responses.say_age_of_all(response, asked_for, now)
    return response


def _filters(asked: Asked, environments: Sequence[Environment]) -> VolumeFilters:
    """Read the page's filters. Raises Http404 for an environment that the token does not read."""
    known_or_404(asked, environments)
    query = QueryDict(mutable=True)
    for name, values in asked.items():
        if name not in PAGING:
            query.setlist(name, values)
    return volume_filters.parse(query, environments)


def known_or_404(asked: Asked, environments: Sequence[Environment]) -> set[str]:
    """Return the paths of the environments that are asked for. Raises Http404 for one that the token does not read."""
    known = {environment.path for environment in environments}
    chosen = set(asked.get("environment", known))
    if not known.issuperset(chosen):
        raise Http404
    return chosen


def start_of(asked: Asked, signer: Signer) -> list[object] | None:
    """Read where to go on. Raises `NotValid` for anything but a cursor of this team and order."""
    if "cursor" not in asked:
        return None
    try:
        read: list[object] = signer.unsign_object(asked["cursor"][0])
    except (BadSignature, ValueError):
        raise NotValid(_("This “cursor” is not of this list in this order.")) from None
    return read


def _page(ordered: VolumeQuerySet, limit: int, start: list[object] | None) -> Page:
    """Read one page, and one row more to know whether another follows."""
    order = [key for key in ordered.query.order_by if isinstance(key, OrderBy)]
    keys = {f"key_{place}": key.expression for place, key in enumerate(order)}
    rows_of_page = ordered.annotate(**keys)
    if start is not None:
        rows_of_page = rows_of_page.filter(_after(order, start))
    found = list(rows_of_page.values_list("pk", *keys)[: limit + 1])
    pks = [pk for pk, *_rest in found[:limit]]
    return Page(pks, [_plain(value) for value in found[limit - 1][1:]] if len(found) > limit else None)


def _after(order: Sequence[OrderBy], start: Sequence[object]) -> Q:
    """What comes after a place: later by the first key, or equal in it and later by the next, and so on."""
    later, equal = Q(pk__in=[]), Q()
    for place, (key, value) in enumerate(zip(order, start, strict=True)):
        name = f"key_{place}"
        later |= equal & _later(name, key, value)
        equal &= Q(**{f"{name}__isnull": True} if value is None else {name: value})
    return later


def _later(name: str, key: OrderBy, value: object) -> Q:
    """What comes after a value of one key. Values that are none stand first or last, as the order says."""
    is_none = Q(**{f"{name}__isnull": True})
    if value is None:
        return ~is_none if key.nulls_first else Q(pk__in=[])
    beyond = Q(**{f"{name}__{'lt' if key.descending else 'gt'}": value})
    return beyond | is_none if key.nulls_last else beyond


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _counts(counted: Sequence[volume_list.Tally]) -> dict[str, int]:
    """Count by verdict, those of which there is none with 0."""
    counts = dict.fromkeys(volume_filters.STATUSES, 0)
    for tally in counted:
        counts[tally.verdict.name.lower()] += tally.number
    return counts


def _rows(
    pks: Sequence[int], environments: Sequence[Environment], hours: int | None, ages: DataAges
) -> Iterator[schemas.JudgedVolume]:
    places = {environment.pk: environment for environment in environments}
    for volume in volume_list.in_order(pks, ages):
        environment = places[volume.environment_id]
        yield _row(status_of(volume, environment, now=ages.now, target=target_of(volume, environment, hours)))


def _row(status: VolumeStatus) -> schemas.JudgedVolume:
    volume, environment = status.volume, status.environment
    newest = volume.newest_usable
    instance = volume_list.instance_of(volume.instance_name, volume.name, newest.name if newest else "")
    before = volume.newest_before
    return schemas.JudgedVolume(
        id=volume.volume_id,
        name=volume_name(volume.volume_id, volume.name),
        service_code=environment.service_code,
        environment_name=environment.name,
        verdict=status.verdict.name.lower(),
        label=short_name(status),
        why=why(status),
        usable_count=volume.usable_count,
        instance_name=instance.name,
        since=_known(status.since),
        deadline=_known(_deadline(status)),
        newest_usable=_time_range(before, volume.newest_after),
        data_as_of=_known(environment.listed_at),
    )


def _time_range(before: datetime | None, after: datetime | None) -> schemas.TimeRange | UnsetType:
    return schemas.TimeRange(before, _known(after)) if before else UNSET


def _known(moment: datetime | None) -> datetime | UnsetType:
    return UNSET if moment is None else moment


def _deadline(status: VolumeStatus) -> datetime | None:
    """Return until when a good verdict stays valid without new data."""
    good = status.verdict < Verdict.UNKNOWN
    return status.volume.doubt_from if good else None
