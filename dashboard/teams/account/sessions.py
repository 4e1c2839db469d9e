"""The page with the user's sessions, and the form that ends one."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dashboard.teams.access.guard import SignedInRequest
from dashboard.teams.people.forms import SessionForm

# Parts of user agents, specific ones first: Chrome says Safari too.
BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iOS",
    "iPad": "iPadOS",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: SignedInRequest) -> HttpResponse:
    """List the user's sessions; the form ends one immediately."""
    if request.method == "POST":
        return _end(request)
    own = sorted(UserSession.objects.purge_and_list(request.user), key=lambda one: one.created_at, reverse=True)
    listed = [{"session": one, "device": _device(one.user_agent), "current": _is_this(request, one)} for one in own]
    return render(request, "account/sessions.html", {"sessions": listed})


def _end(request: SignedInRequest) -> HttpResponse:
    form = SessionForm(request.POST)
    if form.is_valid():
        chosen = get_object_or_404(UserSession, user=request.user, pk=form.cleaned_data["session"])
        chosen.end()
        messages.success(request, _("Session ended."))
    return HttpResponseRedirect(reverse("account_sessions"))


def _is_this(request: SignedInRequest, session: UserSession) -> bool:
    return bool(session.session_key == request.session.session_key)


def _device(user_agent: str) -> str:
    """Describe a user agent, which may be any text."""
    browser = next((name for part, name in BROWSERS.items() if part in user_agent), "")
    system = next((name for part, name in SYSTEMS.items() if part in user_agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown browser")
