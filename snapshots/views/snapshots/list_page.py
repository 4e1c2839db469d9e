"""The list of all snapshots of a team, and what its refresh answers with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Membership, Team
from dashboard.teams.models.keys import key_of
from snapshots.lists import snapshot_filters as filters
from snapshots.lists.params import NO_VOLUME, PAGE_SIZES
from snapshots.lists.snapshot_filters import Filters
from snapshots.lists.snapshot_list import ListPage
from snapshots.models import Environment, Volume
from snapshots.sync import refresh as sync
from snapshots.sync.leases import Caller
from snapshots.text.labels import grouped
from snapshots.views.common.components import Action, Empty, Pager, PageSize
from snapshots.views.common.export_links import export_links
from snapshots.views.common.list_page import name_address, seen_query
from snapshots.views.common.page_state import age_of_page, first_fetch, never_fetched, nothing_to_list, remember_team
from snapshots.views.common.refreshing import (
    RETRY_SECONDS,
    ask_for_volume,
    caller_of,
    changes_since,
    is_held,
    next_url,
    say,
    slot,
)
from snapshots.views.common.volume_filter import chosen_volumes, offered_volumes, volume_filter
from snapshots.views.snapshots import table as tables
from snapshots.views.snapshots.filter_bar import filter_bar


@dataclass(frozen=True, slots=True)
class View:
    """One list address, read: whose, of which environments, with which filters, now."""

    membership: Membership
    environments: Sequence[Environment]
    filters: Filters
    now: datetime
    prefix: str

    @property
    def team(self) -> Team:
        return self.membership.team

    @property
    def shown(self) -> Sequence[Environment]:
        """The environments that the page's data comes from."""
        return self.filters.environments or self.environments

    @property
    def url(self) -> str:
        return self.prefix + self.filters.query(page=self.filters.page)


def read_view(request: MemberRequest) -> View:
    """Read the list address that the person sees: a refresh comes from a form whose own address may be older."""
    prefix = reverse("snapshots:list", args=[request.team.slug])
    environments = list(request.team.environments.order_by("name", "service_code"))
    return View(
        membership=request.membership,
        environments=environments,
        filters=filters.parse(seen_query(request, prefix), environments),
        now=timezone.now(),
        prefix=prefix,
    )


@require_safe
def snapshot_list(request: MemberRequest, team: str) -> HttpResponse:
    """Every snapshot of the team's environments; for htmx the results alone."""
    view = read_view(request)
    remember_team(request)
    is_fragment = bool(request.htmx) and not request.htmx.history_restore_request
    template = "snapshots/ui/_results.html" if is_fragment else "snapshots/snapshots/list.html"
    response = render(request, template, list_context(view))
    # Two answers share one address: whoever keeps one must not give it out as the other.
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    if is_fragment:
        name_address(response, request, view.url)  # one view, one address: without the form's empty fields
    return response


@require_POST
def refresh(request: MemberRequest, team: str) -> HttpResponse:
    """Ask the provider about the page's environments, or about its one volume; answer with age line and table."""
    view = read_view(request)
    is_auto = request.POST.get("auto") == "1"
    is_button = not is_auto or request.POST.get("again") == "1"
    with slot() as is_free:
        if not is_free:
            return _answer(request, view, said="", is_button=is_button, held=True)
        said, held = _ask(view, caller_of(request, is_button), is_button)
    return _answer(request, read_view(request), said=said, is_button=is_button, held=held)


@require_safe
def volume_choices(request: MemberRequest, team: str) -> HttpResponse:
    """What the typed volume filter finds, for the panel under it."""
    view = read_view(request)
    volumes = chosen_volumes(view.team, view.filters)
    offered = offered_volumes(view.team, view.filters)
    panel = volume_filter(view.team, view.environments, view.filters, view.prefix, volumes=volumes, found=offered)
    return render(request, "snapshots/ui/_volume_choices.html", {"volume_filter": panel})


def list_context(view: View) -> dict[str, object]:
    empty = nothing_to_list(view.membership, view.environments)
    is_bare = empty is not None
    volumes = chosen_volumes(view.team, view.filters)
    page, table = tables.table(view.team, view.environments, view.filters, view.now, view.prefix, volumes)
    if empty is None and page.total == 0:
        empty = _empty_list(view)
    bar = filter_bar(view.team, view.environments, view.filters, view.prefix, volumes)
    return {
        "title": _("Snapshots"),
        # Before anything was fetched nothing is known to count, not even to none.
        "count_text": "" if empty and empty.kind == "first_fetch" else _count_text(page, view),
        "table": table,
        "chips": bar.chips,
        "clear_url": view.prefix,
        "problems": view.filters.problems,
        "groups": bar.groups,
        "volume_filter": bar.volume_filter,
        "query": view.filters.q,
        "from_date": view.filters.from_date.isoformat() if view.filters.from_date else "",
        "to_date": view.filters.to_date.isoformat() if view.filters.to_date else "",
        "hidden": [pair for pair in view.filters.pairs() if pair[0] in ("sort", "page_size")],
        "pager": _pager(page, view),
        "empty": empty,
        "fetching": first_fetch(view.shown, view.now) if key_of(view.team) else [],
        "list_url": view.prefix,
        # It looks again while the first fetch goes on, and takes no choice away.
        "same_url": view.prefix + view.filters.query(page=view.filters.page),
        "exports": None if is_bare else export_links(view.team, "list", view.filters.query()),
        **age_context(view),
    }


