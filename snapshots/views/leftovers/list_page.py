"""Leftovers: snapshots that cost money unnoticed, and why each may not be needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from dashboard.teams.access.guard import MemberRequest
from snapshots.lists import leftover_filters, leftovers
from snapshots.lists.leftover_filters import BANDS, DEFAULT_SORT, LeftoverFilters
from snapshots.lists.leftovers import Found, Rules, Tally, is_trusted, matches
from snapshots.lists.params import DEFAULT_PAGE_SIZE
from snapshots.models import Environment, Policy
from snapshots.text import times
from snapshots.text.labels import grouped
from snapshots.views.common.components import Action, Chip, Choice, Column, Empty, FilterGroup, chip
from snapshots.views.common.list_page import (
    View,
    answer,
    answer_refresh,
    environment_chips,
    environment_group,
    kept_part,
    numbered_pager,
    search_chips,
)
from snapshots.views.common.page_state import never_fetched, state_of
from snapshots.views.leftovers import summary
from snapshots.views.leftovers.summary import BAND_LABELS, REASON_LABELS, SHORT_BANDS
from snapshots.views.leftovers.table import Scene


@dataclass(frozen=True, slots=True)
class Parts:
    """Rendered HTML: how many there are, cards and matrix, the filter bar or its changes, the list, its count."""

    about: SafeString
    summary: SafeString
    bar: SafeString
    results: SafeString
    count_text: SafeString


class LeftoversView(View[LeftoverFilters]):
    """One address of the page."""

    saved_as = "leftovers"
    addresses = ("snapshots:leftovers",)
    page_template = "snapshots/leftovers/list.html"
    fragment_template = "snapshots/leftovers/_results.html"
    refreshed_template = "snapshots/leftovers/_refreshed.html"
    hidden_fields = ("ids", "days", "keep", "sort", "page_size")
    parse = staticmethod(leftover_filters.parse)

    @property
    def search_label(self) -> str:
        return _("Filter by snapshot, volume or id")

    @cached_property
    def trusted(self) -> list[Environment]:
        return [environment for environment in self.environments if is_trusted(environment, self.now)]

    @property
    def left_out(self) -> list[Environment]:
        """The environments that the page is about and says nothing of. In the first fetch each has its own line."""
        return [] if self.fetching else [each for each in self.shown if each not in self.trusted]

    @cached_property
    def rules(self) -> Rules:
        return Rules(self.team, self.trusted, self.filters, self.now)

    @cached_property
    def team_hours(self) -> int | None:
        policy = Policy.objects.filter(team=self.team).first()
        return policy.target_hours if policy else None

    @cached_property
    def states(self) -> list[object]:
        """What the page depends on beside the rows: how far each environment's list is trusted, and its verdicts."""
        return [(environment in self.trusted, state_of(environment)) for environment in self.environments]

    @cached_property
    def tallied(self) -> list[Tally]:
        """Every leftover of the searched text, counted once for all choices of reasons, ages and environments."""
        filters = self.filters
        named = (self.states, filters.days, filters.keep, filters.q, filters.ids)
        return kept_part(self, "leftovers", list[Tally], lambda: leftovers.tallies(self.rules), named, query="")

    @property
    def inputs(self) -> object:
        return (self.states, self.team_hours)

    def chips(self) -> list[Chip]:
        filters, links = self.filters, self.links
        return [
            *(chip(_("Why"), str(REASON_LABELS[one]), links.without("reasons", one)) for one in filters.reasons),
            *(chip(_("Age"), str(SHORT_BANDS[one]), links.without("bands", one)) for one in filters.bands),
            *environment_chips(self),
            *_chosen_chips(self),
            *search_chips(self),
        ]

    def context(self, *, is_fragment: bool) -> dict[str, object]:
        context: dict[str, object] = {"title": _("Leftovers")}
        if self.nothing is not None:
            return context | {"empty": self.nothing}
        return context | {"parts": _parts(self, is_fragment=is_fragment)}


