"""Who may open a view: the least level for each method is given next to its URL; together they form one table.

`path` and `re_path` are Django's with two more arguments, the levels for GET and POST; HEAD needs the level of GET.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from types import MappingProxyType

from django.conf import settings
from django.http import HttpResponseBase
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern

from dashboard.teams.models import Role


class Open(Enum):
    """Levels that are not roles: for everyone, for signed-in users, with a shared link, with an access token.

    A view of level `share` checks the link itself; views of level `share` or `token` use no session.
    """

    PUBLIC = "public"
    SIGNED_IN = "signed-in"
    SHARE = "share"
    TOKEN = "token"  # noqa: S105  # the name of a level


Level = Role | Open
PUBLIC, SIGNED_IN, SHARE, TOKEN = Open.PUBLIC, Open.SIGNED_IN, Open.SHARE, Open.TOKEN
VIEWER, MEMBER, ADMIN = Role.VIEWER, Role.MEMBER, Role.ADMIN
View = Callable[..., HttpResponseBase]


class GuardedPattern(URLPattern):
    """A URL, and the least level for each method that its view accepts."""

    levels: Mapping[str, Level]


def path(
    route: str,
    view: View,
    kwargs: Mapping[str, object] | None = None,
    *,
    name: str,
    get: Level | None = None,
    post: Level | None = None,
) -> GuardedPattern:
    return _guarded(RoutePattern(route, name, is_endpoint=True), view, kwargs, name, {"GET": get, "POST": post})


def re_path(
    regex: str, view: View, *, name: str, get: Level | None = None, post: Level | None = None
) -> GuardedPattern:
    return _guarded(RegexPattern(regex, name, is_endpoint=True), view, None, name, {"GET": get, "POST": post})


def _guarded(
    pattern: RoutePattern | RegexPattern,
    view: View,
    kwargs: Mapping[str, object] | None,
    name: str,
    levels: Mapping[str, Level | None],
) -> GuardedPattern:
    guarded = GuardedPattern(pattern, view, dict(kwargs or {}), name)
    guarded.levels = {method: level for method, level in levels.items() if level is not None}
    return guarded


def capabilities() -> Mapping[str, Mapping[str, Level]]:
    """View name -> method -> least level, for every URL that has one. A view that is not listed does not run."""
    return _table(settings.ROOT_URLCONF)


@cache
def _table(urlconf: str) -> Mapping[str, Mapping[str, Level]]:
    table: dict[str, Mapping[str, Level]] = {}
    for name, levels in _entries(get_resolver(urlconf).url_patterns):
        if table.setdefault(name, levels) != levels:
            raise ValueError(f"Two URLs of the view {name!r} have different levels.")
    return MappingProxyType(table)


def _entries(
    patterns: Iterable[URLPattern | URLResolver], namespace: str = ""
) -> Iterator[tuple[str, Mapping[str, Level]]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _entries(pattern.url_patterns, inner)
        elif isinstance(pattern, GuardedPattern) and pattern.levels:
            yield f"{namespace}{pattern.name}", pattern.levels
