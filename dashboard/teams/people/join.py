"""The page of an invite link: join with the signed-in account or with a new one."""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboard.teams.models import AddressProof, Invitation, Role, User
from dashboard.teams.people.forms import NewPasswordForm
from dashboard.teams.people.invitations import (
    AddressUnproved,
    InvitationEnded,
    accept,
    accept_as_newcomer,
    check_may_join,
    find,
    proves_mailbox,
    sends_mail,
    take_back,
)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponseBase:
    """Accept an invitation. Any invalid link gives the same page."""
    try:
        invitation = find(token)
        return _take(request, invitation, is_mailed=proves_mailbox(invitation, token))
    except InvitationEnded:
        return render(request, "teams/invitation_ended.html", {"here": request.path})
    except AddressUnproved:
        return unproved(request)


def unproved(request: HttpRequest) -> HttpResponse:
    """Show the limits of an account without a proved address, and how to prove it."""
    return render(request, "teams/unproved.html", {"sends_mail": sends_mail()}, status=403)


def _take(request: HttpRequest, invitation: Invitation, *, is_mailed: bool) -> HttpResponseBase:
    user, holder = request.user, User.objects.filter(email=invitation.email).first()
    if isinstance(user, User) and user != holder:
        raise InvitationEnded
    if holder is None or (is_mailed and holder.is_active and not holder.has_proved_address):
        return _choose_password(request, invitation, holder, is_mailed=is_mailed)
    if isinstance(user, User):
        return _join_as_member(request, invitation, user)
    return redirect_to_login(request.path)


def _join_as_member(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponse:
    check_may_join(invitation, user)
    if request.method != "POST":
        return render(request, "teams/join.html", _context(invitation))
    accept(invitation, user, request=request)
    _welcome(request, invitation)
    return HttpResponseRedirect(_team_url(invitation))


def _choose_password(
    request: HttpRequest, invitation: Invitation, holder: User | None, *, is_mailed: bool
) -> HttpResponseBase:
    """Create the account, or, with the mailed link, take it back from the person who created it."""
    form = NewPasswordForm(request.POST if request.method == "POST" else None, initial={"email": invitation.email})
    if not form.is_valid():
        context = _context(invitation) | {"form": form, "is_mailed": is_mailed}
        return render(request, "teams/join_new.html", context)
    password: str = form.cleaned_data["password"]
    try:
        if holder is None:
            proof = AddressProof.MAILBOX if is_mailed else AddressProof.NONE
            user = accept_as_newcomer(invitation, password, proof=proof, request=request)
        else:
            user = take_back(invitation, holder, password, request=request)
    except IntegrityError:  # the address has just got its account
        return HttpResponseRedirect(request.path)
    _welcome(request, invitation)
    # The user has just chosen the password: the first form that requires a recent one must not ask again.
    record_authentication(request, user, method="password", email=user.email)
    signed_in: HttpResponseBase = perform_login(request, user, redirect_url=_team_url(invitation))
    return signed_in


def _context(invitation: Invitation) -> dict[str, object]:
    return {"invitation": invitation, "team": invitation.team, "role": Role(invitation.role).label}


def _welcome(request: HttpRequest, invitation: Invitation) -> None:
    messages.success(request, _("You joined the team %(team)s.") % {"team": invitation.team.name})


def _team_url(invitation: Invitation) -> str:
    return reverse("snapshots:team_home", args=[invitation.team.slug])