@require_safe
def leftovers_page(request: MemberRequest, team: str) -> HttpResponse:
    """Snapshots that may not be needed; for htmx the results alone."""
    return answer(request, LeftoversView.read(request))


@require_POST
def refresh(request: MemberRequest, team: str) -> HttpResponse:
    """Ask the provider about the page's environments. One that was left out and is trusted now comes into the page."""
    before = LeftoversView.read(request).left_out
    response = answer_refresh(request, LeftoversView)
    is_back = len(LeftoversView.read(request).left_out) < len(before)
    return HttpResponseClientRefresh() if request.htmx and is_back else response


def _parts(view: LeftoversView, *, is_fragment: bool) -> Parts:
    """Render the parts of a view. `is_fragment`: the filter bar stands already and is only brought in line."""

    def make() -> list[str]:
        return _made(view, is_fragment=is_fragment)

    others = (view.inputs, view.filters.problems, view.fetching, is_fragment)
    return Parts(*map(SafeString, kept_part(view, "leftovers-page", list[str], make, *others)))


def _made(view: LeftoversView, *, is_fragment: bool) -> list[str]:
    bar = "snapshots/ui/_filters_follow.html" if is_fragment else "snapshots/ui/_filters.html"
    in_place = [
        tally for tally in view.tallied if matches(tally, LeftoverFilters(environments=view.filters.environments))
    ]
    found = [tally for tally in view.tallied if matches(tally, view.filters)]
    above = {
        "cards": summary.cards(view, in_place),
        "settings": summary.settings(view),
        "bands": [str(label) for label in BAND_LABELS.values()],
        "matrix": summary.matrix(view, in_place),
    }
    return [
        _about(view, in_place),
        render_to_string("snapshots/leftovers/_summary.html", above) if view.was_fetched else "",
        render_to_string(bar, _bar_context(view)),
        render_to_string("snapshots/leftovers/_results_body.html", _results(view, found)),
        _count_text(view, found),
    ]


def _total(found: Sequence[Tally]) -> int:
    return sum(tally.number for tally in found)


def _count_text(view: LeftoversView, found: Sequence[Tally]) -> str:
    if not found:
        return _("0 snapshots") if view.was_fetched else ""
    total, volumes = _total(found), len({tally.place for tally in found if tally.volume_id})
    shown = ngettext("%(n)s snapshot", "%(n)s snapshots", total) % {"n": grouped(total)}
    return render_to_string("snapshots/leftovers/_count.html", {"shown": shown, "volumes": volumes})


def _about(view: LeftoversView, in_place: Sequence[Tally]) -> str:
    if not view.was_fetched:
        return ""
    every = sum(int(one.facets.get("listed", 0)) for one in view.shown if one in view.trusted)
    return ngettext(
        "%(n)s of %(all)s snapshot may not be needed", "%(n)s of %(all)s snapshots may not be needed", every
    ) % {"n": grouped(_total(in_place)), "all": grouped(every)}


def _bar_context(view: LeftoversView) -> dict[str, object]:
    return {
        "list_url": view.prefix,
        "query": view.filters.q,
        "search_label": view.search_label,
        "groups": _groups(view),
        "chips": view.chips(),
        "hidden": view.filters.pairs(*view.hidden_fields),
    }


def _groups(view: LeftoversView) -> list[FilterGroup]:
    """The menus; beside each choice how many rows it would have, alone in its menu."""
    filters, tallied = view.filters, view.tallied
    of_reason = [tally for tally in tallied if matches(tally, filters, but="reasons")]
    of_band = [tally for tally in tallied if matches(tally, filters, but="bands")]
    of_place = [tally for tally in tallied if matches(tally, filters, but="environments")]
    reasons = [
        Choice(name, str(label), _number([one for one in of_reason if getattr(one, name)]), name in filters.reasons)
        for name, label in REASON_LABELS.items()
    ]
    bands = [
        Choice(
            band, str(BAND_LABELS[band]), _number([one for one in of_band if one.band == band]), band in filters.bands
        )
        for band in BANDS
    ]
    places = {
        one.pk: _total([tally for tally in of_place if tally.environment_id == one.pk]) for one in view.environments
    }
    return [
        FilterGroup("reason", _("Why"), "checkbox", reasons, len(filters.reasons)),
        FilterGroup("aged", _("Age"), "checkbox", bands, len(filters.bands)),
        environment_group(view, places),
    ]


