"""What happened in a team's environments, newest first, and what its refresh answers with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Membership, Team
from snapshots.lists import change_filters
from snapshots.lists.change_filters import ChangeFilters
from snapshots.lists.change_list import ChangePage, find_line
from snapshots.models import Change, Environment
from snapshots.sync import refresh as sync
from snapshots.text import times
from snapshots.views.changes.filter_bar import change_bar
from snapshots.views.changes.table import change_table
from snapshots.views.common.components import Action, Empty, Pager
from snapshots.views.common.export_links import export_links
from snapshots.views.common.list_page import name_address, seen_query
from snapshots.views.common.page_state import age_of_page, never_fetched, nothing_to_list, remember_team
from snapshots.views.common.refreshing import RETRY_SECONDS, caller_of, changes_since, is_held, next_url, say, slot


@dataclass(frozen=True, slots=True)
class View:
    """One address of the changes, read: whose, of which environments, with which filters, now."""

    membership: Membership
    environments: Sequence[Environment]
    filters: ChangeFilters
    line: Change | None
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
    def query(self) -> str:
        return self.filters.query(before=self.filters.before, after=self.filters.after)

    @property
    def url(self) -> str:
        return self.prefix + self.query


@require_safe
def change_list(request: MemberRequest, team: str) -> HttpResponse:
    """What changed; for htmx the results alone."""
    view = read_view(request)
    remember_team(request)
    is_fragment = bool(request.htmx) and not request.htmx.history_restore_request
    template = "snapshots/ui/_results.html" if is_fragment else "snapshots/changes/list.html"
    response = render(request, template, _context(view))
    # Two answers share one address, and one view has one address: as on the list.
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    if is_fragment:
        name_address(response, request, view.url)
    return response


@require_POST
def refresh(request: MemberRequest, team: str) -> HttpResponse:
    """Ask the provider about the page's environments; answer with age line and lines."""
    view = read_view(request)
    is_button = request.POST.get("auto") != "1" or request.POST.get("again") == "1"
    with slot() as is_free:
        outcomes = list(sync.refresh(view.shown, caller=caller_of(request, is_button))) if is_free else []
    held = not is_free or is_held(outcomes)
    return _refreshed(request, "" if held else say(outcomes, timezone.now()), is_button=is_button, held=held)


def _refreshed(request: MemberRequest, said: str, *, is_button: bool, held: bool) -> HttpResponse:
    view = read_view(request)
    if not request.htmx:
        messages.info(request, _("A refresh is already under way. Reload in a moment.") if held else said)
        return HttpResponseRedirect(next_url(request, view.url))
    first_fetch_ended = request.POST.get("first") == "1" and any(one.answered_at for one in view.shown)
    context = _context(view) | {
        "changed": 0 if is_button else changes_since(request, view.team, view.shown),
        "show_url": view.url,
        "said": _("Refreshing…") if held else said if is_button else "",
        "swap_results": first_fetch_ended or (is_button and not held),
        "retry_in": RETRY_SECONDS if held else 0,
    }
    return render(request, "snapshots/ui/_refreshed.html", context, status=202 if held else 200)


def read_view(request: MemberRequest) -> View:
    """Read the address that the person sees: a refresh comes from a form whose own address may be older."""
    prefix = reverse("snapshots:changes", args=[request.team.slug])
    environments = list(request.team.environments.order_by("name", "service_code"))
    filters = change_filters.parse(seen_query(request, prefix), environments)
    line = find_line(request.team, filters.line) if filters.line else None
    if filters.line and line is None:
        filters = change_filters.without_line(filters)
    return View(request.membership, environments, filters, line, timezone.now(), prefix)


def _context(view: View) -> dict[str, object]:
    empty = nothing_to_list(view.membership, view.environments)
    is_bare = empty is not None
    page, table = change_table(view.team, view.environments, view.filters, view.line, view.now, view.prefix)
    if empty is None and not page.lines:
        empty = _empty(view)
    bar = change_bar(view.team, view.environments, view.filters, view.line, view.now, view.prefix)
    refresh_url = reverse("snapshots:changes_refresh", args=[view.team.slug]) + view.query
    return {
        "title": _("Changes"),
        "count_text": _count_text(page),
        "table": table,
        "chips": bar.chips,
        "clear_url": view.prefix,
        "problems": view.filters.problems,
        "groups": bar.groups,
        "volume_filter": bar.volume_filter,
        "query": view.filters.q,
        "from_date": view.filters.from_date.isoformat() if view.filters.from_date else "",
        "to_date": view.filters.to_date.isoformat() if view.filters.to_date else "",
        "hidden": [pair for pair in view.filters.pairs() if pair[0] in ("rotated", "line")],
        "pager": _pager(page, view),
        "empty": empty,
        "list_url": view.prefix,
        "exports": None if is_bare else export_links(view.team, "changes", view.filters.query()),
        **age_of_page(view.membership, view.environments, view.shown, view.now, refresh_url),
    }


def _count_text(page: ChangePage) -> str:
    number = number_format(page.total, force_grouping=True)
    total = number if page.exact else _("%(number)s+") % {"number": number}
    return ngettext("%(total)s entry", "%(total)s entries", page.total) % {"total": total}


def _empty(view: View) -> Empty:
    if not any(environment.answered_at for environment in view.shown):
        return never_fetched(view.environments, view.shown)
    actions = [Action(_("Clear all filters"), view.prefix)] if view.filters.is_narrowed else []
    if view.filters.hides_rotated:
        actions.append(Action(_("Show rotated ones too"), view.prefix + view.filters.query(rotated=True)))
    if view.filters.is_narrowed:
        text = _("Nothing that is remembered matches the filters.")
        return Empty("no_match", _("Nothing matches"), text, actions)
    text = _("What is taken, fails or goes from now on appears here.")
    return Empty("no_change", _("Nothing is remembered yet"), text, actions)


def _pager(page: ChangePage, view: View) -> Pager:
    filters, prefix = view.filters, view.prefix
    if not page.lines:
        return Pager("")
    newest, oldest = (times.stamp(line.at, view.now) for line in (page.lines[0], page.lines[-1]))
    text = newest if newest == oldest else _("%(newest)s back to %(oldest)s") % {"newest": newest, "oldest": oldest}
    return Pager(
        text=_("%(times)s UTC") % {"times": text},
        first_url=prefix + filters.query() if page.newer else "",
        previous_url=prefix + filters.query(after=page.newer) if page.newer else "",
        next_url=prefix + filters.query(before=page.older) if page.older else "",
    )
