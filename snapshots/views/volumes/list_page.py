"""The team's volumes, those without a recent usable snapshot first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import urlencode

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from dashboard.teams.access.guard import MemberRequest, may
from snapshots.lists import problem_list, volume_filters, volume_groups, volume_list
from snapshots.lists.params import DEFAULT_PAGE_SIZE
from snapshots.lists.volume_filters import VolumeFilters
from snapshots.lists.volume_list import MenuCounts, Outage, Tally, VolumePage, outages
from snapshots.models import Policy
from snapshots.models.volume import VolumeQuerySet
from snapshots.text import times
from snapshots.text.labels import grouped
from snapshots.verdicts.sql import DataAges, volumes_of_team
from snapshots.views.common.components import Action, Chip, Empty, Pager
from snapshots.views.common.list_page import View, answer, answer_refresh, kept_part, numbered_pager
from snapshots.views.common.page_state import never_fetched, state_of
from snapshots.views.volumes import rhythms, strip_svg, tiles
from snapshots.views.volumes.charts import charts
from snapshots.views.volumes.look import Look
from snapshots.views.volumes.rows import Scene, columns
from snapshots.views.volumes.target_question import target_question

LOOK_AGAIN = "look-again"
"""The link that asks again while the first fetch goes on."""


@dataclass(frozen=True, slots=True)
class Matching:
    """All rows that match, also those of other pages; `query` is the filters that they match."""

    number: int
    query: str
    offer: str
    chosen: str


@dataclass(frozen=True, slots=True)
class Parts:
    """Rendered HTML: what the tiles leave out, the tiles with what stopped, the filter bar or its changes, rows."""

    asides: SafeString
    summary: SafeString
    bar: SafeString
    results: SafeString
    count_text: str


class VolumesView(View[VolumeFilters]):
    """One address of the volumes page."""

    saved_as = "volumes"
    # The home shows the same, unless a saved view is the start page: links lead to the plain page.
    addresses = ("snapshots:volumes", "snapshots:team_home")
    page_template = "snapshots/volumes/list.html"
    fragment_template = "snapshots/volumes/_results.html"
    refreshed_template = "snapshots/volumes/_refreshed.html"
    hidden_fields = ("ages", "since", "sort", "page_size")
    parse = staticmethod(volume_filters.parse)

    @property
    def search_label(self) -> str:
        return _("Search volumes and instances")

    @cached_property
    def policy(self) -> Policy | None:
        return Policy.objects.filter(team=self.team).first()

    @property
    def team_hours(self) -> int | None:
        return self.policy.target_hours if self.policy else None

    @cached_property
    def look(self) -> Look:
        return Look.of(self.membership)

    @cached_property
    def size(self) -> int:
        """The rows of a page: the address's, which an older link may have, or the member's."""
        in_address = self.filters.page_size
        return self.look.page_size if in_address == DEFAULT_PAGE_SIZE else in_address

    @cached_property
    def unseen(self) -> list[int]:
        """The volumes with a problem that began since the member's last visit and is not ticked off.

        At most once a minute from the rows.
        """
        since = self.membership.seen_until
        if since is None:
            return []

        def make() -> list[int]:
            return volume_list.unseen(self.environments, since, DataAges.of(self.environments, self.now))

        states = [state_of(environment) for environment in self.environments]
        begun = kept_part(self, "unseen", list[int], make, states, since, query="")
        ticked = problem_list.ticked_volumes(self.membership) if begun else set()
        return [pk for pk in begun if pk not in ticked]

    @property
    def unseen_context(self) -> dict[str, object] | None:
        since, number = self.membership.seen_until, len(self.unseen)
        if since is None or not number:
            return None
        text = ngettext("%(n)s new since your last visit", "%(n)s new since your last visit", number)
        return {
            "text": text % {"n": grouped(number)},
            "time": _("%(time)s UTC") % {"time": times.stamp(since, self.now)},
            "url": self.links.to(since=since),
            "until": self.now.isoformat(),
        }

    @property
    def may_act(self) -> bool:
        """Whether each row has a box, to exclude the volume."""
        return may(self.membership, "snapshots:exclude")

    @cached_property
    def suggestions(self) -> list[tuple[int, str]]:
        """The rhythms that are suggested to who may confirm them. At most once a minute from the rows."""
        if not may(self.membership, "snapshots:rhythms", "POST"):
            return []

        def make() -> list[tuple[int, str]]:
            return rhythms.suggestions_of(self.environments)

        states = [state_of(environment) for environment in self.environments]
        return kept_part(self, "rhythms", list[tuple[int, str]], make, states, query="")

    @property
    def inputs(self) -> object:
        states = [state_of(environment) for environment in self.environments]
        strip = rhythms.strip_of(self.suggestions, self.membership)
        return (states, self.team_hours, self.may_act, self.unseen, strip)

    @property
    def is_lasting(self) -> bool:
        """The target question also depends on what the volumes are now, and on who may answer it."""
        return super().is_lasting and self.policy is not None

    def chips(self) -> list[Chip]:
        return list(tiles.chips(self))

    def context(self, *, is_fragment: bool) -> dict[str, object]:
        """The costly parts come from the cache."""
        context: dict[str, object] = {"title": _("Volumes")}
        if self.nothing is not None:
            return context | {"empty": self.nothing}
        if not is_fragment:
            # They show all that the team watches: choosing a filter does not move them.
            context["pictures"] = charts(self, with_ages=self.policy is not None)
            context |= {"look": self.look, "unseen": self.unseen_context}
            context["rhythms"] = rhythms.strip_of(self.suggestions, self.membership)
            context["question"] = target_question(self.team) if self.policy is None else None
        return context | {"parts": _parts(self, is_fragment=is_fragment)}


@require_safe
def volumes_page(request: MemberRequest, team: str) -> HttpResponse:
    """The team's volumes; for htmx the results alone, and after the first fetch the page, whose other parts waited."""
    view = VolumesView.read(request)
    if request.htmx.trigger == LOOK_AGAIN and not view.fetching:
        return HttpResponseClientRefresh()
    return answer(request, view)


