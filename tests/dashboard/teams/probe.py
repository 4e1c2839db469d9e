"""Small views under the product's own middleware and error pages, so that the guard is tested apart from any page."""

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
from django.contrib import messages
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.urls import include
from django.urls import path as prefix

from dashboard.teams.access.capabilities import ADMIN, MEMBER, PUBLIC, SIGNED_IN, VIEWER, path
from dashboard.teams.access.guard import MemberRequest
from dashboard.urls import handler400, handler403, handler404, handler429, handler500
from dashboard.urls import urlpatterns as product

__all__ = ["handler400", "handler403", "handler404", "handler429", "handler500", "urlpatterns"]


def show(request: MemberRequest, team: str = "") -> HttpResponse:
    membership = getattr(request, "membership", None)
    return HttpResponse(f"{request.team.name}, {membership.role}" if membership else "no team")


def greet(request: HttpRequest) -> HttpResponse:
    messages.info(request, "Good morning.")
    return HttpResponse()


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("forged\nline")


def busy(request: HttpRequest) -> HttpResponse:
    """Fail as SQLite does, or as PostgreSQL does with the code in `state` and words of any language."""
    if "state" in request.GET:
        raise OperationalError("Zeitüberschreitung") from psycopg.errors.lookup(request.GET["state"])()
    raise OperationalError("database is locked")


def writes_session(request: HttpRequest) -> HttpResponse:
    """Change the session, and let another hold its row when it is saved."""
    session: Any = request.session
    session["changed"] = True
    session.save = partial(_save_locked, session.save)
    return HttpResponse()


def _save_locked(save: Callable[[], None]) -> None:
    def locked(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if sql.startswith("UPDATE"):
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    with connection.execute_wrapper(locked):
        save()


def no_database(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM no_such_table")
    return HttpResponse()


views = [
    path("greet/", greet, name="greet", get=PUBLIC),
    path("personal/", show, name="personal", get=SIGNED_IN),
    path("broken/", broken, name="broken", get=SIGNED_IN),
    path("busy/", busy, name="busy", get=SIGNED_IN),
    path("writes-session/", writes_session, name="writes_session", get=SIGNED_IN),
    path("no-database/", no_database, name="no_database", get=SIGNED_IN),
    path("unlisted/", show, name="unlisted"),
    path("teamless/", show, name="teamless", get=VIEWER),
    path("<slug:team>/read/", show, name="read", get=VIEWER),
    path("<slug:team>/write/", show, name="write", get=VIEWER, post=MEMBER),
    path("<slug:team>/admin/", show, name="admin", get=ADMIN),
]
urlpatterns = [*product, prefix("probe/", include((views, "probe")))]
