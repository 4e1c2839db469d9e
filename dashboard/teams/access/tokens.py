"""The way in for a script: an access token in a header, and every refusal in the form that the provider documents."""

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
# What the operator's own token opens too, and then for all teams.
OPERATORS = frozenset({"metrics"})
BEARER = "bearer "
MOST_A_MINUTE, MINUTE = 600, 60
WRITTEN_TOGETHER = 50
"""Requests that a process counts by itself before it writes them: no request waits for a row."""
KEY_HEADER = "MC-Api-Key"


class TokenRequest(HttpRequest):
    """What a view gets whose level is token: the token and its team."""

    token: AccessToken
    team: Team


def enter(request: HttpRequest, methods: Collection[str], kwargs: dict[str, object]) -> HttpResponseBase | None:
    """Let a view run for the team of the token that the request shows; otherwise answer why not."""
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
    """Say on the answer to a living token, whatever it is, how much is left of its minute and who may keep it."""
    use: Use | None = getattr(request, "token_use", None)
    if use is None:
        return
    response.headers["RateLimit-Limit"] = str(MOST_A_MINUTE)
    response.headers["RateLimit-Remaining"] = str(use.left)
    response.headers["RateLimit-Reset"] = str(use.wait)
    response.headers["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Authorization", KEY_HEADER])


def shown(request: HttpRequest) -> str:
    """Give the token that a request shows: as the provider's clients do, or as the web's do."""
    authorization = request.headers.get("Authorization", "")
    bearer = authorization[len(BEARER) :] if authorization[: len(BEARER)].lower() == BEARER else ""
    return request.headers.get(KEY_HEADER, "") or bearer.strip()


def find(shown: str) -> AccessToken | None:
    """Find the living token of these signs. The comparison is the database's, of hashes: its time tells nothing."""
    if not shown:
        return None
    found = AccessToken.objects.alive().select_related("team", "maker__user")
    return random_secrets.find(found.annotate(is_secured=is_secured("maker__user")), shown, "digest")


def is_operators(request: HttpRequest) -> bool:
    """Whether a request shows the operator's token at an address that it opens. None is set: no request does."""
    match, digest = request.resolver_match, settings.METRICS_TOKEN_DIGEST
    if not digest or match is None or match.view_name not in OPERATORS:
        return False
    return is_secret(digest, shown(request))


def is_api(request: HttpRequest) -> bool:
    """Whether a request is a script's, so that even what went wrong is told in JSON."""
    return request.path.startswith(API)


def wrong_method() -> JsonResponse:
    response = refusal(HTTPStatus.METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", _("Access tokens are read-only."))
    response.headers["Allow"] = "GET, HEAD"
    return response


def refusal(status: HTTPStatus, code: str, message: str, **context: object) -> JsonResponse:
    """Answer in the provider's documented form of an error; `errorCode` is what its Go client reads."""
    error: dict[str, object] = {"code": int(status), "errorCode": code, "message": message}
    if context:
        error["context"] = context
    return JsonResponse({"errors": [error]}, status=status)


def _too_many(use: Use) -> JsonResponse:
    sentence = _("Too many requests with this access token. Wait as long as Retry-After says.")
    response = refusal(HTTPStatus.TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", sentence)
    response.headers["Retry-After"] = str(use.wait)
    return response