@require_POST
def refresh(request: MemberRequest, team: str) -> HttpResponse:
    """Ask the provider about the page's environments; answer with the age line, and the table if somebody asked."""
    response = answer_refresh(request, VolumesView)
    is_first = bool(request.htmx) and request.POST.get("first") == "1" and VolumesView.read(request).was_fetched
    return HttpResponseClientRefresh() if is_first else response


def _parts(view: VolumesView, *, is_fragment: bool) -> Parts:
    """Render the parts of a view. `is_fragment`: the filter bar stands already and is only brought in line."""

    def make() -> list[str]:
        return _made(view, is_fragment=is_fragment)

    states = [state_of(environment) for environment in view.environments]
    others = (
        states,
        view.team_hours,
        view.filters.problems,
        view.may_act,
        view.look,
        view.unseen,
        is_fragment,
        view.fetching,
    )
    asides, summary, bar, results, count_text = kept_part(view, "volumes", list[str], make, *others)
    return Parts(SafeString(asides), SafeString(summary), SafeString(bar), SafeString(results), count_text)


def _made(view: VolumesView, *, is_fragment: bool) -> list[str]:
    ages = DataAges.of(view.environments, view.now)
    volumes = volume_list.narrowed(view.environments, view.filters, ages)
    every = volume_list.every_tally(view.environments, view.filters, ages, view.team_hours)
    counted = volume_list.chosen_of(every, view.filters)
    total = volume_list.total_of(counted, view.filters)
    bar = "snapshots/ui/_filters_follow.html" if is_fragment else "snapshots/ui/_filters.html"
    asides = tiles.asides(view, counted) + tiles.unknown_volumes(view.shown)
    return [
        render_to_string("snapshots/volumes/_asides.html", {"asides": asides}),
        _summary(view, volumes, counted, ages),
        render_to_string(bar, _bar_context(view, volume_list.menu_counts(every, view.filters))),
        _results(view, volumes, total, ages),
        _count_text(view, total),
    ]


def _summary(view: VolumesView, volumes: VolumeQuerySet, counted: Sequence[Tally], ages: DataAges) -> str:
    if view.policy is None:
        shown = tiles.age_tiles(view, volume_list.band_counts(volumes, ages))
    else:
        shown = tiles.verdict_tiles(view, counted, ages)
    context = {
        "tiles": shown,
        "outages": [_outage(found, view) for found in outages(volumes, counted, view.environments)],
    }
    return render_to_string("snapshots/volumes/_summary.html", context)


