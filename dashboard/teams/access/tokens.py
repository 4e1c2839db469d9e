"""Access for scripts: a token in a header, and refusals in the provider's documented error format."""

from collections.abc import Collection
from http import HTTPStatus

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from dashboard import random_secrets
from dashboard.limits import Use, allow
from dashboard.random_secrets import is_secret
from dashboard.teams.access import issue_tokens
from dashboard.teams.mfa.adapter import is_secured
from dashboard.teams.models import AccessToken, Team

API = "/api/"
# Views that the operator's own token opens too, for all teams.
OPERATORS = frozenset({"metrics"})
BEARER = "bearer "
MOST_A_MINUTE, MINUTE = 600, 60
WRITTEN_TOGETHER = 50
"""Requests that a process counts in memory before it writes them, so that no request waits for a row."""
KEY_HEADER = "MC-Api-Key"


class TokenRequest(HttpRequest):
    """The request of a view of level `token`: with the token and its team."""

    token: AccessToken
    team: Team


def enter(request: HttpRequest, methods: Collection[str], kwargs: dict[str, object]) -> HttpResponseBase | None:
    """Let a view run for the team of the request's token; otherwise answer why not."""
    if is_operators(request):
        return None if request.method in ("GET", "HEAD") else wrong_method()
    token = find(shown(request))
    if token is None:
        response = refusal(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", _("Missing, expired or revoked access token."))
        response.headers["WWW-Authenticate"] = 'Bearer realm="snapshots"'
        return response
    request.token, request.team = token, token.team  # type: ignore[attr-defined]
    use = allow(f"token:{token.digest}", MOST_A_MINUTE, MINUTE, at_once=WRITTEN_TOGETHER)
    request.token_use = use  # type: ignore[attr-defined]
    if not use:
        return _too_many(use)
    if token.team.requires_second_factor and not token.is_secured:  # type: ignore[attr-defined]
        return refusal(HTTPStatus.FORBIDDEN, "SECOND_FACTOR_REQUIRED", issue_tokens.rests())
    issue_tokens.note_use(token, request)
    if request.method not in {*methods, *(["HEAD"] if "GET" in methods else [])}:
        return wrong_method()
    if kwargs.get("team", token.team.slug) != token.team.slug:
        raise Http404
    return None


def leave(request: HttpRequest, response: HttpResponseBase) -> None:
    """Add to each answer to an active token how many requests are left, and that only this client may cache it."""
    use: Use | None = getattr(request, "token_use", None)
    if use is None:
        return
    response.headers["RateLimit-Limit"] = str(MOST_A_MINUTE)
    response.headers["RateLimit-Remaining"] = str(use.left)
    response.headers["RateLimit-Reset"] = str(use.wait)
    response.headers["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Authorization", KEY_HEADER])


def shown(request: HttpRequest) -> str:
    """Return the request's token: from the provider's header or from `Authorization`."""
    authorization = request.headers.get("Authorization", "")
    bearer = authorization[len(BEARER) :] if authorization[: len(BEARER)].lower() == BEARER else ""
    return request.headers.get(KEY_HEADER, "") or bearer.strip()


def find(shown: str) -> AccessToken | None:
    """Find the active token with this text. The database compares hashes, so its timing reveals nothing."""
    if not shown:
        return None
    found = AccessToken.objects.alive().select_related("team", "maker__user")
    return random_secrets.find(found.annotate(is_secured=is_secured("maker__user")), shown, "digest")


def is_operators(request: HttpRequest) -> bool:
    """Whether a request has the operator's token, for a view that it opens. False if no such token is set."""
    match, digest = request.resolver_match, settings.METRICS_TOKEN_DIGEST
    if not digest or match is None or match.view_name not in OPERATORS:
        return False
    return is_secret(digest, shown(request))


def is_api(request: HttpRequest) -> bool:
    """Whether a request is for the API, so that errors are JSON too."""
    return request.path.startswith(API)


def wrong_method() -> JsonResponse:
    response = refusal(HTTPStatus.METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", _("Access tokens are read-only."))
    response.headers["Allow"] = "GET, HEAD"
    return response


def refusal(status: HTTPStatus, code: str, message: str, **context: object) -> JsonResponse:
    """Answer in the provider's documented error format; its Go client reads `errorCode`."""
    error: dict[str, object] = {"code": int(status), "errorCode": code, "message": message}
    if context:
        error["context"] = context
    return JsonResponse({"errors": [error]}, status=status)


def _too_many(use: Use) -> JsonResponse:
    sentence = _("Too many requests with this access token. Wait as long as Retry-After says.")
    response = refusal(HTTPStatus.TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", sentence)
    response.headers["Retry-After"] = str(use.wait)
    return response
