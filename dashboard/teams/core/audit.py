"""Write the audit: the only function that creates its rows."""

from typing import Literal

from django.db import transaction
from django.http import HttpRequest

from dashboard.http.client_address import address_of
from dashboard.teams.access.roles import hold_role
from dashboard.teams.models import AuditEvent, EventKind, Team, User

MOST_TARGET = 254
MOST_DETAIL = 500
OPERATOR: Literal["operator"] = "operator"
"""The actor of commands on the server."""
Actor = User | Literal["operator"] | None
"""None: unknown."""


def record(
    kind: EventKind,
    *,
    team: Team | None,
    actor: Actor,
    target: str = "",
    detail: str = "",
    request: HttpRequest | None = None,
) -> AuditEvent:
    """Record what `actor` did to `target`, a name or an address, never a secret. Longer texts are cut.

    Call it in the transaction of the change, after its writes: the role that the request needs is checked once more.
    Raises what `hold_role` raises, which undoes the change of a user who has just lost the role.
    """
    person, name = (actor, actor.email) if isinstance(actor, User) else (None, actor or "")
    with transaction.atomic():
        event = AuditEvent.objects.create(
            team=team,
            actor=person,
            actor_email=name,
            kind=kind,
            target=target[:MOST_TARGET],
            detail=detail[:MOST_DETAIL],
            ip=address_of(request),
        )
        hold_role(request)
    return event