def _outage(found: Outage, view: VolumesView) -> dict[str, str]:
    text = ngettext(
        "Runs in %(place)s stopped about %(time)s UTC: %(number)s volume.",
        "Runs in %(place)s stopped about %(time)s UTC: %(number)s volumes.",
        found.number,
    ) % {
        "place": found.environment.place,
        "time": times.clock(found.at, view.now),
        "number": grouped(found.number),
    }
    statuses = ("late", "stuck", "failing")
    return {"text": text, "url": view.links.to(environments=(found.environment,), statuses=statuses)}


def _bar_context(view: VolumesView, counts: MenuCounts) -> dict[str, object]:
    return {
        "list_url": view.prefix,
        "query": view.filters.q,
        "search_label": view.search_label,
        "groups": tiles.groups(view, counts),
        "chips": view.chips(),
        "hidden": view.filters.pairs(*view.hidden_fields),
    }


def _results(view: VolumesView, volumes: VolumeQuerySet, total: int, ages: DataAges) -> str:
    context: dict[str, object] = {
        "chips": view.chips(),
        "clear_url": view.prefix,
        "problems": view.filters.problems,
        "fetching": view.fetching,
        "same_url": view.url,
    }
    if total == 0:
        context["empty"] = _empty(view)
    else:
        context |= _table(view, volume_list.shown(volumes, view.filters, ages), total, ages)
        context["matching"] = _matching(view, total) if view.may_act else None
    return render_to_string("snapshots/volumes/_results_body.html", context)


def _matching(view: VolumesView, total: int) -> Matching:
    offer = ngettext("Select %(n)s that matches", "Select all %(n)s that match", total)
    chosen = ngettext("%(n)s that matches is selected", "All %(n)s that match are selected", total)
    number = {"n": grouped(total)}
    return Matching(total, urlencode(view.filters.narrowing), offer % number, chosen % number)


def _table(view: VolumesView, volumes: VolumeQuerySet, total: int, ages: DataAges) -> dict[str, object]:
    places = {environment.pk: environment for environment in view.environments}
    scene = Scene(places, view.team_hours, view.now, view.prefix, frozenset(view.unseen))
    filters = replace(view.filters, page_size=view.size)
    context: dict[str, object] = {
        "columns": columns(view, oldest_first=view.policy is None),
        "strip_legend": strip_svg.legend(),
        "may_act": view.may_act,
        "shown": view.look.shown,
        "is_compact": view.look.is_compact,
    }
    if view.filters.group:
        page, blocks = volume_groups.find_page(volumes, filters, ages)
        context["row_groups"] = scene.groups(page.volumes, blocks)
    else:
        page = volume_list.find_page(volumes, filters, total, ages, oldest_first=view.policy is None)
        context["rows"] = scene.rows(page.volumes)
    return context | {"pager": _pager(page, view)}


def _empty(view: VolumesView) -> Empty:
    if not view.was_fetched:
        return never_fetched(view.environments, view.shown)
    if view.filters.is_narrowed:
        total = volumes_of_team(view.environments).count()
        text = ngettext(
            "Without the filters there is %(number)s volume.",
            "Without the filters there are %(number)s volumes.",
            total,
        ) % {"number": grouped(total)}
        return Empty("no_match", _("Nothing matches"), text, [Action(_("Clear all filters"), view.prefix)])
    text = _("The provider lists no volumes here, and no snapshots of one. New ones will appear here.")
    return Empty("no_snapshot", _("No volume yet"), text)


def _count_text(view: VolumesView, total: int) -> str:
    if not view.was_fetched:
        return ""
    if not view.filters.is_narrowed:
        return ngettext("%(n)s volume", "%(n)s volumes", total) % {"n": grouped(total)}
    every = volumes_of_team(view.environments).count()
    text = ngettext("%(n)s of %(all)s volume", "%(n)s of %(all)s volumes", every)
    return text % {"n": grouped(total), "all": grouped(every)}


def _pager(page: VolumePage, view: VolumesView) -> Pager:
    has_next = page.has_next(view.size)
    pager = numbered_pager(view.links, number=page.number, size=view.size, total=page.total, has_next=has_next)
    return replace(pager, sizes=[])  # the view menu has them
