"""What was done in a team, written once: the one way to a row of the audit."""

from typing import Literal

from django.db import transaction
from django.http import HttpRequest

from dashboard.http.client_address import address_of
from dashboard.teams.access.roles import hold_role
from dashboard.teams.models import AuditEvent, EventKind, Team, User

MOST_TARGET = 254
MOST_DETAIL = 500
OPERATOR: Literal["operator"] = "operator"
"""The actor of what was done by a command on the server."""
Actor = User | Literal["operator"] | None
"""None: nobody knows who it was."""


def record(
    kind: EventKind,
    *,
    team: Team | None,
    actor: Actor,
    target: str = "",
    detail: str = "",
    request: HttpRequest | None = None,
) -> AuditEvent:
    """Write down what `actor` did to `target`, a name or an address, never a secret; longer texts are cut.

    Call it in the act's transaction, after what the act writes: the role that the request needs is checked once more.
    Raises as `hold_role` does, so that the act of somebody who has just lost the role is undone.
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
