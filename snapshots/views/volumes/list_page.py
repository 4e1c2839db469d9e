"""The team's home: its volumes, those without a recent usable snapshot first."""

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
from django.views.decorators.http import require_POST, require_safe

from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Membership, Team
from snapshots.lists import volume_filters
from snapshots.lists.volume_filters import VolumeFilters
from snapshots.models import Environment, Policy
from snapshots.sync import refresh as sync
from snapshots.views.common.export_links import export_links
from snapshots.views.common.list_page import name_address, seen_query
from snapshots.views.common.page_state import age_of_page, nothing_to_list, remember_team
from snapshots.views.common.refreshing import RETRY_SECONDS, caller_of, changes_since, is_held, next_url, say, slot
from snapshots.views.volumes import list_parts
from snapshots.views.volumes.charts import shown_pictures


@dataclass(frozen=True, slots=True)
class View:
    """One address of the volumes page, read: whose, of which environments, with which filters, now."""

    membership: Membership
    environments: Sequence[Environment]
    policy: Policy | None
    filters: VolumeFilters
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
    """Read the address that the person sees: a refresh comes from a form whose own address may be older."""
    # The home shows the same, but a saved view may stand in its place: links lead to the plain page.
    prefix = reverse("snapshots:volumes", args=[request.team.slug])
    environments = list(request.team.environments.order_by("name", "service_code"))
    return View(
        membership=request.membership,
        environments=environments,
        policy=Policy.objects.filter(team=request.team).first(),
        filters=volume_filters.parse(
            seen_query(request, prefix, reverse("snapshots:team_home", args=[request.team.slug])), environments
        ),
        now=timezone.now(),
        prefix=prefix,
    )


@require_safe
def volume_list(request: MemberRequest, team: str) -> HttpResponse:
    """The team's volumes; for htmx the results alone."""
    view = read_view(request)
    remember_team(request)
    is_fragment = bool(request.htmx) and not request.htmx.history_restore_request
    template = "snapshots/volumes/_results.html" if is_fragment else "snapshots/volumes/list.html"
    response = render(request, template, home_context(view, is_fragment=is_fragment))
    # Two answers share one address: whoever keeps one must not give it out as the other.
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    if is_fragment:
        name_address(response, request, view.url)
    return response


@require_POST
def refresh(request: MemberRequest, team: str) -> HttpResponse:
    """Ask the provider about the page's environments; answer with the age line, and the table if somebody asked."""
    view = read_view(request)
    is_auto = request.POST.get("auto") == "1"
    is_button = not is_auto or request.POST.get("again") == "1"
    with slot() as is_free:
        outcomes = list(sync.refresh(view.shown, caller=caller_of(request, is_button))) if is_free else []
    held = not is_free or is_held(outcomes)
    said = say(outcomes, timezone.now()) if outcomes else ""
    return _answer(request, read_view(request), said=said, is_button=is_button, held=held)


def _answer(request: MemberRequest, view: View, *, said: str, is_button: bool, held: bool) -> HttpResponse:
    if not request.htmx:
        messages.info(request, _("A refresh is already under way. Reload in a moment.") if held else said)
        return HttpResponseRedirect(next_url(request, view.url))
    first_fetch_ended = request.POST.get("first") == "1" and any(env.answered_at for env in view.shown)
    swaps = first_fetch_ended or (is_button and not held)
    context = home_context(view, is_fragment=True) if swaps else _age_context(view)
    context |= {
        "changed": 0 if is_button else changes_since(request, view.team, view.shown),
        "show_url": view.url,
        "said": _("Refreshing…") if held else said if is_button else "",
        "swap_results": swaps,
        "retry_in": RETRY_SECONDS if held else 0,
    }
    return render(request, "snapshots/volumes/_refreshed.html", context, status=202 if held else 200)


def home_context(view: View, *, is_fragment: bool) -> dict[str, object]:
    """What the page and its parts are rendered from; the costly parts come from the cache."""
    context: dict[str, object] = {
        "title": _("Volumes"),
        "list_url": view.prefix,
        "query": view.filters.q,
        "problems": view.filters.problems,
        **_age_context(view),
    }
    empty = nothing_to_list(view.membership, view.environments)
    if empty is not None:
        return context | {"empty": empty}
    if not is_fragment:
        # They show all that the team watches: choosing a filter does not move them.
        with_ages = view.policy is not None
        pictures = shown_pictures(view.team, view.environments, view.now, view.prefix, with_ages=with_ages)
        context["pictures"] = pictures
    context["exports"] = export_links(view.team, "volumes", view.filters.query())
    return context | {"parts": list_parts.parts(view, is_fragment=is_fragment)}


def _age_context(view: View) -> dict[str, object]:
    url = reverse("snapshots:volumes_refresh", args=[view.team.slug]) + view.filters.query(page=view.filters.page)
    return age_of_page(view.membership, view.environments, view.shown, view.now, url)
