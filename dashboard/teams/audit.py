"""What was done in a team, written once: the one way to a row of the audit."""

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from dashboard.teams.models import AuditEvent, EventKind, Team, User

MOST_TARGET = 254
MOST_DETAIL = 500


def record(
    kind: EventKind,
    *,
    team: Team | None,
    actor: User | None,
    target: str = "",
    detail: str = "",
    request: HttpRequest | None = None,
) -> AuditEvent:
    """Write down what `actor` did to `target`, a name or an address, never a secret; longer texts are cut."""
    return AuditEvent.objects.create(
        team=team,
        actor=actor,
        actor_email=actor.email if actor else "",
        kind=kind,
        target=target[:MOST_TARGET],
        detail=detail[:MOST_DETAIL],
        ip=address_of(request),
    )


def address_of(request: HttpRequest | None) -> str | None:
    """Give the network address that a request came from, past the counted proxies alone; None where there is none."""
    if request is None:
        return None
    try:
        ip: str = get_adapter(request).get_client_ip(request)
    except PermissionDenied:  # a socket file has no address
        return None
    return ip
