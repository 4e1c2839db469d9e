"""Asking the provider about one snapshot: one POST, from its page or from the page of an id that we do not have."""

from django.contrib import messages
from django.core.cache import caches
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.limits import allow
from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Role
from snapshots.models import Environment
from snapshots.sync import single
from snapshots.sync.leases import Caller, Denied, Why
from snapshots.sync.single import Checked
from snapshots.text import times
from snapshots.views.common.objects import find_environment
from snapshots.views.common.refreshing import RETRY_SECONDS, slot, watch
from snapshots.views.snapshots.snapshot_page import find_shown, mark_of, snapshot_context

MOST_A_MINUTE = 10
MINUTE = 60
UNKNOWN_FOR = 60
CHECKED_FOR = 10


@require_POST
def check(
    request: MemberRequest, team: str, service_code: str, environment_name: str, snapshot_id: str
) -> HttpResponse:
    """Request the snapshot from the provider; redirect to its page if found, else show a message."""
    environment = find_environment(request, service_code, environment_name)
    if request.POST.get("auto") == "1":
        return _watch(request, environment, snapshot_id)
    said, confirmed = _ask(request, environment, snapshot_id)
    shown = find_shown(request, environment, snapshot_id)
    page = _page_of(request)
    if not request.htmx:
        messages.info(request, said)
        return HttpResponseRedirect(page)
    if shown is None:
        return HttpResponse(escape(said))
    if request.POST.get("lookup") == "1":
        return HttpResponse(headers={"HX-Redirect": page})
    return render(
        request, "snapshots/snapshots/_snapshot.html", snapshot_context(shown, confirmed=confirmed) | {"said": said}
    )


def _page_of(request: MemberRequest) -> str:
    """The snapshot's own address, which the check's continues."""
    return request.path.removesuffix("check/")


def _watch(request: MemberRequest, environment: Environment, snapshot_id: str) -> HttpResponse:
    """What an open page asks by itself: refresh the whole environment if it is due, and say whether this one changed.

    The age, the banners and the answer to "can it be used" follow at once; the rest moves only when asked for.
    """
    held = watch(environment)
    environment = find_environment(request, environment.service_code, environment.name)
    shown = find_shown(request, environment, snapshot_id)
    if shown is None:
        raise Http404
    context = snapshot_context(shown) | {
        "changed": mark_of(shown.snapshot) != request.POST.get("since", ""),
        "show_url": _page_of(request),
        "retry_in": RETRY_SECONDS if held else 0,
    }
    return render(request, "snapshots/snapshots/_watched.html", context, status=202 if held else 200)


def _ask(request: MemberRequest, environment: Environment, snapshot_id: str) -> tuple[str, bool]:
    """Returns what to say, and whether the provider has just confirmed what the mirror holds."""
    cache = caches["default"]
    memory = f"{request.team.pk}:{environment.pk}:{snapshot_id}"
    if cache.get(f"unknown:{memory}"):
        return _("The provider did not know this id a moment ago."), False
    use = allow(f"check-snapshot:{memory}", 1, CHECKED_FOR)
    if not use:
        return _("Checked a moment ago."), False
    if not allow(f"check-team:{request.team.pk}", MOST_A_MINUTE, MINUTE):
        use.give_back()
        said = _("This team has asked for %(most)d snapshots within a minute. Try again in a minute.")
        return said % {"most": MOST_A_MINUTE}, False
    is_admin = Role(request.membership.role).at_least(Role.ADMIN)
    caller = Caller.ADMIN_BUTTON if is_admin else Caller.BUTTON
    with slot() as is_free:
        held = Checked(denied=Denied(Why.HELD))
        checked = single.check_snapshot(environment, snapshot_id, caller=caller) if is_free else held
    if checked.found is False:
        cache.set(f"unknown:{memory}", 1, UNKNOWN_FOR)
    if checked.found is None:
        # There was no answer: another try need not wait.
        use.give_back()
    return _say(checked), bool(checked.found and checked.written)


def _say(checked: Checked) -> str:
    if checked.denied:
        return _say_denied(checked.denied)
    if checked.fault:
        return _("The provider could not be asked: %(reason)s") % {"reason": _(checked.fault.sentence)}
    if not checked.found:
        return _("The provider does not know this id.")
    if checked.written and checked.written.added:
        return _("Found at the provider.")
    if checked.written and checked.written.total:
        return _("Checked: it changed.")
    return _("Checked: nothing changed.")


def _say_denied(denied: Denied) -> str:
    now = timezone.now()
    if denied.why is Why.HELD:
        return _("A refresh is running. Try again in a moment.")
    if denied.why is Why.REFUSED:
        return _("The provider rejects this team's key for this environment.")
    if denied.why is Why.RETRY_AFTER and denied.until:
        return _("The provider asked us to wait until %(time)s UTC.") % {"time": times.clock(denied.until, now)}
    return _("The provider can’t be asked right now. Try again in a moment.")
