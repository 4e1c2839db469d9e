"""What happened in a team's environments, newest first."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Self

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from dashboard.teams.access.guard import MemberRequest
from snapshots.lists import change_filters
from snapshots.lists.change_filters import ChangeFilters
from snapshots.lists.change_list import (
    ChangePage,
    Group,
    MenuCounts,
    by_volume,
    find_line,
    groups,
    is_small,
    menu_counts,
)
from snapshots.models import Change
from snapshots.text import change_labels, times
from snapshots.views.changes.table import change_table
from snapshots.views.common.components import Action, Chip, Choice, Empty, FilterGroup, Pager, chip
from snapshots.views.common.list_page import (
    answer,
    answer_refresh,
    count_of,
    counted,
    environment_chips,
    environment_group,
    kept_part,
    search_chips,
)
from snapshots.views.common.page_state import never_fetched
from snapshots.views.common.volume_filter import (
    DatedView,
    Span,
    answer_menus,
    answer_volumes,
    day_chips,
    time_group,
    volume_chips,
)


class ChangesView(DatedView[ChangeFilters]):
    """One address of the changes."""

    saved_as = "changes"
    addresses = ("snapshots:changes",)
    page_template = "snapshots/changes/list.html"
    hidden_fields = ("rotated", "line", "since_time")
    parse = staticmethod(change_filters.parse)

    @classmethod
    def read(cls, request: MemberRequest) -> Self:
        view = super().read(request)
        if view.filters.line and view.line is None:
            filters = change_filters.without_line(view.filters)
            return cls(view.membership, view.environments, filters, view.now, view.prefix)
        return view

    @cached_property
    def line(self) -> Change | None:
        """The line whose many are shown."""
        return find_line(self.team, self.filters.line) if self.filters.line else None

    def context(self, *, is_fragment: bool) -> dict[str, object]:
        page, table = change_table(self, self.line)
        return {
            "title": _("Changes"),
            "count_text": _count_text(page),
            "table": table,
            "chips": self.chips(),
            "pager": _pager(page, self),
            "empty": self.nothing or (None if page.lines else _empty(self)),
            **self.dated_context(),
        }

    def chips(self) -> list[Chip]:
        return list(_chips(self))

    def menus(self) -> list[FilterGroup]:
        counts = _counts(self)
        places = environment_group(self, counts and counts.environments)
        return [_kinds(self, counts and counts.kinds), _times(self), places]

    def volume_counts(self, ids: tuple[str, ...]) -> dict[str, int]:
        return by_volume(self.team, self.environments, replace(self.filters, volume_ids=ids), self.line)


@require_safe
def change_list(request: MemberRequest, team: str) -> HttpResponse:
    """What changed; for htmx the results alone."""
    return answer(request, ChangesView.read(request))


@require_safe
def menus(request: MemberRequest, team: str) -> HttpResponse:
    """The menus with their numbers, for one that is opened."""
    return answer_menus(request, ChangesView)


@require_safe
def volume_choices(request: MemberRequest, team: str) -> HttpResponse:
    """What the typed volume filter finds, for the panel under it."""
    return answer_volumes(request, ChangesView)


@require_POST
def refresh(request: MemberRequest, team: str) -> HttpResponse:
    """Ask the provider about the page's environments; answer with age line and lines."""
    return answer_refresh(request, ChangesView)


def _count_text(page: ChangePage) -> str:
    total = counted(page.total, is_exact=page.exact)
    return ngettext("%(total)s entry", "%(total)s entries", page.total) % {"total": total}


def _empty(view: ChangesView) -> Empty:
    if not view.was_fetched:
        return never_fetched(view.environments, view.shown)
    actions = [Action(_("Clear all filters"), view.prefix)] if view.filters.is_narrowed else []
    if view.filters.hides_rotated:
        actions.append(Action(_("Show rotated ones too"), view.links.to(rotated=True)))
    if view.filters.is_narrowed:
        text = _("No recorded change matches the filters.")
        return Empty("no_match", _("Nothing matches"), text, actions)
    text = _("New, failed and removed snapshots will appear here.")
    return Empty("no_change", _("No changes recorded yet"), text, actions)


def _pager(page: ChangePage, view: ChangesView) -> Pager:
    if not page.lines:
        return Pager("")
    newest, oldest = (times.stamp(line.at, view.now) for line in (page.lines[0], page.lines[-1]))
    text = newest if newest == oldest else _("%(newest)s back to %(oldest)s") % {"newest": newest, "oldest": oldest}
    return Pager(
        text=_("%(times)s UTC") % {"times": text},
        first_url=view.links.to() if page.newer else "",
        previous_url=view.links.to(after=page.newer) if page.newer else "",
        next_url=view.links.to(before=page.older) if page.older else "",
    )


def _counts(view: ChangesView) -> MenuCounts | None:
    """The menus' numbers; None where only an opened menu is worth their time."""
    filters, line = view.filters, view.line

    def make() -> tuple[bool, list[Group]]:
        is_worth_it = bool(view.with_counts or filters.volume_ids or line) or is_small(view.team)
        return is_worth_it, groups(view.team, view.environments, filters, line) if is_worth_it else []

    # A choice in a menu changes none of the groups.
    times_of = (filters.from_date, filters.to_date, filters.since_time)
    named = (filters.volume_ids, filters.q, times_of, filters.line, view.with_counts)
    is_counted, found = kept_part(view, "menus-of-changes", tuple[bool, list[Group]], make, named, query="")
    return menu_counts(found, filters) if is_counted else None


def _chips(view: ChangesView) -> Iterator[Chip]:
    filters, links, line = view.filters, view.links, view.line
    if line is not None:
        name = _("Repeated") if line.volume_id else _("At once")
        told = f"{change_labels.label(line.kind)}, {times.stamp(line.at, view.now)}"
        yield chip(name, f"{told} · {view.place_of(line.environment_id)}", links.to(line=0))
    yield from volume_chips(view)
    for kind in filters.kinds:
        yield chip(_("Kind"), change_labels.label(kind), links.without("kinds", kind))
    yield from environment_chips(view)
    yield from day_chips(view)
    if filters.since_time:
        yield chip(_("Since"), f"{times.stamp(filters.since_time, view.now)} UTC", links.to(since_time=None))
    yield from search_chips(view)
    if filters.rotated:
        yield chip(_("Rotated"), _("shown too"), links.to(rotated=False))


def _kinds(view: ChangesView, counts: Mapping[str, int] | None) -> FilterGroup:
    """The kinds that are written today, and an earlier one where it is chosen."""
    filters = view.filters
    kinds = [*change_labels.OFFERED, *(kind for kind in filters.kinds if kind not in change_labels.OFFERED)]
    choices = [
        Choice(kind, change_labels.label(kind), count_of(counts, kind), kind in filters.kinds, _note(kind))
        for kind in kinds
    ]
    problems = Action(_("Problems only"), view.links.to(kinds=change_labels.PROBLEMS))
    return FilterGroup("kind", _("Kind"), "checkbox", choices, len(filters.kinds), [problems])


def _note(kind: str) -> str:
    return _("hidden unless selected") if kind == Change.Kind.ROTATED else ""


def _times(view: ChangesView) -> FilterGroup:
    seen, visited = view.membership.seen_until, view.membership.visited_at
    is_later_visit = seen is not None and visited is not None and seen < visited
    visit: list[Span] = [(_("Since your last visit"), {"since_time": seen})] if is_later_visit else []
    return time_group(view, view.filters.since_time, visit)
