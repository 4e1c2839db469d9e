"""What the snapshots and changes pages share: the typed volume filter, the two days, and their chips."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Generic, TypeVar

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from dashboard.teams.access.guard import MemberRequest
from snapshots.lists.params import NO_VOLUME, DatedFilters
from snapshots.models import Volume, VolumeQuerySet
from snapshots.text import times
from snapshots.text.labels import volume_name
from snapshots.views.common.components import Action, Chip, Choice, FilterGroup, VolumeFilter, chip
from snapshots.views.common.list_page import View, answer, count_of, kept_part

MOST_FOUND = 20
# What a time is called, and the filters that it sets.
Span = tuple[str, dict[str, object]]
D = TypeVar("D", bound=DatedFilters, covariant=True)


@dataclass(frozen=True)
class DatedView(View[D], Generic[D]):
    """One address of a page that is filtered by volumes and days.

    `with_counts`: the menus have their numbers, however long these take.
    """

    with_counts: bool = False

    @cached_property
    def volumes(self) -> Sequence[Volume]:
        """The chosen ones."""
        ids = [value for value in self.filters.volume_ids if value != NO_VOLUME]
        return list(Volume.objects.of_team(self.team).filter(volume_id__in=ids).order_by("name", "pk")) if ids else []

    @abstractmethod
    def menus(self) -> list[FilterGroup]:
        """The filter menus, beside that of the volumes."""

    @abstractmethod
    def volume_counts(self, ids: tuple[str, ...]) -> dict[str, int]:
        """Count rows by volume, with all other filters in force."""

    def menu_context(self) -> dict[str, object]:
        groups = self.menus()
        is_counted = any(choice.count for group in groups for choice in group.choices)
        return {"groups": groups, "menus_url": "" if is_counted else f"{self.prefix}counts/{self.links.query}"}

    def dated_context(self) -> dict[str, object]:
        filters = self.filters
        return {
            **self.menu_context(),
            "volume_filter": volume_filter(self, _find(self) if filters.volume_q else []),
            "from_date": filters.from_date.isoformat() if filters.from_date else "",
            "to_date": filters.to_date.isoformat() if filters.to_date else "",
        }


def volume_filter(view: DatedView[DatedFilters], found: Sequence[Volume]) -> VolumeFilter:
    """The chosen volumes, and at most 20 of those found."""
    found, has_more = found[:MOST_FOUND], len(found) > MOST_FOUND
    known = {volume.volume_id for volume in view.volumes}
    others = [value for value in view.filters.volume_ids if value not in known]
    bare = [NO_VOLUME] if _has_no_volume_choice(view) else []
    ids = tuple(dict.fromkeys([*view.filters.volume_ids, *bare, *(volume.volume_id for volume in found)]))
    counts = kept_part(view, "menu-of-volumes", dict[str, int], lambda: view.volume_counts(ids), ids) if ids else {}
    return VolumeFilter(
        query=view.filters.volume_q,
        chosen=[
            *(_choice(view, volume, counts, checked=True) for volume in view.volumes),
            *(Choice(value, _unknown_volume(value), count_of(counts, value), checked=True) for value in others),
        ],
        found=[
            *(Choice(one, _("No volume"), count_of(counts, one), url=_with_volume(view, one)) for one in bare),
            *(_choice(view, volume, counts, checked=False) for volume in found),
        ],
        more=has_more,
        search_url=f"{view.prefix}volumes/",
    )


def answer_volumes(request: MemberRequest, kind: type[DatedView[DatedFilters]]) -> HttpResponse:
    """What the typed volume filter finds, for the panel under it."""
    view = kind.read(request)
    context = {"volume_filter": volume_filter(view, offered_volumes(view))}
    return render(request, "snapshots/ui/_volume_choices.html", context)


def answer_menus(request: MemberRequest, kind: type[DatedView[DatedFilters]]) -> HttpResponse:
    """The menus with their numbers, for one that is opened; without a script the page with them."""
    view = replace(kind.read(request), with_counts=True)
    return render(request, "snapshots/ui/_menus.html", view.dated_context()) if request.htmx else answer(request, view)


def offered_volumes(view: DatedView[DatedFilters]) -> list[Volume]:
    """What the typed text finds; before a letter is typed, the volumes with the most snapshots. One more than shown."""
    if view.filters.volume_q:
        return _find(view)
    return list(_not_chosen(view).order_by("-snapshot_count", "name", "pk")[: MOST_FOUND + 1])


def volume_chips(view: DatedView[DatedFilters]) -> list[Chip]:
    return [_volume_chip(view, value) for value in view.filters.volume_ids]


def time_group(view: View[DatedFilters], since_time: datetime | None, first: Sequence[Span] = ()) -> FilterGroup:
    """The menu of a page that is filtered by days, or from a moment on: times that are asked for often, and two dates.

    They are moments, so that the address shows the same to anyone who opens it later. `first`: those before the others.
    """
    now, filters = view.now.replace(second=0, microsecond=0), view.filters
    yesterday = now.date() - timedelta(days=1)
    spans: list[Span] = [
        *first,
        (_("Last 24 hours"), {"since_time": now - timedelta(days=1)}),
        (_("Yesterday"), {"from_date": yesterday, "to_date": yesterday}),
        (_("Last 7 days"), {"since_time": now - timedelta(days=7)}),
    ]
    none: dict[str, object] = dict.fromkeys(("since_time", "from_date", "to_date"))
    links = [Action(label, view.links.to(**none | chosen)) for label, chosen in spans]
    chosen = sum(bool(time) for time in (filters.from_date, filters.to_date, since_time))
    # Its name is what the template of the choices knows its two dates by.
    return FilterGroup("age", _("Time"), "radio", [], chosen, links)


def day_chips(view: View[DatedFilters]) -> list[Chip]:
    days = [(_("From"), "from_date", view.filters.from_date), (_("To"), "to_date", view.filters.to_date)]
    return [chip(kind, times.day(day, view.now), view.links.to(**{field: None})) for kind, field, day in days if day]


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


def _choice(view: DatedView[DatedFilters], volume: Volume, counts: Mapping[str, int], *, checked: bool) -> Choice:
    parts = [volume.instance_name, view.place_of(volume.environment_id)]
    return Choice(
        value=volume.volume_id,
        label=volume_name(volume.volume_id, volume.name),
        count=count_of(counts, volume.volume_id),
        checked=checked,
        detail=" · ".join(part for part in parts if part),
        # Its chip removes a chosen one.
        url="" if checked else _with_volume(view, volume.volume_id),
    )


def _has_no_volume_choice(view: DatedView[DatedFilters]) -> bool:
    """Whether snapshots without a volume are a choice: if there are any, and nothing is searched for."""
    if view.filters.volume_q or NO_VOLUME in view.filters.volume_ids:
        return False
    return any(environment.facets.get("no_volume") for environment in view.shown)


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
