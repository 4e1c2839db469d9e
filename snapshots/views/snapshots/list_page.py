"""The list of all snapshots of a team."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_POST, require_safe

from dashboard.teams.access.guard import MemberRequest
from snapshots.lists import snapshot_filters
from snapshots.lists.menu_counts import MOST_AT_ONCE
from snapshots.lists.params import NO_VOLUME
from snapshots.lists.snapshot_filters import OLDER, UNDATED_AGE, SnapshotFilters
from snapshots.lists.snapshot_list import Group, ListPage, MenuCounts, by_volume, facet, groups, menu_counts
from snapshots.models import Volume
from snapshots.rules import states
from snapshots.sync.leases import Caller
from snapshots.text.labels import grouped
from snapshots.views.common.components import Action, Chip, Choice, Empty, FilterGroup, Pager, chip
from snapshots.views.common.list_page import (
    answer,
    answer_refresh,
    count_of,
    counted,
    environment_chips,
    environment_group,
    kept_part,
    numbered_pager,
    search_chips,
)
from snapshots.views.common.page_state import never_fetched
from snapshots.views.common.refreshing import ask_for_volume
from snapshots.views.common.volume_filter import DatedView, answer_menus, answer_volumes, day_chips, volume_chips
from snapshots.views.snapshots.table import table


class SnapshotsView(DatedView[SnapshotFilters]):
    """One address of the list."""

    saved_as = "snapshots"
    addresses = ("snapshots:list",)
    page_template = "snapshots/snapshots/list.html"
    hidden_fields = ("sort", "page_size")
    parse = staticmethod(snapshot_filters.parse)

    def context(self, *, is_fragment: bool) -> dict[str, object]:
        page, rows = table(self)
        empty = self.nothing or (_empty_list(self) if page.total == 0 else None)
        return {
            "title": _("Snapshots"),
            # Before anything was fetched nothing is known to count, not even to none.
            "count_text": "" if empty and empty.kind == "first_fetch" else _count_text(page, self),
            "table": rows,
            "chips": self.chips(),
            **self.dated_context(),
            "pager": _pager(page, self),
            "empty": empty,
        }

    def chips(self) -> list[Chip]:
        return _chips(self)

    def menus(self) -> list[FilterGroup]:
        return _groups(self, _counts(self))

    def volume_counts(self, ids: tuple[str, ...]) -> dict[str, int]:
        return by_volume(self.team, replace(self.filters, volume_ids=ids), self.now)

    def ask(self, caller: Caller) -> tuple[str, bool]:
        """A pressed button on a page about one volume asks about this volume alone."""
        volume = _only_volume(self) if caller is not Caller.PAGE else None
        return super().ask(caller) if volume is None else ask_for_volume(volume, caller)


@require_safe
def snapshot_list(request: MemberRequest, team: str) -> HttpResponse:
    """Every snapshot of the team's environments; for htmx the results alone."""
    return answer(request, SnapshotsView.read(request))


@require_POST
def refresh(request: MemberRequest, team: str) -> HttpResponse:
    """Ask the provider about the page's environments, or about its one volume; answer with age line and table."""
    return answer_refresh(request, SnapshotsView)


@require_safe
def menus(request: MemberRequest, team: str) -> HttpResponse:
    """The menus with their numbers, for one that is opened."""
    return answer_menus(request, SnapshotsView)


@require_safe
def volume_choices(request: MemberRequest, team: str) -> HttpResponse:
    """What the typed volume filter finds, for the panel under it."""
    return answer_volumes(request, SnapshotsView)


def _only_volume(view: SnapshotsView) -> Volume | None:
    """The one volume of one environment that the page is about, if it is about one."""
    ids = view.filters.volume_ids
    if len(ids) != 1 or ids[0] == NO_VOLUME:
        return None
    found = Volume.objects.of_team(view.team).filter(volume_id=ids[0], environment__in=view.shown)
    volumes = list(found.select_related("environment")[:2])
    return volumes[0] if len(volumes) == 1 else None


def _empty_list(view: SnapshotsView) -> Empty:
    if not view.was_fetched:
        return never_fetched(view.environments, view.shown)
    if view.filters.is_narrowed:
        return _no_match(view)
    text = _("The provider lists no snapshots in these environments. New ones will appear here.")
    return Empty("no_snapshot", _("No snapshot yet"), text)


