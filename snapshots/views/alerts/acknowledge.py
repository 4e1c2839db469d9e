"""Acknowledge a problem group, change that, end it: a form under its row, or on a separate page without scripts."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from dashboard.teams.access.guard import MemberRequest
from snapshots.alerts import acknowledge as acts
from snapshots.alerts.acknowledge import Acknowledgement, Done
from snapshots.lists.problem_list import Group, mark_of
from snapshots.text import times
from snapshots.views.alerts.acknowledge_form import AcknowledgeForm
from snapshots.views.alerts.list_page import AlertsView
from snapshots.views.common.objects import undo_tag


@require_http_methods(["GET", "HEAD", "POST"])
def acknowledge(request: MemberRequest, team: str) -> HttpResponse:
    """Show the form of the group that the address names; on POST acknowledge what it showed."""
    view = AlertsView.read(request)
    group = view.group_of(request.GET.get("group", ""))
    if group is None:
        return _not_there(request, view)
    form = _form(request, view, group)
    if request.method == "POST" and form.is_valid():
        if request.POST.get("mark") == mark_of([group]):
            done = acts.acknowledge(request.team, group, form.acknowledgement, person=request.user, request=request)
            return _done(request, view, done, _say(done, group, form.acknowledgement, view))
        changed = _("Nothing was changed yet: the problem has changed. Check it and confirm again.")
        form.add_error(None, changed)
    return _show(request, view, group, form)


@require_POST
def end(request: MemberRequest, team: str) -> HttpResponse:
    """End the acknowledgement of a group."""
    view = AlertsView.read(request)
    group = view.group_of(request.POST.get("group", ""))
    if group is None or not group.is_quiet:
        messages.warning(request, _("Nothing was changed: this acknowledgement is over."))
        return HttpResponseRedirect(view.url)
    done = acts.end(request.team, group, person=request.user, request=request)
    return _done(request, view, done, _("Acknowledgement ended."))


def _form(request: MemberRequest, view: AlertsView, group: Group) -> AcknowledgeForm:
    first = group.first
    former = first.acknowledged_until if group.is_quiet else None
    initial = {"note": first.note, "ticket": first.ticket} if group.is_quiet else {}
    sent = request.POST if request.method == "POST" else None
    return AcknowledgeForm(sent, initial=initial, now=view.now, former=former)


def _show(request: MemberRequest, view: AlertsView, group: Group, form: AcknowledgeForm) -> HttpResponse:
    row = view.rows([group])[0]
    query = urlencode([*view.filters.pairs(), ("group", row.key)])
    context = {
        "title": _("Change acknowledgement") if group.is_quiet else _("Acknowledge"),
        "row": row,
        "number": group.number,
        "is_of_environment": group.is_of_environment,
        "form": form,
        "form_url": f"{view.prefix}acknowledge/?{query}",
        "back": view.url,
        "is_under_row": bool(request.htmx),
    }
    template = "_acknowledge.html" if request.htmx else "acknowledge.html"
    return render(request, f"snapshots/alerts/{template}", context)


def _not_there(request: MemberRequest, view: AlertsView) -> HttpResponse:
    if request.htmx:
        messages.warning(request, _("This problem is over, or its status changed."))
        return HttpResponseClientRedirect(view.url)
    context = {"title": _("Acknowledge"), "back": view.url}
    return render(request, "snapshots/alerts/acknowledge.html", context)


def _done(request: MemberRequest, view: AlertsView, done: Done, said: str) -> HttpResponse:
    if done.number:
        messages.success(request, said, undo_tag(done.at))
    else:
        messages.warning(request, _("Nothing was changed: the problem has just ended."))
    return HttpResponseClientRedirect(view.url) if request.htmx else HttpResponseRedirect(view.url)


def _say(done: Done, group: Group, given: Acknowledgement, view: AlertsView) -> str:
    place, time = view.places[group.environment_id].place, times.stamp(given.until, view.now)
    if group.is_of_environment:
        return _("Acknowledged %(place)s until %(time)s UTC.") % {"place": place, "time": time}
    said = ngettext(
        "Acknowledged %(n)d volume in %(place)s until %(time)s UTC.",
        "Acknowledged %(n)d volumes in %(place)s until %(time)s UTC.",
        done.number,
    )
    return said % {"n": done.number, "place": place, "time": time}
