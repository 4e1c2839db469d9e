"""Change and remove members: each change and its audit row in one transaction. The last admin stays."""

from django.db import transaction
from django.http import HttpRequest

from dashboard.teams.core.audit import record
from dashboard.teams.models import EventKind, Membership, Role, Team, User


class LastAdmin(Exception):
    """A team needs an admin, or nobody could change it any more."""


@transaction.atomic
def change_role(member: Membership, role: Role, *, actor: User, request: HttpRequest | None = None) -> None:
    """Change a member's role. Raises `LastAdmin`, and `Membership.DoesNotExist` for one who was just removed."""
    _hold(member)
    before = Role(member.role)
    if before == role:
        return
    _keep_an_admin(member)
    detail = f"{before} → {role}"
    # First, because it checks the actor's role, which may be the one that changes.
    record(
        EventKind.ROLE_CHANGED, team=member.team, actor=actor, target=member.user.email, detail=detail, request=request
    )
    member.role = role
    member.save(update_fields=["role"])


@transaction.atomic
def remove(member: Membership, *, actor: User, request: HttpRequest | None = None) -> None:
    """Remove a member; the account stays. Raises what `change_role` raises."""
    _hold(member)
    _keep_an_admin(member)
    kind = EventKind.LEFT if member.user == actor else EventKind.MEMBER_REMOVED
    record(kind, team=member.team, actor=actor, target=member.user.email, request=request)
    member.delete()


def _hold(member: Membership) -> None:
    """Serialize changes of a team's members: of two admins who demote each other at the same time, one stays."""
    # Without a key lock: a transaction that locks its own membership may insert rows that refer to the team.
    Team.objects.select_for_update(no_key=True).get(pk=member.team_id)
    member.refresh_from_db(fields=["role"])


def is_last_admin(member: Membership) -> bool:
    """Whether the team would be without an admin if this member left."""
    others = member.team.memberships.filter(role=Role.ADMIN, user__is_active=True).exclude(pk=member.pk)
    return member.role == Role.ADMIN and not others.exists()


def _keep_an_admin(member: Membership) -> None:
    if is_last_admin(member):
        raise LastAdmin
