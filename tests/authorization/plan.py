"""All that there is to ask: every address of the URL table, every method, everybody; and what the table says to it."""

from collections.abc import Iterator, Mapping

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from dashboard.teams.access.capabilities import PUBLIC, SHARE, TOKEN, capabilities
from dashboard.teams.models import Role

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
TEAMS = ("acme", "rival")
NOBODY = "anonymous"
# Who belongs where, and as what; sam is signed in and in no team.
ROLES: Mapping[str, Mapping[str, Role]] = {
    NOBODY: {},
    "sam": {},
    "bob": {"acme": Role.VIEWER},
    "mia": {"acme": Role.MEMBER},
    "alice": {"acme": Role.ADMIN},
    "charlie": {"rival": Role.ADMIN},
}
# What an address is made of. A new kind of argument is entered here, for both teams where it belongs to one: the
# fixture `house` adds the numbers that rows get (see `House.arguments`).
ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "acme": {"service_code": "compute-on", "environment_name": "prod"},
    "rival": {"service_code": "compute-qc", "environment_name": "shop"},
}
UNOWNED = {
    "link": "no-such.link",
    "uidb36": "1",
    "key": "no-such-key",
    "token": "no-such-token",
    "pk": "0",
    "month": "2026-01",
}
# What a view may answer that runs: a page, a redirect, "asked too early". Some say with another status that they
# are closed, ended or not set up.
PASSED = 200
RUNS = frozenset({PASSED, 202, 301, 302})
ALSO: Mapping[str, frozenset[int]] = {
    "account_signup": frozenset({404}),
    "setup": frozenset({404}),
    "snapshots:share": frozenset({404}),
    "snapshots:feed": frozenset({404}),
    # A member without a feed has none to end.
    "snapshots:alert_feed": frozenset({404}),
    # A viewer changes the own mailbox alone; the channel in the address is a webhook.
    "snapshots:alert_channel_act": frozenset({404}),
    "mfa_deactivate_totp": frozenset({404}),
    "mfa_edit_webauthn": frozenset({404}),
    "mfa_remove_webauthn": frozenset({404}),
    "oidc_start": frozenset({404}),
    "oidc_callback": frozenset({404}),
    "oidc_confirm": frozenset({404}),
}


def _patterns(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield f"{namespace}{entry.name}", entry
        else:
            yield from _patterns(entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace)


VIEWS = dict(_patterns(get_resolver()))
PARTS = {name: tuple(entry.pattern.regex.groupindex) for name, entry in VIEWS.items()}
IS_PUBLIC = {name: bool({PUBLIC, SHARE} & {*capabilities().get(name, {}).values()}) for name in VIEWS}
# What a session opens to nobody: it wants an access token, and tests/api asks with one.
TOKEN_VIEWS = sorted(name for name in VIEWS if TOKEN in capabilities().get(name, {}).values())
TEAM_VIEWS = sorted(name for name, parts in PARTS.items() if "team" in parts and name not in TOKEN_VIEWS)
OTHER_VIEWS = sorted(VIEWS.keys() - set(TEAM_VIEWS))
# A month belongs to nobody.
NUMBERED_VIEWS = [name for name in TEAM_VIEWS if set(PARTS[name]) - {"team", "month"}]


def address(view: str, arguments: Mapping[str, str]) -> str:
    unknown = [part for part in PARTS[view] if part not in arguments]
    assert not unknown, (
        f"{view} takes {unknown}: enter a value in tests/authorization (ARGUMENTS, UNOWNED, House.arguments)"
    )
    return reverse(view, kwargs={part: arguments[part] for part in PARTS[view]})


def level(view: str, method: str) -> object:
    return capabilities()[view].get("GET" if method == "HEAD" else method)


def expected(view: str, method: str, person: str, team: str) -> frozenset[int]:
    """Give the statuses that the capability table allows for somebody at an address of a team."""
    least = level(view, method)
    role = ROLES[person].get(team)
    if view in TOKEN_VIEWS:
        return frozenset({401})
    if person == NOBODY and not IS_PUBLIC[view]:
        return frozenset({302})
    if view in TEAM_VIEWS and role is None:
        return frozenset({404})
    if least is None:
        return frozenset({302 if method in ("GET", "HEAD") else 405})
    if isinstance(least, Role) and not (role and role.at_least(least)):
        return frozenset({403})
    return RUNS | ALSO.get(view, frozenset())
