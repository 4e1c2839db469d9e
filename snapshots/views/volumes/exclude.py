"""Exclude volumes, resume their checks, set their target, undo it: the address names them, the form changes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.teams.access.guard import MemberRequest
from snapshots.lists import volume_filters, volume_list
from snapshots.lists.params import moment
from snapshots.models import Environment, Volume
from snapshots.policy import exclusions, targets
from snapshots.policy import undo as undoing
from snapshots.policy.exclusions import Done, Exclusion
from snapshots.rules.schedules import SCHEDULES
from snapshots.text import times
from snapshots.verdicts.sql import FOR_EVER, DataAges
from snapshots.views.common.exclude_form import ExcludeForm
from snapshots.views.common.objects import back_to, numbers, undo_tag, volume_of
from snapshots.views.common.target_form import Option, target_options

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
        messages.success(request, _say_excluded(done, form.exclusion), undo_tag(done.at) if done.number else "")
        return HttpResponseRedirect(back_to(request))
    context = {"title": _("Exclude volumes"), "chosen": chosen, "form": form, "back": back_to(request)}
    return render(request, "snapshots/volumes/exclude.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def resume(request: MemberRequest, team: str) -> HttpResponse:
    """Show how many volumes are resumed, and on POST resume them."""
    chosen = _chosen(request)
    if request.method == "POST" and _is_as_shown(request, chosen):
        done = exclusions.resume(request.team, chosen.pks, person=request.user, request=request)
        said = ngettext("Checks resumed for %(number)d volume.", "Checks resumed for %(number)d volumes.", done.number)
        messages.success(request, said % {"number": done.number}, undo_tag(done.at) if done.number else "")
        return HttpResponseRedirect(back_to(request))
    context = {"title": _("Resume checks"), "chosen": chosen, "back": back_to(request)}
    return render(request, "snapshots/volumes/resume.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def target(request: MemberRequest, team: str) -> HttpResponse:
    """Show the targets to choose from for the chosen volumes; on POST set one."""
    chosen = _chosen(request)
    if request.method == "POST" and _is_as_shown(request, chosen):
        try:
            hours = targets.in_hours(request.POST.get("hours", ""))
        except ValueError:
            messages.warning(request, _("A target is a number of hours, at most ten years."))
            return HttpResponseRedirect(request.get_full_path())
        done = targets.set_of_volumes(request.team, chosen.pks, hours, person=request.user, request=request)
        messages.success(request, _say_target(done, hours), undo_tag(done.at))
        return HttpResponseRedirect(back_to(request))
    options = [Option("", _("Inherited from the environment or the team"), selected=False), *target_options(None)]
    context = {"title": _("Set target"), "chosen": chosen, "options": options, "back": back_to(request)}
    return render(request, "snapshots/volumes/target.html", context)


@require_POST
def undo(request: MemberRequest, team: str) -> HttpResponse:
    """Undo the member's last act, unless something changed since."""
    at = moment(request.POST.get("act", ""))
    if at is not None and undoing.undo(request.team, at, person=request.user, request=request):
        messages.success(request, _("Undone."))
    else:
        messages.warning(request, _("Nothing was undone: it changed since, or you did something else after it."))
    return HttpResponseRedirect(back_to(request))


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
    messages.warning(
        request, _("Nothing was changed yet: the number of volumes has changed. Check it and confirm again.")
    )
    return False


def _say_excluded(done: Done, exclusion: Exclusion) -> str:
    if exclusion.until == FOR_EVER:
        said = ngettext("Excluded %(n)d volume without end.", "Excluded %(n)d volumes without end.", done.number)
    else:
        said = ngettext("Excluded %(n)d volume until %(day)s.", "Excluded %(n)d volumes until %(day)s.", done.number)
    said %= {"n": done.number, "day": times.day(exclusion.until, done.at)}
    if not done.before:
        return said
    kept = ngettext(
        "%(n)d was already excluded and keeps its reason.",
        "%(n)d were already excluded and keep their reason.",
        done.before,
    )
    return f"{said} {kept % {'n': done.before}}"


def _say_target(done: Done, hours: int | None) -> str:
    text = _("inherited") if hours is None else targets.in_words(hours)
    said = ngettext("Target of %(n)d volume: %(text)s.", "Target of %(n)d volumes: %(text)s.", done.number)
    return said % {"n": done.number, "text": text}


def _say_stopped(is_done: bool, *, is_undo: bool) -> str:
    if not is_done:
        return _("Nothing was changed: someone else was faster.")
    if is_undo:
        return _("Its runs are expected again.")
    return _("Nothing is expected of it until a new run appears.")
