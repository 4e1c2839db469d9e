"""The views to the provider and back: they end in a sign-in, a confirmation, or a page that says why not."""

import logging
import time
from collections.abc import Callable
from functools import wraps

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from dashboard.teams.models import User
from dashboard.teams.oidc import linking, state_cookie
from dashboard.teams.oidc.id_token import SKEW_SECONDS, Claims, authorization_url, claims_of
from dashboard.teams.oidc.problems import Problem, SignInProblem
from dashboard.teams.oidc.state_cookie import Pending

log = logging.getLogger(__name__)

METHOD = "oidc"
"""The name of this sign-in method in allauth's session records."""

View = Callable[[HttpRequest], HttpResponseBase]


def if_switched_on(view: View) -> View:
    """Answer 404 if no provider is set."""

    @wraps(view)
    def switched(request: HttpRequest) -> HttpResponseBase:
        if not settings.OIDC_ISSUER:
            raise Http404
        return view(request)

    return switched


@if_switched_on
@require_POST
def start(request: HttpRequest) -> HttpResponseBase:
    """Send the user to the provider: to sign in, or to confirm the current user.

    With a page instead of a redirect: browsers check every redirect after a form against `form-action`, and we cannot
    know which sites the provider redirects to.
    """
    begun = state_cookie.begin(next_page=_wanted_page(request), user=request.user.pk or 0, at=int(time.time()))
    try:
        url = authorization_url(begun)
    except SignInProblem as problem:
        return _tell(request, problem, begun.next)
    response = render(request, "socialaccount/leaving.html", {"url": url, "name": settings.OIDC_NAME})
    state_cookie.keep(response, begun)
    return response


@if_switched_on
@require_safe
def callback(request: HttpRequest) -> HttpResponseBase:
    """Handle the provider's answer, once."""
    next_page = "/"
    try:
        begun = state_cookie.take(request)
        next_page = begun.next
        response = _finish(request, begun)
    except SignInProblem as problem:
        response = _tell(request, problem, next_page)
    state_cookie.forget(response)
    return response


@if_switched_on
@require_safe
def confirm(request: HttpRequest) -> HttpResponseBase:
    """Offer to confirm the current user at the provider."""
    context = {"next": _wanted_page(request), "name": settings.OIDC_NAME}
    return render(request, "socialaccount/confirm.html", context)


def _finish(request: HttpRequest, begun: Pending) -> HttpResponseBase:
    if begun.user != (request.user.pk or 0):
        raise SignInProblem(Problem.LOST, "somebody else has signed in since")
    if "error" in request.GET:
        denied = request.GET["error"] == "access_denied"
        raise SignInProblem(Problem.CANCELLED if denied else Problem.UNAVAILABLE, "the provider refused")
    if request.GET.get("iss", settings.OIDC_ISSUER) != settings.OIDC_ISSUER:  # RFC 9207
        raise SignInProblem(Problem.UNAVAILABLE, "the answer is another provider's")
    claims = claims_of(request.GET.get("code", ""), begun)
    user = request.user
    if isinstance(user, AnonymousUser):
        return _sign_in(request, claims, begun)
    return _confirm(request, user, claims, begun)


def _sign_in(request: HttpRequest, claims: Claims, begun: Pending) -> HttpResponseBase:
    """Sign in; if the account has a second factor here, it is asked for here."""
    user = linking.find_or_link(claims, begun.next, request)
    if not user.is_active:
        linking.record_refusal(user.email, request)
        inactive: HttpResponseBase = get_adapter(request).respond_user_inactive(request, user)
        return inactive
    _record(request, user, claims)
    signed_in: HttpResponseBase = perform_login(request, user, redirect_url=begun.next)
    return signed_in


def _confirm(request: HttpRequest, user: User, claims: Claims, begun: Pending) -> HttpResponseBase:
    if linking.linked_person(claims) != user:
        raise SignInProblem(Problem.OTHER_PERSON, "it is not the linked identity")
    if claims.signed_in_at < begun.at - SKEW_SECONDS:
        raise SignInProblem(Problem.NOT_ASKED, "the provider did not ask the user to sign in again")
    _record(request, user, claims, reauthenticated=True)
    return HttpResponseRedirect(begun.next)


def _record(request: HttpRequest, user: User, claims: Claims, *, reauthenticated: bool | None = None) -> None:
    """Use the time of the last sign-in at the provider: without a new one, nothing proves that the user is present."""
    at = min(claims.signed_in_at, int(time.time()))
    record_authentication(
        request, user, method=METHOD, at=at, through=settings.OIDC_NAME, reauthenticated=reauthenticated
    )


def _tell(request: HttpRequest, problem: SignInProblem, next_page: str) -> HttpResponse:
    log.warning("A sign-in through the provider of OIDC_ISSUER failed: %s.", problem.reason)
    if problem.email:
        linking.record_refusal(problem.email, request)
    words = {"name": settings.OIDC_NAME, "email": problem.email}
    again = "account_reauthenticate" if request.user.is_authenticated else "account_login"
    context = {
        "problem": problem.problem.name.lower(),
        "heading": problem.problem.heading % words,
        "advice": problem.problem.advice % words,
        "again_url": f"{reverse(again)}?{urlencode({'next': next_page})}",
    }
    return render(request, "socialaccount/problem.html", context, status=problem.problem.status)


def _wanted_page(request: HttpRequest) -> str:
    """Return the page of this site to come back to, or the start page."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    return wanted if get_adapter(request).is_safe_url(wanted) else "/"
