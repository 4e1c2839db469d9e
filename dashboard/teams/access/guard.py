"""The one guard before every view, and the question that templates ask: may this member do that?"""

import logging
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus

from allauth.account.authentication import get_authentication_records
from allauth.core.ratelimit import respond_429
from django.contrib import messages
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.views import redirect_to_login
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import resolve_url
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from dashboard.backends.sessions import SessionStore
from dashboard.teams.access import tokens
from dashboard.teams.access.capabilities import PUBLIC, SHARE, TOKEN, Level, capabilities
from dashboard.teams.access.roles import check_role
from dashboard.teams.account import sign_in_limits
from dashboard.teams.mfa.adapter import has_second_factor
from dashboard.teams.models import Membership, Role, Team, User

log = logging.getLogger(__name__)

SAFE_METHODS = ("GET", "HEAD")
RECENT_SECONDS = 10 * 60


# What a browser left open must not do: these forms want the password to have been given in the last ten minutes.
RECENT = frozenset(
    {
        "teams:people",
        "teams:set_role",
        "teams:remove_member",
        "teams:security",
        "snapshots:key",
        "snapshots:tokens",
    }
)
# So do these even to be seen: they show a secret, or are about the ways into the account.
RECENT_PAGES = frozenset(
    {
        "account_change_email",
        "account_set_password",
        "mfa_activate_totp",
        "mfa_deactivate_totp",
        "mfa_add_webauthn",
        "mfa_edit_webauthn",
        "mfa_remove_webauthn",
        "mfa_view_recovery_codes",
        "mfa_download_recovery_codes",
        "mfa_generate_recovery_codes",
    }
)


class SignedInRequest(HttpRequest):
    """What a view gets whose level is signed-in."""

    user: User
    htmx: HtmxDetails


class MemberRequest(SignedInRequest):
    """What a view gets whose level is a role: the team of the address and the person's place in it."""

    team: Team
    membership: Membership
    least_role: Role


class AccessMiddleware:
    """Let a view run only if the table has it and the person may; otherwise answer as if it were not there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        tokens.leave(request, response)
        sign_in_limits.remember(request, response)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: list[object], kwargs: dict[str, object]
    ) -> HttpResponseBase | None:
        levels = _levels(request)
        if TOKEN in levels.values():
            return tokens.enter(request, list(levels), kwargs)
        if SHARE in levels.values() or (PUBLIC in levels.values() and _level(request, levels) in (PUBLIC, None)):
            return _refuse_method(request, levels) or _refuse_too_many(request)
        user = request.user
        if not user.is_authenticated:
            return _ask_to_sign_in(request)
        in_team = any(isinstance(level, Role) for level in levels.values())
        membership = _enter_team(request, user, kwargs.get("team")) if in_team else None
        refusal = _refuse_method(request, levels)
        if refusal is None:
            _check_role(request, levels, membership)
            refusal = (
                _ask_for_second_factor(request, user, membership)
                or _ask_who_it_is(request, user)
                or _refuse_too_many(request)
            )
        return refusal


def may(membership: Membership, view_name: str, method: str = "GET") -> bool:
    """Tell whether a member may use a view, so that no button is shown that would be refused."""
    level = capabilities()[view_name].get(method)
    return level is not None and (not isinstance(level, Role) or Role(membership.role).at_least(level))


def still_may(request: MemberRequest) -> bool:
    """Ask again what the guard asked before the view, for an answer that takes long. Changes nothing.

    That is: whether the session goes on and the password is the same, the role, and the team's second factor.
    """
    session = SessionStore(request.session.session_key).load()
    found = Membership.objects.select_related("team", "user").filter(pk=request.membership.pk, user__is_active=True)
    member = found.first()
    if member is None or session.get(SESSION_KEY) != str(member.user_id):
        return False
    if not constant_time_compare(str(session.get(HASH_SESSION_KEY)), member.user.get_session_auth_hash()):
        return False
    if member.team.requires_second_factor and not has_second_factor(request, member.user):
        return False
    return request.resolver_match is not None and may(member, request.resolver_match.view_name)


def _levels(request: HttpRequest) -> Mapping[str, Level]:
    name = request.resolver_match.view_name if request.resolver_match else ""
    levels = capabilities().get(name)
    if levels is None:
        log.error("The view %r has no level beside its address and does not run.", name)
        raise Http404
    return levels


def _level(request: HttpRequest, levels: Mapping[str, Level]) -> Level | None:
    return levels.get("GET" if request.method == "HEAD" else request.method or "")


def _refuse_method(request: HttpRequest, levels: Mapping[str, Level]) -> HttpResponseBase | None:
    if _level(request, levels) is not None:
        return None
    if tokens.is_api(request):
        return tokens.wrong_method()
    return HttpResponseNotAllowed([*levels, *(["HEAD"] if "GET" in levels else [])])


def _refuse_too_many(request: HttpRequest) -> HttpResponse | None:
    if sign_in_limits.may_send(request):
        return None
    refused: HttpResponse = respond_429(request)
    return refused


def _enter_team(request: HttpRequest, user: User, slug: object) -> Membership:
    """Find the person's membership in the team of the address. Raises Http404 for strangers and unknown teams alike."""
    membership = Membership.objects.select_related("team__api_key").filter(user=user, team__slug=slug).first()
    if membership is None:
        raise Http404
    request.team = membership.team  # type: ignore[attr-defined]
    request.membership = membership  # type: ignore[attr-defined]
    return membership


