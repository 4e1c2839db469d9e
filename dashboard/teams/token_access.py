"""The way in for a script: an access token in a header, and every refusal in the form that the provider documents."""

from collections.abc import Collection
from hashlib import sha256
from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _

from dashboard.teams.models import AccessToken, Team

BEARER = "bearer "


class TokenRequest(HttpRequest):
    """What a view gets whose level is token: the token and its team."""

    token: AccessToken
    team: Team


def enter(request: HttpRequest, methods: Collection[str], kwargs: dict[str, object]) -> HttpResponseBase | None:
    """Let a view run for the team of the token that the request shows; otherwise answer why not."""
    token = find(shown(request))
    if token is None:
        response = refusal(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", _("This needs an access token that is alive."))
        response.headers["WWW-Authenticate"] = 'Bearer realm="snapshots"'
        return response
    if request.method not in {*methods, *(["HEAD"] if "GET" in methods else [])}:
        response = refusal(HTTPStatus.METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", _("Access tokens only read."))
        response.headers["Allow"] = "GET, HEAD"
        return response
    if kwargs.get("team", token.team.slug) != token.team.slug:
        raise Http404
    request.token, request.team = token, token.team  # type: ignore[attr-defined]
    return None


def shown(request: HttpRequest) -> str:
    """Give the token that a request shows: as the provider's clients do, or as the web's do."""
    authorization = request.headers.get("Authorization", "")
    bearer = authorization[len(BEARER) :] if authorization[: len(BEARER)].lower() == BEARER else ""
    return request.headers.get("MC-Api-Key", "") or bearer.strip()


def find(shown: str) -> AccessToken | None:
    """Find the living token of these signs. The comparison is the database's, of hashes: its time tells nothing."""
    if not shown:
        return None
    digest = sha256(shown.encode("utf-8", "surrogateescape")).hexdigest()
    return AccessToken.objects.alive().select_related("team", "maker__user").filter(digest=digest).first()


def refusal(status: HTTPStatus, code: str, message: str, **context: object) -> JsonResponse:
    """Answer in the provider's documented form of an error; `errorCode` is what its Go client reads."""
    error: dict[str, object] = {"code": int(status), "errorCode": code, "message": message}
    if context:
        error["context"] = context
    return JsonResponse({"errors": [error]}, status=status)
