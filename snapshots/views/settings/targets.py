"""The settings pages of targets and exclusions."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.db.models import Count, Min
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Team
from snapshots.models import Environment, Policy, Volume
from snapshots.models.volume import RETURN_IS_SAID
from snapshots.policy import exclusions, targets
from snapshots.text.labels import is_excluded, returned_in_words, until_in_words
from snapshots.views.common.exclude_form import ExcludeForm
from snapshots.views.common.objects import back_to, environment_of, undo_tag, volume_of
from snapshots.views.common.target_form import Target, of_environment, of_volume, target_options

MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Group:
    """Volumes that were excluded together."""

    title: str
    until: str
    reason: str
    by: str
    act: str


@require_http_methods(["GET", "HEAD", "POST"])
def target_page(request: MemberRequest, team: str) -> HttpResponse:
    """Show the targets and where each comes from; on POST set one."""
    if request.method == "POST":
        _set(request)
        return HttpResponseRedirect(back_to(request) if "back" in request.POST else request.path)
    policy = Policy.objects.filter(team=request.team).first()
    own = Volume.objects.of_team(request.team).filter(target_hours__isnull=False).select_related("environment")
    environments = Environment.objects.of_team(request.team)
    context = {
        "title": _("Targets"),
        "of_team": _of_team(request.team, policy),
        "of_environments": [of_environment(each, policy) for each in environments],
        "of_volumes": [of_volume(volume, volume.environment, policy) for volume in own.order_by("name")[:MOST_LISTED]],
        "volumes": own.count(),
    }
    return render(request, "snapshots/settings/targets.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def exclusion_page(request: MemberRequest, team: str) -> HttpResponse:
    """Show excluded and recently resumed volumes and environments; on POST exclude or resume an environment."""
    form = ExcludeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and _exclude_environment(request, form):
        return HttpResponseRedirect(back_to(request) if "back" in request.POST else request.path)
    now = timezone.now()
    environments = list(Environment.objects.of_team(request.team))
    context = {
        "title": _("Excluded"),
        "form": form,
        "groups": _groups(request.team, now),
        "returned": _returned(request.team, now),
        "excluded": [(each, _until(each, now)) for each in environments if is_excluded(each, now)],
        "checked": [each for each in environments if not is_excluded(each, now)],
        "chosen": request.POST.get("environment", ""),
    }
    return render(request, "snapshots/settings/exclusions.html", context)


def _until(thing: Environment | Volume, now: datetime) -> str:
    return until_in_words(thing.excluded_until, now) if thing.excluded_until else ""


def _of_team(team: Team, policy: Policy | None) -> Target:
    hours = policy.target_hours if policy else None
    text = _("not set yet") if hours is None else targets.in_words(hours)
    return Target(str(team.name), "team", "", text, own=True, options=target_options(hours))


def _set(request: MemberRequest) -> None:
    """Set a volume's target, an environment's, or else the team's."""
    try:
        hours = targets.in_hours(request.POST.get("hours", ""))
    except ValueError:
        messages.warning(request, _("A target is a number of hours, at most ten years."))
        return
    found = _set_of_named(request, hours)
    if found is None:
        messages.warning(request, _("Nothing was changed. Choose a target."))
        return
    name, at = found
    text = _("inherited") if hours is None else targets.in_words(hours)
    messages.success(request, _("Target of %(name)s: %(text)s.") % {"name": name, "text": text}, undo_tag(at))


def _set_of_named(request: MemberRequest, hours: int | None) -> tuple[str, datetime] | None:
    """Return the name of the volume, environment or team, and when it was set; None if it does not exist."""
    person, pk, path = request.user, request.POST.get("volume"), request.POST.get("environment")
    if pk:
        volume = volume_of(request, pk)
        if volume is None:
            return None
        return str(volume), targets.set_of_volume(volume, hours, person=person, request=request).at
    if path:
        environment = environment_of(request, path)
        if environment is None:
            return None
        return str(environment), targets.set_of_environment(environment, hours, person=person, request=request)
    if hours is None:
        return None
    return str(request.team.name), targets.set_of_team(request.team, hours, person=person, request=request)


def _exclude_environment(request: MemberRequest, form: ExcludeForm) -> bool:
    """Return whether the environment was excluded or resumed; if not, the form has an error."""
    environment = environment_of(request, request.POST.get("environment", ""))
    if environment is None:
        form.add_error(None, _("Choose an environment."))
        return False
    is_end = request.POST.get("end") == "1"
    if not is_end and not form.is_valid():
        return False
    exclusion = None if is_end else form.exclusion
    at = exclusions.exclude_environment(environment, exclusion, person=request.user, request=request)
    said = _("Checks resumed for %(place)s.") if is_end else _("Excluded %(place)s.")
    messages.success(request, said % {"place": environment.place}, undo_tag(at))
    return True


def _groups(team: Team, now: datetime) -> list[Group]:
    """Return the excluded volumes, grouped by when they were excluded, newest first."""
    volumes = Volume.objects.of_team(team).filter(excluded_until__gt=now)
    fields = ("excluded_at", "excluded_until", "exclusion_reason", "excluded_by")
    acts_found = volumes.order_by("-excluded_at").values(*fields).annotate(number=Count("pk"), name=Min("name"))
    return [
        Group(
            title=one["name"] if one["number"] == 1 else _("%(number)d volumes") % {"number": one["number"]},
            until=until_in_words(one["excluded_until"], now),
            reason=one["exclusion_reason"],
            by=one["excluded_by"],
            act=one["excluded_at"].isoformat() if one["excluded_at"] else "",
        )
        for one in acts_found[:MOST_LISTED]
    ]


def _returned(team: Team, now: datetime) -> list[tuple[str, str]]:
    """Return volumes and environments whose exclusion recently expired, as (name, text)."""
    recently = {"excluded_until__lte": now, "excluded_until__gt": now - RETURN_IS_SAID}
    volumes = Volume.objects.of_team(team).filter(**recently).order_by("-excluded_until")[:MOST_LISTED]
    environments = Environment.objects.of_team(team).filter(**recently)
    return [
        (str(each), returned_in_words(each.excluded_until, now))
        for each in [*environments, *volumes]
        if each.excluded_until
    ]
