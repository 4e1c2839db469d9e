"""The snapshot list's filters: its choices with their numbers, and its chips."""

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from snapshots.lists.snapshot_filters import OLDER, UNDATED_AGE, SnapshotFilters
from snapshots.lists.snapshot_list import facet
from snapshots.models import Environment
from snapshots.rules import states
from snapshots.text.labels import grouped
from snapshots.views.common.components import Chip, Choice, FilterGroup, chip
from snapshots.views.common.list_page import environment_chips, search_chips
from snapshots.views.common.volume_filter import DatedView, day_chips, volume_chips


def groups(view: DatedView[SnapshotFilters]) -> list[FilterGroup]:
    filters = view.filters
    return [
        _facet_group("state", _("State"), facet(view.shown, "state"), states.STATES, filters.states),
        _facet_group(
            "interval_type",
            _("Type"),
            facet(view.shown, "interval_type"),
            states.INTERVAL_TYPES,
            filters.interval_types,
        ),
        _age_group(filters),
        _environment_group(view),
        _listed_group(view),
    ]


def chips(view: DatedView[SnapshotFilters]) -> list[Chip]:
    filters, links = view.filters, view.links
    return [
        *volume_chips(view),
        *(chip(_("State"), states.state_label(one), links.without("states", one)) for one in filters.states),
        *(
            chip(_("Type"), states.type_label(one), links.without("interval_types", one))
            for one in filters.interval_types
        ),
        *environment_chips(view),
        *([chip(_("Age"), age_labels()[filters.age], links.to(age=""))] if filters.age else []),
        *day_chips(view),
        *search_chips(view),
        *([] if filters.listed else [chip(_("Listed"), _("No longer listed"), links.to(listed=True))]),
    ]


def _facet_group(
    name: str, label: str, counts: dict[str, int], known: Iterable[str], chosen: tuple[str, ...]
) -> FilterGroup:
    """Every value that occurs or is chosen, the usual ones first, each with the number of listed rows."""
    order = {value: place for place, value in enumerate(known)}
    values = sorted({*counts, *chosen} - {""}, key=lambda value: (order.get(value, len(order)), value))
    word = states.state_label if name == "state" else states.type_label
    choices = [
        Choice(value, word(value), grouped(counts.get(value, 0)), value in chosen, _raw(value, word(value)))
        for value in values
    ]
    return FilterGroup(name, label, "checkbox", choices, len(chosen))


def _raw(value: str, word: str) -> str:
    """The provider's own value, where several share a word or the word is ours."""
    return value if value.lower() != word.lower() else ""


def _age_group(filters: SnapshotFilters) -> FilterGroup:
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


def _environment_group(view: DatedView[SnapshotFilters]) -> FilterGroup:
    choices = [
        Choice(one.path, one.place, grouped(_number(one, "listed")), one in view.filters.environments)
        for one in view.environments
    ]
    return FilterGroup("environment", _("Environment"), "checkbox", choices, len(view.filters.environments))


def _listed_group(view: DatedView[SnapshotFilters]) -> FilterGroup:
    listed, gone = (sum(_number(one, name) for one in view.shown) for name in ("listed", "gone"))
    is_listed = view.filters.listed
    choices = [
        Choice("", _("Listed by the provider"), grouped(listed), is_listed),
        Choice("no", _("No longer listed"), grouped(gone), not is_listed),
    ]
    return FilterGroup("listed", _("Listed"), "radio", choices, 0 if is_listed else 1)


def _number(environment: Environment, name: str) -> int:
    return int(environment.facets.get(name, 0))
