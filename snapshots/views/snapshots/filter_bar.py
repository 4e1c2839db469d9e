"""The filter bar's choices with their numbers, the chips, and the typed volume filter."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from django.db.models import Q
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dashboard.teams.models import Team
from snapshots.lists.params import NO_VOLUME
from snapshots.lists.snapshot_filters import OLDER, UNDATED_AGE, Filters
from snapshots.lists.snapshot_list import facet
from snapshots.models import Environment, Volume, VolumeQuerySet
from snapshots.rules import states
from snapshots.text.labels import volume_name
from snapshots.views.common.components import Chip, Choice, FilterGroup, VolumeFilter

MOST_FOUND = 20
T = TypeVar("T")


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


def filter_bar(
    team: Team, environments: Sequence[Environment], filters: Filters, prefix: str, volumes: Sequence[Volume]
) -> FilterBar:
    """The bar of a view; `volumes` are the chosen ones."""
    return FilterBar(
        groups=_groups(environments, filters),
        volume_filter=volume_filter(
            team, environments, filters, prefix, volumes=volumes, found=_find(team, filters) if filters.volume_q else []
        ),
        chips=_chips(environments, volumes, filters, prefix),
    )


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
        return _find(team, filters)
    return list(_within(team, filters).order_by("-snapshot_count", "name", "pk")[: MOST_FOUND + 1])


def _find(team: Team, filters: VolumeQuestion) -> list[Volume]:
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
        count=_number(volume.snapshot_count),
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
    return [Choice(NO_VOLUME, _("No volume"), _number(number), url=url)]


def _unknown_volume(value: str) -> str:
    if value == NO_VOLUME:
        return _("No volume")
    return _("Volume %(id)s… (no snapshot known)") % {"id": value[:8]}


def _groups(environments: Sequence[Environment], filters: Filters) -> list[FilterGroup]:
    counted = filters.environments or environments
    return [
        _facet_group("state", _("State"), facet(counted, "state"), states.STATES, filters.states),
        _facet_group(
            "interval_type", _("Type"), facet(counted, "interval_type"), states.INTERVAL_TYPES, filters.interval_types
        ),
        _age_group(filters),
        _environment_group(environments, filters),
        _listed_group(counted, filters),
    ]


def _facet_group(
    name: str, label: str, counts: dict[str, int], known: Iterable[str], chosen: tuple[str, ...]
) -> FilterGroup:
    """Every value that occurs or is chosen, the usual ones first, each with the number of listed rows."""
    order = {value: place for place, value in enumerate(known)}
    values = sorted({*counts, *chosen} - {""}, key=lambda value: (order.get(value, len(order)), value))
    word = states.state_label if name == "state" else states.type_label
    choices = [
        Choice(value, word(value), _number(counts.get(value, 0)), value in chosen, _raw(value, word(value)))
        for value in values
    ]
    return FilterGroup(name, label, "checkbox", choices, len(chosen))


def _raw(value: str, word: str) -> str:
    """The provider's own value, where several share a word or the word is ours."""
    return value if value.lower() != word.lower() else ""


def _age_group(filters: Filters) -> FilterGroup:
    choices = [Choice("", pgettext("age", "Any"), checked=not filters.age)]
    choices += [Choice(value, label, checked=filters.age == value) for value, label in age_labels().items()]
    chosen = sum(bool(value) for value in (filters.age, filters.from_date, filters.to_date))
    return FilterGroup("age", _("Age"), "radio", choices, chosen)


def age_labels() -> dict[str, str]:
    return {
        "1d": _("Last 24 hours"),
        "7d": _("Last 7 days"),
        "30d": _("Last 30 days"),
        OLDER: _("Older than 30 days"),
        UNDATED_AGE: _("Time not known"),
    }


def _environment_group(environments: Sequence[Environment], filters: Filters) -> FilterGroup:
    choices = [
        Choice(
            environment.path,
            environment.place,
            _number(int(environment.facets.get("listed", 0))),
            environment in filters.environments,
        )
        for environment in environments
    ]
    return FilterGroup("environment", _("Environment"), "checkbox", choices, len(filters.environments))


def _listed_group(environments: Sequence[Environment], filters: Filters) -> FilterGroup:
    listed = sum(int(environment.facets.get("listed", 0)) for environment in environments)
    gone = sum(int(environment.facets.get("gone", 0)) for environment in environments)
    choices = [
        Choice("", _("Listed by the provider"), _number(listed), filters.listed),
        Choice("no", _("No longer listed"), _number(gone), not filters.listed),
    ]
    return FilterGroup("listed", _("Listed"), "radio", choices, 0 if filters.listed else 1)


def _chips(environments: Sequence[Environment], volumes: Sequence[Volume], filters: Filters, prefix: str) -> list[Chip]:
    chips = [volume_chip(value, environments, volumes, filters, prefix) for value in filters.volume_ids]
    for value in filters.states:
        chips.append(
            chip(_("State"), states.state_label(value), prefix + filters.query(states=_but(filters.states, value)))
        )
    for value in filters.interval_types:
        url = prefix + filters.query(interval_types=_but(filters.interval_types, value))
        chips.append(chip(_("Type"), states.type_label(value), url))
    for environment in filters.environments:
        url = prefix + filters.query(environments=_but(filters.environments, environment))
        chips.append(chip(_("Environment"), environment.place, url))
    return chips + _single_chips(filters, prefix)


def _single_chips(filters: Filters, prefix: str) -> list[Chip]:
    chips = []
    if filters.age:
        chips.append(chip(_("Age"), age_labels()[filters.age], prefix + filters.query(age="")))
    if filters.from_date:
        chips.append(chip(_("From"), filters.from_date.isoformat(), prefix + filters.query(from_date=None)))
    if filters.to_date:
        chips.append(chip(_("To"), filters.to_date.isoformat(), prefix + filters.query(to_date=None)))
    if filters.q:
        chips.append(chip(_("Search"), filters.q, prefix + filters.query(q="")))
    if not filters.listed:
        chips.append(chip(_("Listed"), _("No longer listed"), prefix + filters.query(listed=True)))
    return chips


def volume_chip(
    value: str, environments: Sequence[Environment], volumes: Sequence[Volume], filters: VolumeQuestion, prefix: str
) -> Chip:
    url = prefix + filters.query(volume_ids=_but(filters.volume_ids, value))
    volume = next((volume for volume in volumes if volume.volume_id == value), None)
    if volume is None:
        label = _unknown_volume(value)
        return Chip(label, url, _("Remove filter: %(label)s") % {"label": label})
    place = next((environment.place for environment in environments if environment.pk == volume.environment_id), "")
    return chip(_("Volume"), f"{volume_name(value, volume.name)} · {place}", url)


def chip(kind: str, value: str, url: str) -> Chip:
    label = f"{kind}: {value}"
    return Chip(label, url, _("Remove filter: %(label)s") % {"label": label})


def _but(values: tuple[T, ...], value: T) -> tuple[T, ...]:
    return tuple(other for other in values if other != value)


def _number(number: int) -> str:
    return number_format(number, force_grouping=True)
