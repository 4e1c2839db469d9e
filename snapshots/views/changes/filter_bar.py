"""The changes page's filters: its choices, its chips, and the volume filter that it shares with the list."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from dashboard.teams.models import Team
from snapshots.lists.change_filters import ChangeFilters
from snapshots.models import Change, Environment, Volume
from snapshots.text import change_labels, times
from snapshots.views.common.components import Chip, Choice, FilterGroup, chip, without
from snapshots.views.common.volume_filter import FilterBar, chosen_volumes, offered_volumes, volume_chip, volume_filter


def change_bar(
    team: Team,
    environments: Sequence[Environment],
    filters: ChangeFilters,
    line: Change | None,
    now: datetime,
    prefix: str,
) -> FilterBar:
    volumes = chosen_volumes(team, filters)
    found = offered_volumes(team, filters) if filters.volume_q else []
    return FilterBar(
        groups=[_kinds(filters), _times(filters), _environments(environments, filters)],
        volume_filter=volume_filter(team, environments, filters, prefix, volumes=volumes, found=found),
        chips=_chips(environments, volumes, filters, line, now, prefix),
    )


def _kinds(filters: ChangeFilters) -> FilterGroup:
    """The kinds that are written today, and an earlier one where it is chosen."""
    kinds = [*change_labels.OFFERED, *(kind for kind in filters.kinds if kind not in change_labels.OFFERED)]
    choices = [
        Choice(kind, change_labels.label(kind), checked=kind in filters.kinds, detail=_note(kind)) for kind in kinds
    ]
    return FilterGroup("kind", _("Kind"), "checkbox", choices, len(filters.kinds))


def _note(kind: str) -> str:
    return _("shown when chosen") if kind == Change.Kind.ROTATED else ""


def _times(filters: ChangeFilters) -> FilterGroup:
    # Its name is what the template of the choices knows its two dates by.
    return FilterGroup("age", _("Time"), "radio", [], sum(bool(day) for day in (filters.from_date, filters.to_date)))


def _environments(environments: Sequence[Environment], filters: ChangeFilters) -> FilterGroup:
    choices = [Choice(one.path, one.place, checked=one in filters.environments) for one in environments]
    return FilterGroup("environment", _("Environment"), "checkbox", choices, len(filters.environments))


def _chips(
    environments: Sequence[Environment],
    volumes: Sequence[Volume],
    filters: ChangeFilters,
    line: Change | None,
    now: datetime,
    prefix: str,
) -> list[Chip]:
    chips = [volume_chip(value, environments, volumes, filters, prefix) for value in filters.volume_ids]
    if line is not None:
        name = _("Repeated") if line.volume_id else _("At once")
        chips.insert(0, chip(name, _line(line, environments, now), prefix + filters.query(line=0)))
    for kind in filters.kinds:
        chips.append(
            chip(_("Kind"), change_labels.label(kind), prefix + filters.query(kinds=without(filters.kinds, kind)))
        )
    for environment in filters.environments:
        url = prefix + filters.query(environments=without(filters.environments, environment))
        chips.append(chip(_("Environment"), environment.place, url))
    if filters.from_date:
        chips.append(chip(_("From"), filters.from_date.isoformat(), prefix + filters.query(from_date=None)))
    if filters.to_date:
        chips.append(chip(_("To"), filters.to_date.isoformat(), prefix + filters.query(to_date=None)))
    if filters.q:
        chips.append(chip(_("Search"), filters.q, prefix + filters.query(q="")))
    if filters.rotated:
        chips.append(chip(_("Rotated"), _("shown too"), prefix + filters.query(rotated=False)))
    return chips


def _line(line: Change, environments: Sequence[Environment], now: datetime) -> str:
    place = next((one.place for one in environments if one.pk == line.environment_id), "")
    return f"{change_labels.label(line.kind)}, {times.stamp(line.at, now)} · {place}"
