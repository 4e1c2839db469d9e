"""The snapshot list's filters: its choices with their numbers, and its chips."""

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dashboard.teams.models import Team
from snapshots.lists.snapshot_filters import OLDER, UNDATED_AGE, Filters
from snapshots.lists.snapshot_list import facet
from snapshots.models import Environment, Volume
from snapshots.rules import states
from snapshots.text.labels import grouped
from snapshots.views.common.components import Chip, Choice, FilterGroup, chip, without
from snapshots.views.common.volume_filter import FilterBar, find_volumes, volume_chip, volume_filter


def filter_bar(
    team: Team, environments: Sequence[Environment], filters: Filters, prefix: str, volumes: Sequence[Volume]
) -> FilterBar:
    """The bar of a view; `volumes` are the chosen ones."""
    return FilterBar(
        groups=_groups(environments, filters),
        volume_filter=volume_filter(
            team,
            environments,
            filters,
            prefix,
            volumes=volumes,
            found=find_volumes(team, filters) if filters.volume_q else [],
        ),
        chips=_chips(environments, volumes, filters, prefix),
    )


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
        Choice(value, word(value), grouped(counts.get(value, 0)), value in chosen, _raw(value, word(value)))
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
            grouped(int(environment.facets.get("listed", 0))),
            environment in filters.environments,
        )
        for environment in environments
    ]
    return FilterGroup("environment", _("Environment"), "checkbox", choices, len(filters.environments))


def _listed_group(environments: Sequence[Environment], filters: Filters) -> FilterGroup:
    listed = sum(int(environment.facets.get("listed", 0)) for environment in environments)
    gone = sum(int(environment.facets.get("gone", 0)) for environment in environments)
    choices = [
        Choice("", _("Listed by the provider"), grouped(listed), filters.listed),
        Choice("no", _("No longer listed"), grouped(gone), not filters.listed),
    ]
    return FilterGroup("listed", _("Listed"), "radio", choices, 0 if filters.listed else 1)


def _chips(environments: Sequence[Environment], volumes: Sequence[Volume], filters: Filters, prefix: str) -> list[Chip]:
    chips = [volume_chip(value, environments, volumes, filters, prefix) for value in filters.volume_ids]
    for value in filters.states:
        chips.append(
            chip(_("State"), states.state_label(value), prefix + filters.query(states=without(filters.states, value)))
        )
    for value in filters.interval_types:
        url = prefix + filters.query(interval_types=without(filters.interval_types, value))
        chips.append(chip(_("Type"), states.type_label(value), url))
    for environment in filters.environments:
        url = prefix + filters.query(environments=without(filters.environments, environment))
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
