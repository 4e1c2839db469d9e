"""Exclude volumes and resume their checks: the address names the volumes, the form changes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.teams.access.guard import MemberRequest
from snapshots.lists import volume_filters, volume_list
from snapshots.lists.params import moment
from snapshots.models import Environment, Volume
from snapshots.policy import exclusions
from snapshots.policy.exclusions import Excluded, Exclusion
from snapshots.rules.schedules import SCHEDULES
from snapshots.text import times
from snapshots.verdicts.sql import FOR_EVER, DataAges
from snapshots.views.common.exclude_form import ExcludeForm
from snapshots.views.common.objects import back_to, numbers, volume_of

MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Chosen:
    """The volumes that an address names; `problems`: why it names none, in sentences."""

    pks: Sequence[int]
    names: Sequence[str] = ()
    problems: Sequence[str] = ()

    @property
    def number(self) -> int:
        return len(self.pks)

    @property
    def more(self) -> int:
        return len(self.pks) - len(self.names)


@require_http_methods(["GET", "HEAD", "POST"])
def exclude(request: MemberRequest, team: str) -> HttpResponse:
    """Show the form to exclude the chosen volumes; on POST exclude them."""
    chosen, form = _chosen(request), ExcludeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _is_as_shown(request, chosen):
        done = exclusions.exclude(request.team, chosen.pks, form.exclusion, person=request.user, request=request)
        messages.success(request, _say_excluded(request, done, form.exclusion))
        return HttpResponseRedirect(back_to(request))
    context = {"title": _("Exclude volumes"), "chosen": chosen, "form": form, "back": back_to(request)}
    return render(request, "snapshots/volumes/exclude.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def resume(request: MemberRequest, team: str) -> HttpResponse:
    """Show how many volumes are resumed, and on POST resume them."""
    chosen = _chosen(request)
    if request.method == "POST" and _is_as_shown(request, chosen):
        number = exclusions.resume(request.team, chosen.pks, person=request.user, request=request)
        said = ngettext("Checks resumed for %(number)d volume.", "Checks resumed for %(number)d volumes.", number)
        messages.success(request, said % {"number": number})
        return HttpResponseRedirect(back_to(request))
    context = {"title": _("Resume checks"), "chosen": chosen, "back": back_to(request)}
    return render(request, "snapshots/volumes/resume.html", context)


@require_POST
def stopped(request: MemberRequest, team: str) -> HttpResponse:
    """Mark a volume's schedule as intentionally stopped, or unmark it."""
    volume = volume_of(request, request.POST.get("volume", ""))
    schedule = request.POST.get("schedule", "")
    if volume is None or schedule not in SCHEDULES:
        messages.warning(request, _("There is no such volume or schedule."))
        return HttpResponseRedirect(back_to(request))
    is_undo = request.POST.get("undo") == "1"
    act = exclusions.resume_schedule if is_undo else exclusions.end_schedule
    messages.info(request, _say_stopped(act(volume, schedule, person=request.user, request=request), is_undo=is_undo))
    return HttpResponseRedirect(back_to(request))


def _chosen(request: MemberRequest) -> Chosen:
    """The ticked volumes, those of one act, or all that match the address's filters."""
    if request.GET.get("which") == "match":
        return _matching(request)
    if "act" in request.GET:
        at = moment(request.GET["act"])
        return _named(exclusions.of_act(request.team, at) if at else [])
    ticked = Volume.objects.of_team(request.team).filter(pk__in=numbers(request.GET.getlist("volume")))
    return _named(list(ticked.values_list("pk", flat=True)))


def _matching(request: MemberRequest) -> Chosen:
    environments = list(Environment.objects.of_team(request.team))
    ages = DataAges.of(environments, timezone.now())
    filters = volume_filters.parse(request.GET, environments)
    if filters.problems:
        # Without the filter that no longer fits it would be more than the person saw.
        return Chosen([], problems=filters.problems)
    found = volume_list.shown(volume_list.narrowed(environments, filters, ages), filters, ages)
    return _named(list(found.order_by().values_list("pk", flat=True)))


def _named(pks: Sequence[int]) -> Chosen:
    first = sorted(pks)[:MOST_NAMED]
    volumes = Volume.objects.filter(pk__in=first).select_related("environment").order_by("name", "pk")
    return Chosen(pks, [f"{volume} · {volume.environment.place}" for volume in volumes])


def _is_as_shown(request: MemberRequest, chosen: Chosen) -> bool:
    """Whether the address still names as many as the person agreed to."""
    if chosen.number and request.POST.get("number") == str(chosen.number):
        return True
    messages.warning(request, _("Nothing was changed yet: look at the number once more."))
    return False


def _say_excluded(request: MemberRequest, done: Excluded, exclusion: Exclusion) -> str:
    """A sentence with its way back, as HTML."""
    context = {
        "done": done,
        "act": done.at.isoformat(),
        "day": "" if exclusion.until == FOR_EVER else times.day(exclusion.until, done.at),
        "back": back_to(request),
    }
    return render_to_string("snapshots/volumes/_excluded.html", context, request=request)


def _say_stopped(is_done: bool, *, is_undo: bool) -> str:
    if not is_done:
        return _("Nothing was changed: somebody else was first.")
    if is_undo:
        return _("Its runs are expected again.")
    return _("Nothing is expected of it until a new run appears.")
