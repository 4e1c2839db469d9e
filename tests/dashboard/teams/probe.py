"""Small views under the product's own middleware and error pages, so that the guard is tested apart from any page."""

from collections.abc import Callable
from functools import partial

import psycopg
from django.contrib import messages
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from dashboard.teams.access.guard import PUBLIC, SIGNED_IN, Role
from dashboard.urls import handler400, handler403, handler404, handler429, handler500
from dashboard.urls import urlpatterns as product

__all__ = ["handler400", "handler403", "handler404", "handler429", "handler500", "urlpatterns"]

ENTRIES = {
    "probe:greet": {"GET": PUBLIC},
    "probe:personal": {"GET": SIGNED_IN},
    "probe:read": {"GET": Role.VIEWER},
    "probe:write": {"GET": Role.VIEWER, "POST": Role.MEMBER},
    "probe:admin": {"GET": Role.ADMIN},
    "probe:teamless": {"GET": Role.VIEWER},
    "probe:broken": {"GET": SIGNED_IN},
    "probe:busy": {"GET": SIGNED_IN},
    "probe:writes_session": {"GET": SIGNED_IN},
    "probe:no_database": {"GET": SIGNED_IN},
}


def show(request: HttpRequest, team: str = "") -> HttpResponse:
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
    request.session["changed"] = True
    request.session.save = partial(_save_locked, request.session.save)
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
    path("greet/", greet, name="greet"),
    path("personal/", show, name="personal"),
    path("broken/", broken, name="broken"),
    path("busy/", busy, name="busy"),
    path("writes-session/", writes_session, name="writes_session"),
    path("no-database/", no_database, name="no_database"),
    path("unlisted/", show, name="unlisted"),
    path("teamless/", show, name="teamless"),
    path("<slug:team>/read/", show, name="read"),
    path("<slug:team>/write/", show, name="write"),
    path("<slug:team>/admin/", show, name="admin"),
]
urlpatterns = [*product, path("probe/", include((views, "probe")))]
