"""What the snapshots and changes pages share: the typed volume filter, the two days, and their chips."""

from collections.abc import Sequence
from functools import cached_property
from typing import Generic, TypeVar

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from snapshots.lists.params import NO_VOLUME, DatedFilters
from snapshots.models import Volume, VolumeQuerySet
from snapshots.text.labels import grouped, volume_name
from snapshots.views.common.components import Chip, Choice, VolumeFilter, chip
from snapshots.views.common.list_page import View

MOST_FOUND = 20
D = TypeVar("D", bound=DatedFilters, covariant=True)


class DatedView(View[D], Generic[D]):
    """One address of a page that is filtered by volumes and days."""

    @cached_property
    def volumes(self) -> Sequence[Volume]:
        """The chosen ones."""
        ids = [value for value in self.filters.volume_ids if value != NO_VOLUME]
        return list(Volume.objects.of_team(self.team).filter(volume_id__in=ids).order_by("name", "pk")) if ids else []

    def dated_context(self) -> dict[str, object]:
        filters = self.filters
        return {
            "volume_filter": volume_filter(self, _find(self) if filters.volume_q else []),
            "from_date": filters.from_date.isoformat() if filters.from_date else "",
            "to_date": filters.to_date.isoformat() if filters.to_date else "",
        }


def volume_filter(view: DatedView[DatedFilters], found: Sequence[Volume]) -> VolumeFilter:
    """The chosen volumes, and at most 20 of those found."""
    chosen = [_choice(view, volume, checked=True) for volume in view.volumes]
    known = {volume.volume_id for volume in view.volumes}
    others = [value for value in view.filters.volume_ids if value not in known]
    return VolumeFilter(
        query=view.filters.volume_q,
        chosen=chosen + [Choice(value, _unknown_volume(value), checked=True) for value in others],
        found=_no_volume_choice(view) + [_choice(view, volume, checked=False) for volume in found[:MOST_FOUND]],
        more=len(found) > MOST_FOUND,
        search_url=reverse("snapshots:volume_choices", args=[view.team.slug]),
    )


def offered_volumes(view: DatedView[DatedFilters]) -> list[Volume]:
    """What the typed text finds; before a letter is typed, the volumes with the most snapshots. One more than shown."""
    if view.filters.volume_q:
        return _find(view)
    return list(_not_chosen(view).order_by("-snapshot_count", "name", "pk")[: MOST_FOUND + 1])


def volume_chips(view: DatedView[DatedFilters]) -> list[Chip]:
    return [_volume_chip(view, value) for value in view.filters.volume_ids]


def day_chips(view: DatedView[DatedFilters]) -> list[Chip]:
    days = [(_("From"), "from_date", view.filters.from_date), (_("To"), "to_date", view.filters.to_date)]
    return [chip(kind, day.isoformat(), view.links.to(**{field: None})) for kind, field, day in days if day]


def only_volume_url(view: DatedView[DatedFilters], volume_id: str) -> str:
    """The page's address with this volume alone chosen; "" where it is."""
    ids = (volume_id or NO_VOLUME,)
    return "" if view.filters.volume_ids == ids else view.links.to(volume_ids=ids)


def _find(view: DatedView[DatedFilters]) -> list[Volume]:
    return list(_not_chosen(view).matching(view.filters.volume_q).order_by("name", "pk")[: MOST_FOUND + 1])


def _not_chosen(view: DatedView[DatedFilters]) -> VolumeQuerySet:
    volumes = Volume.objects.of_team(view.team).exclude(volume_id__in=view.filters.volume_ids)
    if view.filters.environments:
        volumes = volumes.filter(environment__in=view.filters.environments)
    return volumes.filter(Q(snapshot_count__gt=0) | Q(listed=True))


def _choice(view: DatedView[DatedFilters], volume: Volume, *, checked: bool) -> Choice:
    parts = [volume.instance_name, view.place_of(volume.environment_id)]
    return Choice(
        value=volume.volume_id,
        label=volume_name(volume.volume_id, volume.name),
        count=grouped(volume.snapshot_count),
        checked=checked,
        detail=" · ".join(part for part in parts if part),
        # Its chip removes a chosen one.
        url="" if checked else _with_volume(view, volume.volume_id),
    )


def _no_volume_choice(view: DatedView[DatedFilters]) -> list[Choice]:
    """A choice for snapshots without a volume, if there are any and nothing is searched for."""
    number = sum(int(environment.facets.get("no_volume", 0)) for environment in view.shown)
    if not number or view.filters.volume_q or NO_VOLUME in view.filters.volume_ids:
        return []
    return [Choice(NO_VOLUME, _("No volume"), grouped(number), url=_with_volume(view, NO_VOLUME))]


def _with_volume(view: DatedView[DatedFilters], value: str) -> str:
    return view.links.to(volume_ids=(*view.filters.volume_ids, value))


def _unknown_volume(value: str) -> str:
    if value == NO_VOLUME:
        return _("No volume")
    return _("Volume %(id)s… (no snapshot known)") % {"id": value[:8]}


def _volume_chip(view: DatedView[DatedFilters], value: str) -> Chip:
    url = view.links.without("volume_ids", value)
    volume = next((volume for volume in view.volumes if volume.volume_id == value), None)
    if volume is None:
        return Chip(_unknown_volume(value), url)
    return chip(_("Volume"), f"{volume_name(value, volume.name)} · {view.place_of(volume.environment_id)}", url)
