"""Saved views: named filters of a team's pages. Each is one of our pages and a query string."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.teams.access.capabilities import capabilities
from dashboard.teams.access.guard import MemberRequest, may
from dashboard.teams.access.roles import hold, hold_role
from dashboard.teams.models import Team
from snapshots.models import SavedView
from snapshots.views.common.exempt_form import MOST_QUERY, SaveForm

# The pages with filters, by the name in a saved view.
PAGES: Mapping[str, str] = {
    "volumes": "snapshots:volumes",
    "snapshots": "snapshots:list",
    "changes": "snapshots:changes",
}
MOST_VIEWS = 100
MOST_PARAMETERS = 200
# Parameters that are not part of a view.
PASSING = ("page", "back", "before", "after")


@dataclass(frozen=True, slots=True)
class SavedLink:
    pk: int
    name: str
    url: str
    page: str
    is_start: bool
    current: bool = False
    made_by: str = ""


@require_safe
def view_list(request: MemberRequest, team: str) -> HttpResponse:
    """The team's saved views."""
    found = request.team.saved_views.order_by("name")
    context = {"title": _("Saved views"), "views": [link for one in found if (link := link_of(request.team, one))]}
    return render(request, "snapshots/settings/saved_views.html", context)


@require_POST
def save(request: MemberRequest, team: str) -> HttpResponse:
    """Save a filtered page under a name."""
    page, form = request.POST.get("page", ""), SaveForm(request.POST)
    if page not in pages():
        messages.warning(request, _("This page cannot be saved."))
        return HttpResponseRedirect(_list_url(request.team))
    if not form.is_valid():
        is_name = "name" in form.errors
        messages.warning(
            request, _("Enter a name of at most 60 characters.") if is_name else _("This filter cannot be saved.")
        )
        return HttpResponseRedirect(_address(request.team, page, request.POST.get("query", "")))
    query = clean_query(form.cleaned_data["query"])
    messages.info(request, _save(request, page, form.cleaned_data["name"], query))
    return HttpResponseRedirect(_address(request.team, page, query))


@require_POST
def delete(request: MemberRequest, team: str) -> HttpResponse:
    """Delete a saved view; only an admin may delete the start page."""
    with transaction.atomic():
        member, view = hold(request.membership, request.least_role), _view(request)
        is_kept = view is not None and view.is_start and not may(member, "snapshots:view_start", "POST")
        if view is not None and not is_kept:
            view.delete()
    if view is None:
        messages.info(request, _("This view no longer exists."))
    elif is_kept:
        messages.warning(request, _("This is the team’s start page. Only an admin can delete it."))
    else:
        messages.success(request, _("Deleted the view “%(name)s”.") % {"name": view.name})
    return HttpResponseRedirect(_list_url(request.team))


@require_POST
def start(request: MemberRequest, team: str) -> HttpResponse:
    """Set a view as the team's start page, or unset it."""
    view = _view(request)
    with transaction.atomic():
        request.team.saved_views.filter(is_start=True).update(is_start=False)
        if view is not None:
            request.team.saved_views.filter(pk=view.pk).update(is_start=True)
        hold_role(request)
    said = (
        _("“%(name)s” is now the team’s start page.") if view else _("The team’s start page is now the volumes page.")
    )
    messages.success(request, said % {"name": view.name if view else ""})
    return HttpResponseRedirect(_list_url(request.team))


def pages() -> Mapping[str, str]:
    """Return the pages of `PAGES` that exist."""
    return {page: name for page, name in PAGES.items() if name in capabilities()}


def links(request: MemberRequest, page: str) -> list[SavedLink]:
    """Return the saved views of a page, for its menu; the one with the requested URL is current."""
    found = [link_of(request.team, view) for view in request.team.saved_views.filter(page=page).order_by("name")]
    asked = _address(request.team, page, clean_query(request.GET.urlencode())) if page in pages() else ""
    return [SavedLink(one.pk, one.name, one.url, page, one.is_start, one.url == asked) for one in found if one]


def start_url(team: Team) -> str:
    """Return the URL of the team's start page; "" if it is the volumes page."""
    view = team.saved_views.filter(is_start=True).first()
    link = link_of(team, view) if view else None
    return link.url if link else ""


def link_of(team: Team, view: SavedView) -> SavedLink | None:
    if view.page not in pages():
        return None
    url = _address(team, view.page, view.query)
    return SavedLink(view.pk, view.name, url, view.page, view.is_start, made_by=view.made_by)


def clean_query(text: str) -> str:
    """Rebuild a query string without temporary parameters, so that it cannot lead to another path or host."""
    try:
        query = QueryDict(text[:MOST_QUERY].removeprefix("?"), mutable=True)
    except ValueError:
        return ""
    kept = QueryDict(mutable=True)
    for name, values in query.lists():
        values = [value for value in values if value]
        if name not in PASSING and values:
            kept.setlist(name, values)
    return kept.urlencode()[:MOST_QUERY]


def _save(request: MemberRequest, page: str, name: str, query: str) -> str:
    """Save the view and return a message."""
    views = request.team.saved_views
    if views.count() >= MOST_VIEWS:
        return _("A team can save at most %(most)d views. Delete one first.") % {"most": MOST_VIEWS}
    try:
        with transaction.atomic():
            views.create(name=name, page=page, query=query, made_by=request.user.email)
            hold_role(request)
    except IntegrityError:
        return _("There is a view “%(name)s” already. Choose another name.") % {"name": name}
    return _("Saved as “%(name)s” for the whole team.") % {"name": name}


def _view(request: MemberRequest) -> SavedView | None:
    text = request.POST.get("view", "")
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        return None
    found: SavedView | None = request.team.saved_views.filter(pk=int(text)).first()
    return found


def _address(team: Team, page: str, query: str) -> str:
    url = reverse(pages()[page], args=[team.slug])
    cleaned = clean_query(query)
    return f"{url}?{cleaned}" if cleaned else url


def _list_url(team: Team) -> str:
    return reverse("snapshots:views", args=[team.slug])
