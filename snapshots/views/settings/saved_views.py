"""Saved views: named filters of a team's pages. Each is one of our pages and a query string."""

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from dashboard.teams.access.guard import MemberRequest, may
from dashboard.teams.access.roles import hold, hold_role
from dashboard.teams.models import Team
from snapshots.lists.params import MOST_QUERY, clean_query
from snapshots.models import LastAct, SavedView
from snapshots.views.common.exclude_form import shown_text
from snapshots.views.common.list_page import SAVED_PAGES, saved_url
from snapshots.views.common.objects import undo_tag

MOST_VIEWS = 100
# What an undone deletion brings back.
RESTORED = ("name", "page", "query", "made_by", "is_start")


class SaveForm(forms.Form):
    """The name of a filtered page."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=SavedView._meta.get_field("name").max_length)
    query = forms.CharField(max_length=MOST_QUERY, required=False, strip=False)

    def clean_name(self) -> str:
        return shown_text(self.cleaned_data["name"])


@require_safe
def view_list(request: MemberRequest, team: str) -> HttpResponse:
    """The team's saved views."""
    found = request.team.saved_views.filter(page__in=SAVED_PAGES).order_by("name")
    views = [(view, saved_url(request.team, view.page, view.query)) for view in found]
    return render(request, "snapshots/settings/saved_views.html", {"title": _("Saved views"), "views": views})


@require_POST
def save(request: MemberRequest, team: str) -> HttpResponse:
    """Save a filtered page under a name."""
    page, form = request.POST.get("page", ""), SaveForm(request.POST)
    if page not in SAVED_PAGES:
        messages.warning(request, _("This page cannot be saved."))
        return HttpResponseRedirect(_list_url(request.team))
    if not form.is_valid():
        is_name = "name" in form.errors
        messages.warning(
            request, _("Enter a name of at most 60 characters.") if is_name else _("This filter cannot be saved.")
        )
        return HttpResponseRedirect(saved_url(request.team, page, request.POST.get("query", "")))
    query = clean_query(form.cleaned_data["query"], SAVED_PAGES[page][1])
    messages.info(request, _save(request, page, form.cleaned_data["name"], query))
    return HttpResponseRedirect(saved_url(request.team, page, query))


@require_POST
def delete(request: MemberRequest, team: str) -> HttpResponse:
    """Delete a saved view; only an admin may delete the start page."""
    with transaction.atomic():
        member, view = hold(request.membership, request.least_role), _view(request)
        is_kept = view is not None and view.is_start and not may(member, "snapshots:view_start", "POST")
        if view is not None and not is_kept:
            at = LastAct.keep(LastAct.VIEW, [view], dict.fromkeys(RESTORED), team=request.team, person=request.user)
            view.delete()
    if view is None:
        messages.info(request, _("This view no longer exists."))
    elif is_kept:
        messages.warning(request, _("This is the team’s start page. Only an admin can delete it."))
    else:
        messages.success(request, _("Deleted the view “%(name)s”.") % {"name": view.name}, undo_tag(at))
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


def start_url(team: Team) -> str:
    """Return the URL of the team's start page; "" if it is the volumes page."""
    view = team.saved_views.filter(is_start=True, page__in=SAVED_PAGES).first()
    return saved_url(team, view.page, view.query) if view else ""


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


def _list_url(team: Team) -> str:
    return reverse("snapshots:views", args=[team.slug])
