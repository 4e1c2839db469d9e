"""Error answers: pages, and below /api/ errors in the provider's format.

Those for serious failures (400, 500, 503) need no database, session or user.
"""

import sys
from http import HTTPStatus
from typing import NoReturn

from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from dashboard.http.request_log import request_id
from dashboard.teams.access.tokens import is_api, refusal

BUSY_SECONDS = 2
# SQLite's message if others hold a lock; the pool's if all connections are in use.
BUSY_WORDS = ("locked", "couldn't get a connection")
# PostgreSQL's codes, as its words are in the server's language: lock timeout, deadlock, serialization failure, too many
# connections, shutting down or starting up, statement timeout.
BUSY_STATES = ("55P03", "40P01", "40001", "53300", "57P01", "57P03", "57014")
TOO_MANY_SECONDS = 5 * 60
PLAIN_PAGE = (
    """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><p>{text}</p>"""
)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    sentence = _("This request could not be read.")
    if is_api(request):
        return refusal(HTTPStatus.BAD_REQUEST, "BAD_REQUEST", sentence)
    return _standalone("400.html", HTTPStatus.BAD_REQUEST, sentence)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    reason = str(exception) or _("You may not do this.")
    if is_api(request):
        return refusal(HTTPStatus.FORBIDDEN, "FORBIDDEN", reason)
    return render(request, "403.html", {"reason": reason}, status=HTTPStatus.FORBIDDEN)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    sentence = _("This page was open too long, or cookies are blocked. Go back, reload, try again.")
    return render(request, "403_csrf.html", {"reason": sentence}, status=HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Give the same answer for a wrong URL and for another team's; offer a sign-in that returns to it."""
    if is_api(request):
        return refusal(HTTPStatus.NOT_FOUND, "NOT_FOUND", _("There is nothing at this address."))
    again_url = f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}"
    return render(request, "404.html", {"again_url": again_url}, status=HTTPStatus.NOT_FOUND)


def too_many(request: HttpRequest) -> HttpResponse:
    if is_api(request):
        response: HttpResponse = refusal(
            HTTPStatus.TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", _("This was asked for too often.")
        )
    else:
        response = render(request, "429.html", status=HTTPStatus.TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(TOO_MANY_SECONDS)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Show an error with its request id; a database that is busy is not an error."""
    if _is_busy(sys.exception()):
        response = _broken(request, HTTPStatus.SERVICE_UNAVAILABLE, _("The dashboard is busy. Try again."))
        response.headers["Retry-After"] = str(BUSY_SECONDS)
        return response
    return _broken(request, HTTPStatus.INTERNAL_SERVER_ERROR, _("Something went wrong on our side."))


def closed(request: HttpRequest) -> NoReturn:
    """Answer for the sign-up page: only invitations and the operator create accounts."""
    raise Http404


def _is_busy(fault: BaseException | None) -> bool:
    if not isinstance(fault, OperationalError):
        return False
    return getattr(fault.__cause__, "sqlstate", None) in BUSY_STATES or any(words in str(fault) for words in BUSY_WORDS)


def _broken(request: HttpRequest, status: HTTPStatus, sentence: str) -> HttpResponse:
    if is_api(request):
        return refusal(status, status.name, sentence, request=request_id.get())
    return _standalone(f"{status}.html", status, sentence)


def _standalone(template: str, status: HTTPStatus, text: str) -> HttpResponse:
    """Render without a request, so that no context processor needs the database, session or user."""
    try:
        page: str = render_to_string(template, {"request_id": request_id.get()})
    except (TemplateDoesNotExist, TemplateSyntaxError, ValueError, OSError):
        page = PLAIN_PAGE.format(title=text, text=_("Request %(id)s") % {"id": request_id.get()})
    return HttpResponse(page, status=status)