def _check_role(request: HttpRequest, levels: Mapping[str, Level], membership: Membership | None) -> None:
    """Raise PermissionDenied, which says what role it takes, unless the person has it."""
    level = _level(request, levels)
    if not isinstance(level, Role) or membership is None:
        return
    check_role(membership, level)
    if request.method not in SAFE_METHODS:
        request.least_role = level  # type: ignore[attr-defined]  # checked again where something is written


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Lead to the sign-in and from there back to the page that the person sees."""
    if request.headers.get("HX-Request") != "true":
        return redirect_to_login(_page_of(request))
    response = HttpResponse(status=HTTPStatus.UNAUTHORIZED)
    response.headers["HX-Redirect"] = f"{resolve_url('account_login')}?{urlencode({'next': _seen_page(request)})}"
    return response


def _ask_for_second_factor(request: HttpRequest, user: User, membership: Membership | None) -> HttpResponse | None:
    """Lead whoever is in a team that wants a second factor, and has none, to where one is added."""
    if membership is None or not membership.team.requires_second_factor or has_second_factor(request, user):
        return None
    if request.headers.get("HX-Request") != "true":
        return HttpResponseRedirect(resolve_url("mfa_index"))
    return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": resolve_url("mfa_index")})


def _ask_who_it_is(request: HttpRequest, user: User) -> HttpResponse | None:
    """Ask anew before a form of `RECENT` is taken; the form itself is not kept, as it may hold a secret."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    is_form = request.method not in SAFE_METHODS
    if not (name in RECENT_PAGES or (name in RECENT and is_form)) or was_recent(request, user):
        return None
    if is_form:
        messages.info(request, _("Nothing was changed yet. Confirm it’s you, then try again."))
    return redirect_to_login(_page_of(request), resolve_url("account_reauthenticate"))


def was_recent(request: HttpRequest, user: User) -> bool:
    """Whether the person proved who it is in the last ten minutes of this session, in whatever way."""
    times = [record["at"] for record in get_authentication_records(request, user)]
    return bool(times) and time.time() - max(times) < RECENT_SECONDS


def _page_of(request: HttpRequest) -> str:
    """Give the address to come back to; a form's address shows nothing, so the page that held the form stands in."""
    if request.method in SAFE_METHODS:
        return request.get_full_path()
    return _own_path(request, request.headers.get("Referer", ""))


def _seen_page(request: HttpRequest) -> str:
    return _own_path(request, request.headers.get("HX-Current-URL", ""))


def _own_path(request: HttpRequest, url: str) -> str:
    """Cut an address of this host to its path and query; any other gives the start page."""
    site = request.build_absolute_uri("/").rstrip("/")
    path = url.removeprefix(site)
    own = url.startswith(f"{site}/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if own else "/"