def age_context(view: View) -> dict[str, object]:
    """What every page of data says about its age, and how it is refreshed."""
    url = reverse("snapshots:refresh", args=[view.team.slug]) + view.filters.query(page=view.filters.page)
    return age_of_page(view.membership, view.environments, view.shown, view.now, url)


def _empty_list(view: View) -> Empty:
    if not any(environment.answered_at for environment in view.shown):
        return never_fetched(view.environments, view.shown)
    if view.filters.is_narrowed:
        return _no_match(view)
    text = _("The provider lists none in these environments. What is taken from now on appears here.")
    return Empty("no_snapshot", _("No snapshot yet"), text)


def _no_match(view: View) -> Empty:
    total = _all_listed(view.environments)
    text = ngettext(
        "Without the filters there is %(number)s snapshot.",
        "Without the filters there are %(number)s snapshots.",
        total,
    ) % {"number": grouped(total)}
    return Empty("no_match", _("Nothing matches"), text, [Action(_("Clear all filters"), view.prefix)])


def _count_text(page: ListPage, view: View) -> str:
    total = grouped(page.total) if page.exact else _("%(number)s+") % {"number": grouped(page.total)}
    if not view.filters.is_narrowed:
        return ngettext("%(total)s snapshot", "%(total)s snapshots", page.total) % {"total": total}
    listed = _all_listed(view.environments)
    if not view.filters.listed:
        return ngettext(
            "%(total)s snapshot that is no longer listed", "%(total)s snapshots that are no longer listed", page.total
        ) % {"total": total}
    return ngettext("%(total)s of %(all)s snapshot", "%(total)s of %(all)s snapshots", listed) % {
        "total": total,
        "all": grouped(listed),
    }


def _all_listed(environments: Sequence[Environment]) -> int:
    return sum(int(environment.facets.get("listed", 0)) for environment in environments)


def _pager(page: ListPage, view: View) -> Pager:
    chosen, prefix = view.filters, view.prefix
    first = (page.number - 1) * chosen.page_size + 1
    last = first + chosen.page_size - 1 if page.has_next else max(first, page.total)
    total = grouped(page.total) if page.exact else _("%(number)s+") % {"number": grouped(page.total)}
    text = _("%(first)s–%(last)s of %(total)s") % {"first": grouped(first), "last": grouped(last), "total": total}
    last_page = -(-page.total // chosen.page_size)
    is_first, may_jump = page.number == 1, page.exact and page.has_next
    return Pager(
        text=text,
        first_url="" if is_first else prefix + chosen.query(page=1),
        previous_url="" if is_first else prefix + chosen.query(page=page.number - 1),
        next_url=prefix + chosen.query(page=page.number + 1) if page.has_next else "",
        last_url=prefix + chosen.query(page=last_page) if may_jump else "",
        sizes=[PageSize(size, prefix + chosen.query(page_size=size), size == chosen.page_size) for size in PAGE_SIZES],
    )


def _ask(view: View, caller: Caller, is_button: bool) -> tuple[str, bool]:
    """Returns what to say, and whether somebody else holds the lease."""
    volume = _only_volume(view) if is_button else None
    if volume is not None:
        return ask_for_volume(volume, caller)
    outcomes = list(sync.refresh(view.shown, caller=caller))
    return say(outcomes, timezone.now()), is_held(outcomes)


def _only_volume(view: View) -> Volume | None:
    """The one volume of one environment that the page is about, if it is about one."""
    ids = view.filters.volume_ids
    if len(ids) != 1 or ids[0] == NO_VOLUME:
        return None
    found = Volume.objects.of_team(view.team).filter(volume_id=ids[0], environment__in=view.shown)
    volumes = list(found.select_related("environment")[:2])
    return volumes[0] if len(volumes) == 1 else None


def _answer(request: MemberRequest, view: View, *, said: str, is_button: bool, held: bool) -> HttpResponse:
    if not request.htmx:
        messages.info(request, _("A refresh is already under way. Reload in a moment.") if held else said)
        return HttpResponseRedirect(next_url(request, view.url))
    context = list_context(view)
    first_fetch_ended = request.POST.get("first") == "1" and any(env.answered_at for env in view.shown)
    context |= {
        "changed": 0 if is_button else changes_since(request, view.team, view.shown),
        "show_url": view.url,
        "said": _("Refreshing…") if held else said if is_button else "",
        "swap_results": first_fetch_ended or (is_button and not held),
        "retry_in": RETRY_SECONDS if held else 0,
    }
    return render(request, "snapshots/ui/_refreshed.html", context, status=202 if held else 200)
