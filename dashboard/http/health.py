"""Health checks: the process runs, and the process can serve."""

from collections.abc import Callable

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

try:
    from redis.exceptions import RedisError  # type: ignore[import-not-found, unused-ignore]
except ImportError:  # only needed with a CACHE_URL
    CACHE_FAULTS: tuple[type[Exception], ...] = (DatabaseError, OSError)
else:
    CACHE_FAULTS = (DatabaseError, OSError, RedisError)


def alive(request: HttpRequest) -> HttpResponse:
    """Answer without database, cache or session."""
    return HttpResponse("ok", content_type="text/plain")


# What `ready` also tells, each with its question. It takes no process out of service: pages work without it.
ALSO: dict[str, Callable[[], bool]] = {}


def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 if database, migrations and cache work, else 503 and which does not; and tell what `ALSO` finds."""
    database = _database_answers()
    parts = {"database": database, "migrations": database and _migrations_applied(), "cache": _cache_answers()}
    told = {name: parts["migrations"] and works() for name, works in ALSO.items()}
    return JsonResponse(parts | told, status=200 if all(parts.values()) else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _migrations_applied() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return False


def _cache_answers() -> bool:
    try:
        cache.get("ready")
    except CACHE_FAULTS:
        return False
    return True
