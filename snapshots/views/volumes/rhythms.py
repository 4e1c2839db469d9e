"""Suggested rhythms: the strip on the volumes page, the page to confirm them, and the end of a confirmed one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Membership
from snapshots.models import Environment, Volume
from snapshots.policy import rhythms
from snapshots.rules.find_rhythm import EPOCH
from snapshots.rules.rhythms import HOURLY, MINUTE, Rhythm, rhythm_of
from snapshots.text import times
from snapshots.text.labels import grouped, volume_name
from snapshots.text.rhythms import evidence, looks, times_of
from snapshots.views.common.objects import back_to, numbers, undo_tag, volume_of

# The choice of a member that hides the strip: which suggestions it was made of.
CHOICE = "rhythms"
# Rows of the page; others come when these are confirmed.
MOST_SHOWN = 200
# Minutes: runs that begin so close together are one script's.
TOGETHER = 30


class Strip(NamedTuple):
    """What the volumes page says of suggestions."""

    looks: str
    mark: str


class Suggestion(NamedTuple):
    """One volume of the page. `value`: what its box sends."""

    value: str
    name: str
    url: str
    place: str
    looks: str
    evidence: str
    newest: str


def suggestions_of(environments: Sequence[Environment]) -> list[tuple[int, str]]:
    """The primary keys of volumes with the rhythms that are suggested of them."""
    found = rhythms.suggested(environments, timezone.now()).order_by("pk")
    return [(pk, schedule) for pk, schedule in found.values_list("pk", "manual__schedule")]


def strip_of(suggestions: Sequence[tuple[int, str]], membership: Membership) -> Strip | None:
    """Say what most volumes look like; None where there is nothing, or the member did not want to see just that."""
    mark = _mark(suggestions)
    if not suggestions or membership.choices.get(CHOICE) == mark:
        return None
    about, number = Counter(_about(schedule) for _pk, schedule in suggestions).most_common(1)[0]
    alike = Counter(schedule for _pk, schedule in suggestions if _about(schedule) == about)
    rhythm = rhythm_of(alike.most_common(1)[0][0])
    assert rhythm is not None
    return Strip(looks(rhythm, number), mark)


@require_http_methods(["GET", "HEAD", "POST"])
def review(request: MemberRequest, team: str) -> HttpResponse:
    """Show the suggested rhythms with their evidence; on POST confirm the chosen ones, or all that were shown."""
    if request.method == "POST":
        _confirm(request)
        return HttpResponseRedirect(back_to(request) if "back" in request.POST else request.path)
    environments = list(Environment.objects.of_team(request.team))
    found = rhythms.suggested(environments, timezone.now())
    places = {environment.pk: environment for environment in environments}
    volumes = found.order_by("name", "pk")[:MOST_SHOWN]
    context = {
        "title": _("Suggested rhythms"),
        "suggestions": [_suggestion(volume, places[volume.environment_id], team) for volume in volumes],
        "number": found.count(),
        "back": reverse("snapshots:volumes", args=[team]),
    }
    return render(request, "snapshots/volumes/rhythms.html", context)


@require_POST
def later(request: MemberRequest, team: str) -> HttpResponse:
    """Hide the strip from this member until other rhythms are suggested."""
    member = request.membership
    mark = request.POST.get("mark", "")[:64]
    Membership.objects.filter(pk=member.pk).update(choices=member.choices | {CHOICE: mark})
    return HttpResponseRedirect(back_to(request))


@require_POST
def end(request: MemberRequest, team: str) -> HttpResponse:
    """End a volume's confirmed rhythm."""
    volume = volume_of(request, request.POST.get("volume", ""))
    done = rhythms.end(volume, person=request.user, request=request) if volume else None
    if done is None or not done.number:
        messages.warning(request, _("Nothing was changed: this volume has no rhythm."))
    else:
        messages.success(request, _("Its manual snapshots are not expected any more."), undo_tag(done.at))
    return HttpResponseRedirect(back_to(request))


def suggestion_of(volume: Volume, environment: Environment, team: str) -> Suggestion | None:
    """What is suggested of a volume; None where nothing is."""
    is_suggested = rhythms.suggested([environment], timezone.now()).filter(pk=volume.pk).exists()
    return _suggestion(volume, environment, team) if volume.suggested_until and is_suggested else None


def _confirm(request: MemberRequest) -> None:
    is_all = request.POST.get("which") == "all"
    chosen = _chosen(request.POST.getlist("shown" if is_all else "rhythm"))
    if not chosen:
        messages.warning(request, _("Nothing was changed. Choose a volume."))
        return
    done = rhythms.confirm(request.team, chosen, person=request.user, request=request)
    if done.number:
        said = ngettext(
            "A missing run of %(n)s volume is reported from now on.",
            "A missing run of %(n)s volumes is reported from now on.",
            done.number,
        )
        messages.success(request, said % {"n": grouped(done.number)}, undo_tag(done.at))
    if done.before:
        said = ngettext(
            "The rhythm of %(n)s volume has changed or ended. Nothing is expected of it.",
            "The rhythm of %(n)s volumes has changed or ended. Nothing is expected of them.",
            done.before,
        )
        messages.warning(request, said % {"n": grouped(done.before)})


def _chosen(values: Iterable[str]) -> dict[int, str]:
    """Read what the boxes send: primary key and rhythm."""
    pairs = [value.split(" ", 1) for value in values if " " in value]
    return {pk: schedule for text, schedule in pairs for pk in numbers([text])}


def _suggestion(volume: Volume, environment: Environment, team: str) -> Suggestion:
    schedule, now = str(volume.manual["schedule"]), timezone.now()
    rhythm = rhythm_of(schedule)
    assert rhythm is not None
    newest = EPOCH + volume.manual["times"][-1] * MINUTE
    return Suggestion(
        f"{volume.pk} {schedule}",
        volume_name(volume.volume_id, volume.name),
        reverse("snapshots:volume", args=[team, environment.service_code, environment.name, volume.volume_id]),
        environment.place,
        times_of(rhythm),
        evidence(rhythm, volume.manual["hits"], volume.manual["of"]),
        times.stamp(newest, now),
    )


def _mark(suggestions: Iterable[tuple[int, str]]) -> str:
    """Names the suggestions. A few minutes more or less make no other one."""
    kinds = [(pk, about.kind, about.weekdays) for pk, schedule in suggestions for about in [_about(schedule)]]
    return sha256(repr(kinds).encode()).hexdigest()[:16]


def _about(schedule: str) -> Rhythm:
    """A rhythm to the half hour; of an hourly one the minute does not matter."""
    rhythm = rhythm_of(schedule)
    assert rhythm is not None
    return rhythm._replace(minute=0 if rhythm.kind == HOURLY else rhythm.minute // TOGETHER * TOGETHER)
