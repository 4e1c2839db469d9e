"""Tick off what was looked at: one group, or all that are unseen. For this member only."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from dashboard.teams.access.guard import MemberRequest
from snapshots.alerts import ticks
from snapshots.lists.problem_list import Group, mark_of
from snapshots.views.alerts.list_page import AlertsView


@require_POST
def tick(request: MemberRequest, team: str) -> HttpResponse:
    """Tick off a group, or without one all that are unseen; `undo` takes it back. Nothing if they are not as shown."""
    view, key = AlertsView.read(request), request.POST.get("group", "")
    group = view.group_of(key)
    if group is not None and request.POST.get("undo") == "1":
        ticks.take_back(request.membership, group)
        return _answer(request, [key])
    groups: Sequence[Group] = view.current.unseen if not key else [group] if group else []
    if mark_of(groups) != request.POST.get("mark"):
        messages.warning(request, _("Nothing was ticked off: it has changed since. Look at it again."))
        return _redirect(request, view.url)
    keys = [view.key_of(each) for each in groups]
    ticks.tick_off(request.membership, groups)
    return _answer(request, keys)


def _answer(request: MemberRequest, keys: Sequence[str]) -> HttpResponse:
    """For htmx what changed on the page: nothing else moves until it is reloaded."""
    view = AlertsView.read(request)
    if not request.htmx:
        return HttpResponseRedirect(view.url)
    changed = [group for group in view.current.open if view.key_of(group) in keys]
    context = {"rows": view.rows(changed), "strip": view.strip, "acts_query": view.links.query}
    return render(request, "snapshots/alerts/_ticked.html", context)


def _redirect(request: MemberRequest, url: str) -> HttpResponse:
    return HttpResponseClientRedirect(url) if request.htmx else HttpResponseRedirect(url)
