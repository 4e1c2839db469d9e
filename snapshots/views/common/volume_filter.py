"""The typed volume filter of the snapshots and changes pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.teams.models import Team
from snapshots.lists.params import NO_VOLUME
from snapshots.models import Environment, Volume, VolumeQuerySet
from snapshots.text.labels import grouped, volume_name
from snapshots.views.common.components import Chip, Choice, FilterGroup, VolumeFilter, chip, without

MOST_FOUND = 20


class VolumeQuestion(Protocol):
    """The filters of a page that asks for volumes."""

    @property
    def volume_ids(self) -> tuple[str, ...]: ...
    @property
    def volume_q(self) -> str: ...
    @property
    def environments(self) -> tuple[Environment, ...]: ...
    def query(self, **changes: object) -> str: ...


@dataclass(frozen=True, slots=True)
class FilterBar:
    groups: list[FilterGroup]
    volume_filter: VolumeFilter
    chips: list[Chip]


def volume_filter(
    team: Team,
    environments: Sequence[Environment],
    filters: VolumeQuestion,
    prefix: str,
    *,
    volumes: Sequence[Volume],
    found: Sequence[Volume],
) -> VolumeFilter:
    """The chosen volumes, and at most 20 of those found."""
    places = {environment.pk: environment for environment in environments}
    return VolumeFilter(
        query=filters.volume_q,
        chosen=_chosen_choices(volumes, filters, places, prefix),
        found=[
            *_no_volume_choice(environments, filters, prefix),
            *(_volume_choice(volume, filters, places, prefix, checked=False) for volume in found[:MOST_FOUND]),
        ],
        more=len(found) > MOST_FOUND,
        search_url=reverse("snapshots:volume_choices", args=[team.slug]),
    )


def chosen_volumes(team: Team, filters: VolumeQuestion) -> list[Volume]:
    ids = [value for value in filters.volume_ids if value != NO_VOLUME]
    return list(Volume.objects.of_team(team).filter(volume_id__in=ids).order_by("name", "pk")) if ids else []


def offered_volumes(team: Team, filters: VolumeQuestion) -> list[Volume]:
    """What the typed text finds; before a letter is typed, the volumes with the most snapshots. One more than shown."""
    if filters.volume_q:
        return find_volumes(team, filters)
    return list(_within(team, filters).order_by("-snapshot_count", "name", "pk")[: MOST_FOUND + 1])


def find_volumes(team: Team, filters: VolumeQuestion) -> list[Volume]:
    return list(_within(team, filters).matching(filters.volume_q).order_by("name", "pk")[: MOST_FOUND + 1])


def _within(team: Team, filters: VolumeQuestion) -> VolumeQuerySet:
    volumes = Volume.objects.of_team(team).exclude(volume_id__in=filters.volume_ids)
    if filters.environments:
        volumes = volumes.filter(environment__in=filters.environments)
    return volumes.filter(Q(snapshot_count__gt=0) | Q(listed=True))


def _chosen_choices(
    volumes: Sequence[Volume], filters: VolumeQuestion, places: dict[int, Environment], prefix: str
) -> list[Choice]:
    choices = [_volume_choice(volume, filters, places, prefix, checked=True) for volume in volumes]
    known = {volume.volume_id for volume in volumes}
    for value in filters.volume_ids:
        if value not in known:
            choices.append(Choice(value, _unknown_volume(value), checked=True))
    return choices


def _volume_choice(
    volume: Volume, filters: VolumeQuestion, places: dict[int, Environment], prefix: str, *, checked: bool
) -> Choice:
    parts = [volume.instance_name, places[volume.environment_id].place if volume.environment_id in places else ""]
    return Choice(
        value=volume.volume_id,
        label=volume_name(volume.volume_id, volume.name),
        count=grouped(volume.snapshot_count),
        checked=checked,
        detail=" · ".join(part for part in parts if part),
        url=prefix + filters.query(volume_ids=(*filters.volume_ids, volume.volume_id)),
    )


def _no_volume_choice(environments: Sequence[Environment], filters: VolumeQuestion, prefix: str) -> list[Choice]:
    """Snapshots that name no volume have a choice of their own, where there are any and nothing is searched for."""
    shown = filters.environments or environments
    number = sum(int(environment.facets.get("no_volume", 0)) for environment in shown)
    if not number or filters.volume_q or NO_VOLUME in filters.volume_ids:
        return []
    url = prefix + filters.query(volume_ids=(*filters.volume_ids, NO_VOLUME))
    return [Choice(NO_VOLUME, _("No volume"), grouped(number), url=url)]


def _unknown_volume(value: str) -> str:
    if value == NO_VOLUME:
        return _("No volume")
    return _("Volume %(id)s… (no snapshot known)") % {"id": value[:8]}


def volume_chip(
    value: str, environments: Sequence[Environment], volumes: Sequence[Volume], filters: VolumeQuestion, prefix: str
) -> Chip:
    url = prefix + filters.query(volume_ids=without(filters.volume_ids, value))
    volume = next((volume for volume in volumes if volume.volume_id == value), None)
    if volume is None:
        label = _unknown_volume(value)
        return Chip(label, url, _("Remove filter: %(label)s") % {"label": label})
    place = next((environment.place for environment in environments if environment.pk == volume.environment_id), "")
    return chip(_("Volume"), f"{volume_name(value, volume.name)} · {place}", url)