def _number(found: Sequence[Tally]) -> str:
    return grouped(_total(found))


def _chosen_chips(view: LeftoversView) -> list[Chip]:
    number = len(view.filters.ids)
    text = ngettext("%(n)d selected snapshot", "%(n)d selected snapshots", number) % {"n": number}
    return [Chip(text, view.links.to(ids=()))] if number else []


def _results(view: LeftoversView, found: Sequence[Tally]) -> dict[str, object]:
    context: dict[str, object] = {
        "chips": view.chips(),
        "clear_url": view.links.to(**dict.fromkeys(("reasons", "bands", "environments", "ids"), ()), q=""),
        "problems": view.filters.problems,
        "fetching": view.fetching,
        "same_url": view.url,
        "left_out": [_left_out(view, environment) for environment in view.left_out],
        "list_url": view.prefix,
    }
    if not found:
        return context | {"empty": _empty(view)}
    page = leftovers.find_page(view.rules, _total(found))
    return context | _table(view, page, found)


def _table(view: LeftoversView, page: Found, found: Sequence[Tally]) -> dict[str, object]:
    remaining = leftovers.remaining(view.rules, {line.place for line in page.lines})
    scene = Scene(view.rules, view.team_hours, remaining, leftovers.usable_of(found))
    size, is_oldest_first = view.filters.page_size, view.filters.sort == DEFAULT_SORT
    direction = "descending" if is_oldest_first else "ascending"
    groups = scene.groups(page.lines)
    shown = [row for group in groups for row in group.rows] if view.filters.ids else []
    return {
        "groups": groups,
        "age_column": Column(
            "age", _("Age"), view.links.to(sort="age" if is_oldest_first else DEFAULT_SORT), direction
        ),
        "narrowing": view.links.first_query(page_size=DEFAULT_PAGE_SIZE, sort=DEFAULT_SORT),
        "choices": view.filters.pairs("days", "keep"),
        "copied": [
            ("ids", _("Ids"), "\n".join(row.id for row in shown)),
            ("names", _("Names"), "\n".join(row.name for row in shown)),
        ]
        if shown
        else [],
        "pager": numbered_pager(view.links, number=page.number, size=size, total=page.total, has_next=page.has_next),
    }


def _left_out(view: LeftoversView, environment: Environment) -> str:
    """That an environment is left out, and the time of its list."""
    place = environment.place
    if environment.believed_at is None:
        return _("%(place)s is left out: there is no list of it yet that is complete and trusted.") % {"place": place}
    if environment.capped_rows:
        text = _("%(place)s is left out: the provider truncates its list, which is from %(time)s UTC.")
    else:
        text = _("%(place)s is left out: its last complete and trusted list is from %(time)s UTC.")
    moments = (environment.believed_at, environment.listed_at, environment.volumes_suspect_since)
    return text % {"place": place, "time": times.clock(min(filter(None, moments)), view.now)}


def _empty(view: LeftoversView) -> Empty:
    if not view.was_fetched:
        return never_fetched(view.environments, view.shown)
    if not any(environment in view.trusted for environment in view.shown):
        text = _("There is no complete and recent list to find leftovers in.")
        return Empty("left_out", _("Nothing is known right now"), text)
    if view.filters.is_narrowed:
        total = _total(view.tallied)
        text = ngettext(
            "Without the filters there is %(number)s leftover.",
            "Without the filters there are %(number)s leftovers.",
            total,
        ) % {"number": grouped(total)}
        return Empty("no_match", _("Nothing matches"), text, [Action(_("Clear all filters"), view.prefix)])
    text = _("No snapshot that is at least 30 days old has one of the four reasons.")
    if view.left_out:
        text = _("No such snapshot in the environments that are not left out.")
    return Empty("none", _("Nothing left over by these rules"), text)
