"""Who is in a team and as what: each change in one transaction with its row in the audit. The last admin stays."""

from django.db import transaction
from django.http import HttpRequest

from dashboard.teams.core.audit import record
from dashboard.teams.models import EventKind, Membership, Role, Team, User


class LastAdmin(Exception):
    """A team without an admin could never be changed again: name another one first."""


@transaction.atomic
def change_role(member: Membership, role: Role, *, actor: User, request: HttpRequest | None = None) -> None:
    """Give a member another role. Raises `LastAdmin`, and `Membership.DoesNotExist` for one who is gone meanwhile."""
    _hold(member)
    before = Role(member.role)
    if before == role:
        return
    _keep_an_admin(member)
    detail = f"{before} → {role}"
    # First, as it checks the actor's role, which may be the one that changes.
    record(
        EventKind.ROLE_CHANGED, team=member.team, actor=actor, target=member.user.email, detail=detail, request=request
    )
    member.role = role
    member.save(update_fields=["role"])


@transaction.atomic
def remove(member: Membership, *, actor: User, request: HttpRequest | None = None) -> None:
    """Take a person out of a team; the account stays. Raises as `change_role` does."""
    _hold(member)
    _keep_an_admin(member)
    kind = EventKind.LEFT if member.user == actor else EventKind.MEMBER_REMOVED
    record(kind, team=member.team, actor=actor, target=member.user.email, request=request)
    member.delete()


def _hold(member: Membership) -> None:
    """Let one change of a team's people follow the other: of two admins who lower each other at once one stays."""
    # An act that holds its own membership may write a row of the team at the same time: that needs the team's key.
    Team.objects.select_for_update(no_key=True).get(pk=member.team_id)
    member.refresh_from_db(fields=["role"])


def _keep_an_admin(member: Membership) -> None:
    others = member.team.memberships.filter(role=Role.ADMIN, user__is_active=True).exclude(pk=member.pk)
    if member.role == Role.ADMIN and not others.exists():
        raise LastAdmin
