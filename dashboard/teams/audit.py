"""What was done in a team, written once: the one way to a row of the audit."""

from django.http import HttpRequest

from dashboard.clients import address_of
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
