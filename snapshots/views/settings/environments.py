"""The team's environments: their last result, adding, removing, fetching again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Team
from dashboard.teams.models.keys import key_of
from snapshots.models import Environment, Snapshot
from snapshots.setup import environments
from snapshots.setup.environments import Doubtful
from snapshots.setup.key_trial import Place, is_place, look_again
from snapshots.sync import refresh
from snapshots.sync.leases import Caller
from snapshots.sync.refresh import Outcome
from snapshots.text import times
from snapshots.text.faults import fault_reason
from snapshots.views.common.page_state import DONE, ENVIRONMENTS_STEP, missing_step
from snapshots.views.common.refreshing import slot
from snapshots.views.settings.key import result_text

MOST_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Watched:
    """An environment as the settings list it; tone ok, warn or bad."""

    environment: Environment
    tone: str
    text: str

    @property
    def may_try(self) -> bool:
        return self.tone != "ok"


@require_safe
def environment_list(request: MemberRequest, team: str) -> HttpResponse:
    """Show the environments, those that the key can also see, and a form for any other."""
    return _page(request)


@require_POST
def look(request: MemberRequest, team: str) -> HttpResponse:
    """Request the environments that the key can see."""
    with slot() as is_free:
        answer = look_again(request.team) if is_free else None
    if answer is None:
        messages.warning(request, _("Another request to the provider is running. Try again in a moment."))
    elif answer.count is None:
        messages.warning(request, _("No environments loaded: %(reason)s.") % {"reason": result_text(answer)})
    else:
        messages.info(request, _("The key %(sees)s.") % {"sees": result_text(answer)})
    return HttpResponseRedirect(_url(request.team))


@require_POST
def add(request: MemberRequest, team: str) -> HttpResponse:
    """Add the selected environments that answer; the others only if the person confirms."""
    places = _places(request)
    if places is None:
        return HttpResponseRedirect(_url(request.team))
    # A person who adds the first environments is in the set-up, and continues to the volumes page.
    is_first = request.POST.get("first") == "1" or missing_step(request.team) != DONE
    next_url = reverse("snapshots:team_home", args=[request.team.slug]) if is_first else _url(request.team)
    if request.POST.get("anyway") == "1":
        _say_added(request, environments.add(team=request.team, places=places, person=request.user, request=request))
        return HttpResponseRedirect(next_url)
    with slot() as is_free:
        if not is_free:
            messages.warning(request, _("Another request to the provider is running. Try again in a moment."))
            return HttpResponseRedirect(_url(request.team))
        added, doubtful = environments.add_tried(team=request.team, places=places, person=request.user, request=request)
    _say_added(request, added)
    return _page(request, doubtful, is_first=is_first) if doubtful else HttpResponseRedirect(next_url)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: MemberRequest, team: str, service_code: str, environment_name: str) -> HttpResponse:
    """Show what is removed, and on POST hide the environment."""
    environment = _find(request, service_code, environment_name)
    if request.method == "POST":
        environments.remove(environment, person=request.user, request=request)
        said = _("Removed %(place)s. You can restore it for 7 days by adding it again.")
        messages.info(request, said % {"place": environment.place})
        return HttpResponseRedirect(_url(request.team))
    count = Snapshot.objects.of_environment(environment).count()
    context = {
        "title": _("Remove %(place)s") % {"place": environment.place},
        "environment": environment,
        "snapshots": _snapshots(count),
        "count": count,
    }
    return render(request, "snapshots/settings/environment_remove.html", context)


@require_POST
def try_again(request: MemberRequest, team: str, service_code: str, environment_name: str) -> HttpResponse:
    """Sync one environment now, regardless of its back-off."""
    environment = _find(request, service_code, environment_name)
    with slot() as is_free:
        outcomes = list(refresh.refresh([environment], caller=Caller.ADMIN_BUTTON)) if is_free else []
    messages.info(request, _say_tried(environment, outcomes))
    return HttpResponseRedirect(_url(request.team))


def _find(request: MemberRequest, service_code: str, name: str) -> Environment:
    found: Environment = get_object_or_404(request.team.environments, service_code=service_code, name=name)
    found.team = request.team
    return found


def _url(team: Team) -> str:
    return reverse("snapshots:environments", args=[team.slug])


def _places(request: MemberRequest) -> list[Place] | None:
    """Return the selected environments; None, with a message, if there are none or they are invalid."""
    code, name = (request.POST.get(field, "").strip() for field in ("service_code", "name"))
    ticked = [value.partition("/") for value in request.POST.getlist("environment")]
    places = [(head, tail) for head, _slash, tail in ticked] + ([(code, name)] if code or name else [])
    if not places:
        messages.warning(request, _("Select an environment, or type a service code and a name."))
    elif not all(is_place(*place) for place in places):
        messages.warning(
            request, _("Service codes and names have only letters, digits, - and _, at most 64 characters.")
        )
    elif len(places) > MOST_AT_ONCE:
        messages.warning(request, _("You can add at most %(most)d environments at once.") % {"most": MOST_AT_ONCE})
    else:
        return places
    return None


def _page(request: MemberRequest, doubtful: Sequence[Doubtful] = (), *, is_first: bool = False) -> HttpResponse:
    now = timezone.now()
    is_step = is_first or missing_step(request.team) == ENVIRONMENTS_STEP
    context = {
        "title": _("Environments"),
        "step": ENVIRONMENTS_STEP if is_step else DONE,
        "watched": [_watched(each, now) for each in Environment.objects.of_team(request.team)],
        "offered": environments.offered(request.team),
        "doubtful": [(one.environment, result_text(one.answer)) for one in doubtful],
        "has_key": key_of(request.team) is not None,
    }
    return render(request, "snapshots/settings/environments.html", context)


def _watched(environment: Environment, now: datetime) -> Watched:
    if environment.fault_kind:
        return Watched(environment, "bad" if environment.is_refused else "warn", _fault(environment, now))
    if environment.listed_at is None:
        return Watched(environment, "busy", _("not fetched yet"))
    text = _("%(snapshots)s, checked %(ago)s") % {
        "snapshots": _snapshots(int(environment.facets.get("listed", 0))),
        "ago": times.ago(environment.listed_at, now),
    }
    return Watched(environment, "ok", text)


def _fault(environment: Environment, now: datetime) -> str:
    why = _("the provider rejects the key") if environment.is_refused else _("no answer")
    parts = [_("%(why)s (%(reason)s)") % {"why": why, "reason": fault_reason(environment)}]
    if environment.fault_since:
        parts.append(_("since %(time)s UTC") % {"time": times.clock(environment.fault_since, now)})
    if environment.next_try_at and environment.next_try_at > now:
        parts.append(_("next try %(time)s UTC") % {"time": times.clock(environment.next_try_at, now)})
    return ", ".join(parts)


def _snapshots(count: int) -> str:
    number = {"number": number_format(count, force_grouping=True)}
    return ngettext("%(number)s snapshot", "%(number)s snapshots", count) % number


def _say_added(request: MemberRequest, added: Sequence[Environment]) -> None:
    if added:
        said = ngettext("Added: %(places)s.", "Added: %(places)s.", len(added))
        messages.success(request, said % {"places": ", ".join(each.place for each in added)})


def _say_tried(environment: Environment, outcomes: Sequence[Outcome]) -> str:
    place = {"place": environment.place}
    if any(outcome.written for outcome in outcomes):
        return _("%(place)s is up to date.") % place
    faults = [outcome.fault for outcome in outcomes if outcome.fault]
    if faults:
        return _("%(place)s: %(reason)s") % (place | {"reason": _(faults[0].sentence)})
    latest = [outcome.denied.until for outcome in outcomes if outcome.denied and outcome.denied.until]
    if latest:
        time = times.clock(max(latest), timezone.now())
        return _("%(place)s can’t be fetched before %(time)s UTC.") % (place | {"time": time})
    return _("%(place)s can’t be fetched right now. Try again in a moment.") % place
