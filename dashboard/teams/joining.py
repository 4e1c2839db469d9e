"""Where an invitation's link leads: to join with the account of its address, signed in, or just about to be made."""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboard.teams.forms import NewPasswordForm
from dashboard.teams.invitations import InvitationEnded, accept, accept_as_newcomer, find
from dashboard.teams.models import Invitation, Role, User


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponseBase:
    """Take an invitation. Whatever is wrong with it, the answer is one page."""
    try:
        return _take(request, find(token))
    except InvitationEnded:
        return render(request, "teams/invitation_ended.html", {"here": request.path})


def _take(request: HttpRequest, invitation: Invitation) -> HttpResponseBase:
    user = request.user
    if isinstance(user, AnonymousUser):
        if User.objects.filter(email=invitation.email).exists():
            return redirect_to_login(request.path)
        return _join_as_newcomer(request, invitation)
    return _join_as_member(request, invitation, user)


def _join_as_member(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponse:
    if user.email != invitation.email:
        raise InvitationEnded
    if request.method != "POST":
        return render(request, "teams/join.html", _context(invitation))
    accept(invitation, user, request=request)
    _welcome(request, invitation)
    return HttpResponseRedirect(_team_url(invitation))


def _join_as_newcomer(request: HttpRequest, invitation: Invitation) -> HttpResponseBase:
    form = NewPasswordForm(request.POST if request.method == "POST" else None, initial={"email": invitation.email})
    if not form.is_valid():
        return render(request, "teams/join_new.html", _context(invitation) | {"form": form})
    try:
        user = accept_as_newcomer(invitation, form.cleaned_data["password"], request=request)
    except IntegrityError:  # the address got its account a moment ago
        return HttpResponseRedirect(request.path)
    _welcome(request, invitation)
    # Who has just chosen a password is not asked for it again at the first form that wants it fresh.
    record_authentication(request, user, method="password", email=user.email)
    signed_in: HttpResponseBase = perform_login(request, user, redirect_url=_team_url(invitation))
    return signed_in


def _context(invitation: Invitation) -> dict[str, object]:
    return {"invitation": invitation, "team": invitation.team, "role": Role(invitation.role).label}


def _welcome(request: HttpRequest, invitation: Invitation) -> None:
    messages.success(request, _("You are now in the team %(team)s.") % {"team": invitation.team.name})


def _team_url(invitation: Invitation) -> str:
    return reverse("snapshots:team_home", args=[invitation.team.slug])
