"""The one guard before every view, and `may`, which templates ask whether to show a button."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
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
from django.urls import Resolver404, resolve
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from dashboard.backends.prepared import Prepared
from dashboard.backends.sessions import SessionStore
from dashboard.teams.access import tokens
from dashboard.teams.access.capabilities import PUBLIC, SHARE, TOKEN, Level, capabilities
from dashboard.teams.access.roles import check_role
from dashboard.teams.account import sign_in_limits
from dashboard.teams.mfa.adapter import has_second_factor
from dashboard.teams.models import Membership, Role, Team, User

log = logging.getLogger(__name__)

SAFE_METHODS = ("GET", "HEAD")
MEMBERSHIP = Prepared(
    lambda user, slug: Membership.objects.select_related("team__api_key").filter(user=user, team__slug=slug)
)
RECENT_SECONDS = 10 * 60


# These forms need a confirmation by the user within the last ten minutes: an unattended browser cannot send them.
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
# So do these pages, even to view them: they show a secret or change how to sign in.
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
    """The request of a view of level `signed-in`."""

    user: User
    htmx: HtmxDetails


class MemberRequest(SignedInRequest):
    """The request of a view whose level is a role: with the team of the URL and the user's membership."""

    team: Team
    membership: Membership
    least_role: Role


class AccessMiddleware:
    """Run a view only if the table lists it and the user may open it; otherwise answer as if it did not exist."""

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
    """Return whether a member may use a view, so that pages show no button that would be refused."""
    level = capabilities()[view_name].get(method)
    return level is not None and (not isinstance(level, Role) or Role(membership.role).at_least(level))


def still_may(request: MemberRequest) -> bool:
    """Check again what the guard checked before the view, for a long-running answer. Changes nothing.

    That is: the session still exists, the password is the same, the role, and the team's second factor.
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
        log.error("The view %r has no level next to its URL and does not run.", name)
        raise Http404
    return levels


def _level(request: HttpRequest, levels: Mapping[str, Level]) -> Level | None:
    return levels.get("GET" if request.method == "HEAD" else request.method or "")


def _refuse_method(request: HttpRequest, levels: Mapping[str, Level]) -> HttpResponseBase | None:
    if _level(request, levels) is not None:
        return None
    if tokens.is_api(request):
        return tokens.wrong_method()
    if request.method in SAFE_METHODS and levels:
        return HttpResponseRedirect(_page_above(request.path))
    return HttpResponseNotAllowed([*levels, *(["HEAD"] if "GET" in levels else [])])


def _page_above(path: str) -> str:
    """Return the page that an address belongs to which takes forms alone: the nearest one above it in the URL table.

    People get there without a form by reloading, duplicating a tab or restoring a session.
    """
    while path != "/":
        path = path.rstrip("/").rpartition("/")[0] + "/"
        with suppress(Resolver404):
            if "GET" in capabilities().get(resolve(path).view_name, {}):
                break
    return path


def _refuse_too_many(request: HttpRequest) -> HttpResponse | None:
    if sign_in_limits.may_send(request):
        return None
    refused: HttpResponse = respond_429(request)
    return refused


def _enter_team(request: HttpRequest, user: User, slug: object) -> Membership:
    """Find the user's membership in the team of the URL. Raises Http404 for strangers and unknown teams alike."""
    membership = MEMBERSHIP.first(user=user.pk, slug=slug) if isinstance(slug, str) else None
    if membership is None:
        raise Http404
    request.team = membership.team  # type: ignore[attr-defined]
    request.membership = membership  # type: ignore[attr-defined]
    return membership


def _check_role(request: HttpRequest, levels: Mapping[str, Level], membership: Membership | None) -> None:
    """Raise PermissionDenied, which names the required role, unless the user has it."""
    level = _level(request, levels)
    if not isinstance(level, Role) or membership is None:
        return
    check_role(membership, level)
    if request.method not in SAFE_METHODS:
        request.least_role = level  # type: ignore[attr-defined]  # checked again when something is written


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to sign-in and from there back to the current page."""
    if request.headers.get("HX-Request") != "true":
        return redirect_to_login(_page_of(request))
    response = HttpResponse(status=HTTPStatus.UNAUTHORIZED)
    response.headers["HX-Redirect"] = f"{resolve_url('account_login')}?{urlencode({'next': _seen_page(request)})}"
    return response


def _ask_for_second_factor(request: HttpRequest, user: User, membership: Membership | None) -> HttpResponse | None:
    """Redirect members without the second factor that the team requires to the page to add one."""
    if membership is None or not membership.team.requires_second_factor or has_second_factor(request, user):
        return None
    if request.headers.get("HX-Request") != "true":
        return HttpResponseRedirect(resolve_url("mfa_index"))
    return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": resolve_url("mfa_index")})


def _ask_who_it_is(request: HttpRequest, user: User) -> HttpResponse | None:
    """Ask for confirmation before accepting a form of `RECENT`. The form is not kept, because it may hold a secret."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    is_form = request.method not in SAFE_METHODS
    if not (name in RECENT_PAGES or (name in RECENT and is_form)) or was_recent(request, user):
        return None
    if is_form:
        messages.info(request, _("Nothing was changed yet. Confirm it’s you, then try again."))
    return redirect_to_login(_page_of(request), resolve_url("account_reauthenticate"))


def was_recent(request: HttpRequest, user: User) -> bool:
    """Whether the user confirmed who they are in the last ten minutes of this session, in any way."""
    times = [record["at"] for record in get_authentication_records(request, user)]
    return bool(times) and time.time() - max(times) < RECENT_SECONDS


def _page_of(request: HttpRequest) -> str:
    """Return the URL to come back to; for a form that is the page it was on, as its own URL shows nothing."""
    if request.method in SAFE_METHODS:
        return request.get_full_path()
    return _own_path(request, request.headers.get("Referer", ""))


def _seen_page(request: HttpRequest) -> str:
    """Return the page that a fragment is for; what was just typed or chosen there is in the fragment's own URL."""
    seen = _own_path(request, request.headers.get("HX-Current-URL", ""))
    if request.method in SAFE_METHODS and seen.partition("?")[0] == request.path:
        return request.get_full_path()
    return seen


def _own_path(request: HttpRequest, url: str) -> str:
    """Return path and query of a URL of this host, and the start page for any other."""
    site = request.build_absolute_uri("/").rstrip("/")
    path = url.removeprefix(site)
    own = url.startswith(f"{site}/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if own else "/"