def _no_match(view: SnapshotsView) -> Empty:
    total = _all_listed(view)
    text = ngettext(
        "Without the filters there is %(number)s snapshot.",
        "Without the filters there are %(number)s snapshots.",
        total,
    ) % {"number": grouped(total)}
    return Empty("no_match", _("Nothing matches"), text, [Action(_("Clear all filters"), view.prefix)])


def _count_text(page: ListPage, view: SnapshotsView) -> str:
    total = counted(page.total, is_exact=page.exact)
    if not view.filters.is_narrowed:
        return ngettext("%(total)s snapshot", "%(total)s snapshots", page.total) % {"total": total}
    listed = _all_listed(view)
    if not view.filters.listed:
        return ngettext(
            "%(total)s snapshot that is no longer listed", "%(total)s snapshots that are no longer listed", page.total
        ) % {"total": total}
    return ngettext("%(total)s of %(all)s snapshot", "%(total)s of %(all)s snapshots", listed) % {
        "total": total,
        "all": grouped(listed),
    }


def _all_listed(view: SnapshotsView) -> int:
    return sum(int(environment.facets.get("listed", 0)) for environment in view.environments)


def _pager(page: ListPage, view: SnapshotsView) -> Pager:
    size = view.filters.page_size
    return numbered_pager(
        view.links, number=page.number, size=size, total=page.total, has_next=page.has_next, is_exact=page.exact
    )


def _groups(view: SnapshotsView, counts: MenuCounts | None) -> list[FilterGroup]:
    """The menus; without `counts` each asks for its numbers when it is opened."""
    filters = view.filters
    by_state, by_type = (counts.states, counts.interval_types) if counts else (None, None)
    return [
        _facet_group(view, "state", _("State"), states.STATES, filters.states, by_state),
        _facet_group(view, "interval_type", _("Type"), states.INTERVAL_TYPES, filters.interval_types, by_type),
        _age_group(filters, counts and counts.ages),
        environment_group(view, counts and counts.environments),
        _listed_group(view, counts and counts.listed),
    ]


def _counts(view: SnapshotsView) -> MenuCounts | None:
    """The menus' numbers; None where only an opened menu is worth their time."""
    rows = sum(int(environment.facets.get(name, 0)) for environment in view.environments for name in ("listed", "gone"))
    if not (view.with_counts or view.filters.volume_ids or rows <= MOST_AT_ONCE):
        return None
    filters = view.filters
    # A choice in a menu changes none of the groups.
    named = (filters.volume_ids, filters.q, filters.from_date, filters.to_date)
    found = kept_part(view, "menus", list[Group], lambda: groups(view.team, filters, view.now), named, query="")
    return menu_counts(found, filters)


def _chips(view: SnapshotsView) -> list[Chip]:
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
    view: SnapshotsView,
    name: str,
    label: str,
    known: Iterable[str],
    chosen: tuple[str, ...],
    counts: Mapping[str, int] | None,
) -> FilterGroup:
    """Every value that a listed row of the team has, or that has rows or is chosen; the usual ones first."""
    order = {value: place for place, value in enumerate(known)}
    found = {*facet(view.environments, name), *chosen, *(order.keys() & (counts or {}).keys())} - {""}
    word = states.state_label if name == "state" else states.type_label
    choices = [
        Choice(value, word(value), count_of(counts, value), value in chosen, _raw(value, word(value)))
        for value in sorted(found, key=lambda value: (order.get(value, len(order)), value))
    ]
    return FilterGroup(name, label, "checkbox", choices, len(chosen))


def _raw(value: str, word: str) -> str:
    """The provider's own value, where several share a word or the word is ours."""
    return value if value.lower() != word.lower() else ""


def _age_group(filters: SnapshotFilters, counts: Mapping[str, int] | None) -> FilterGroup:
    words = {"": pgettext("age", "Any")} | age_labels()
    choices = [Choice(value, word, count_of(counts, value), filters.age == value) for value, word in words.items()]
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


def _listed_group(view: SnapshotsView, counts: Mapping[bool, int] | None) -> FilterGroup:
    is_listed = view.filters.listed
    choices = [
        Choice("", _("Listed by the provider"), count_of(counts, True), is_listed),
        Choice("no", _("No longer listed"), count_of(counts, False), not is_listed),
    ]
    return FilterGroup("listed", _("Listed"), "radio", choices, 0 if is_listed else 1)
