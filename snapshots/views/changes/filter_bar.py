"""The changes page's filters: its choices and its chips."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from snapshots.lists.change_filters import ChangeFilters
from snapshots.models import Change
from snapshots.text import change_labels, times
from snapshots.views.common.components import Chip, Choice, FilterGroup, chip
from snapshots.views.common.list_page import environment_chips, environment_group, search_chips
from snapshots.views.common.volume_filter import DatedView, day_chips, volume_chips


def groups(view: DatedView[ChangeFilters]) -> list[FilterGroup]:
    return [_kinds(view.filters), _times(view.filters), environment_group(view)]


def chips(view: DatedView[ChangeFilters], line: Change | None) -> Iterator[Chip]:
    """`line`: the one whose many are shown."""
    filters, links = view.filters, view.links
    if line is not None:
        name = _("Repeated") if line.volume_id else _("At once")
        told = f"{change_labels.label(line.kind)}, {times.stamp(line.at, view.now)}"
        yield chip(name, f"{told} · {view.place_of(line.environment_id)}", links.to(line=0))
    yield from volume_chips(view)
    for kind in filters.kinds:
        yield chip(_("Kind"), change_labels.label(kind), links.without("kinds", kind))
    yield from environment_chips(view)
    yield from day_chips(view)
    yield from search_chips(view)
    if filters.rotated:
        yield chip(_("Rotated"), _("shown too"), links.to(rotated=False))


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
