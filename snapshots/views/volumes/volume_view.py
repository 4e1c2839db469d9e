"""One volume's page; what it asks the provider; a member's word that the volume was deleted."""

from functools import partial

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.teams.access.guard import MemberRequest
from snapshots.policy import deletions
from snapshots.views.common.objects import find_environment
from snapshots.views.common.page_state import remember_team
from snapshots.views.common.refreshing import RETRY_SECONDS, ask_for_volume, caller_of, slot, watch
from snapshots.views.common.whole_page import keep_of_object, whole_page
from snapshots.views.volumes.volume_page import Shown, find_shown, verdict_context, volume_context


@require_http_methods(["GET", "HEAD", "POST"])
def volume(request: MemberRequest, team: str, service_code: str, environment_name: str, volume_id: str) -> HttpResponse:
    """A volume's page; its POST asks the provider for the volume's snapshots."""
    environment = find_environment(request, service_code, environment_name)
    shown = find_shown(request, environment, volume_id)
    if request.method == "POST":
        return _check(request, shown)
    remember_team(request)
    return whole_page(request, shown, {}, partial(volume_context, shown), partial(keep_of_object, "volume", shown))


def _check(request: MemberRequest, shown: Shown) -> HttpResponse:
    if request.POST.get("auto") == "1" and request.POST.get("again") != "1":
        return _watch(request, shown)
    said, is_held = _ask(request, shown)
    if not request.htmx:
        messages.info(request, said)
        return HttpResponseRedirect(shown.url)
    if is_held:
        return _answer_held(request, shown)
    context = volume_context(_again(request, shown)) | {"said": said}
    return render(request, "snapshots/volumes/_volume.html", context)


@require_POST
def volume_deleted(
    request: MemberRequest, team: str, service_code: str, environment_name: str, volume_id: str
) -> HttpResponse:
    """Mark the volume as deleted; with `undo`, unmark it."""
    shown = find_shown(request, find_environment(request, service_code, environment_name), volume_id)
    is_undo = request.POST.get("undo") == "1"
    act = deletions.take_back if is_undo else deletions.say_deleted
    if not act(shown.volume, person=request.user, request=request):
        messages.warning(
            request, _("Nothing was changed: the provider’s data contradicts it, or someone else was faster.")
        )
    elif is_undo:
        messages.success(request, _("Checks resumed."))
    else:
        messages.success(request, _("It counts as deleted until the provider lists it, or a new snapshot of it."))
    return HttpResponseRedirect(shown.url)


def _ask(request: MemberRequest, shown: Shown) -> tuple[str, bool]:
    """Returns what to say, and whether somebody else is at it."""
    with slot() as is_free:
        if not is_free:
            return _("A refresh is running. Try again in a moment."), True
        shown.volume.environment = shown.environment
        said, is_held = ask_for_volume(shown.volume, caller_of(request, is_button=True))
    return (_("A refresh is running. Try again in a moment."), True) if is_held else (said, False)


def _watch(request: MemberRequest, shown: Shown) -> HttpResponse:
    """What an open page asks by itself: refresh the environment if it is due, and say whether the volume changed.

    The age, the banners and the verdict follow at once; the rest moves only when asked for.
    """
    is_held = watch(shown.environment)
    shown = _again(request, shown)
    context = _watched(shown) | {
        "changed": shown.mark != request.POST.get("since", ""),
        "show_url": shown.url,
        "retry_in": RETRY_SECONDS if is_held else 0,
    }
    return render(request, "snapshots/volumes/_volume_watched.html", context, status=202 if is_held else 200)


def _answer_held(request: MemberRequest, shown: Shown) -> HttpResponse:
    context = _watched(shown) | {"retry_in": RETRY_SECONDS}
    return render(request, "snapshots/volumes/_volume_watched.html", context, status=202)


def _watched(shown: Shown) -> dict[str, object]:
    return verdict_context(shown, shown.status) | shown.age_context()


def _again(request: MemberRequest, shown: Shown) -> Shown:
    """The volume as the provider's answer left it."""
    place = shown.environment
    environment = find_environment(request, place.service_code, place.name)
    return find_shown(request, environment, shown.volume.volume_id)
