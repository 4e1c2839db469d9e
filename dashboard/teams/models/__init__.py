"""Users, teams, memberships, invitations, each team's API key, access tokens, audit and limits."""

from dashboard.teams.models.audit import AuditEvent, AuditEventQuerySet, EventFixed, EventKind
from dashboard.teams.models.keys import FIRST_GENERATIONS, ApiKey, PendingKey, first_generation
from dashboard.teams.models.limits import LimitCount, LimitCountQuerySet
from dashboard.teams.models.people import (
    AddressProof,
    Invitation,
    InvitationQuerySet,
    Membership,
    Role,
    SetupLink,
    Team,
    TeamQuerySet,
    User,
    UserManager,
)
from dashboard.teams.models.tokens import AccessToken, AccessTokenQuerySet

__all__ = [
    "FIRST_GENERATIONS",
    "AccessToken",
    "AccessTokenQuerySet",
    "AddressProof",
    "ApiKey",
    "AuditEvent",
    "AuditEventQuerySet",
    "EventFixed",
    "EventKind",
    "Invitation",
    "InvitationQuerySet",
    "LimitCount",
    "LimitCountQuerySet",
    "Membership",
    "PendingKey",
    "Role",
    "SetupLink",
    "Team",
    "TeamQuerySet",
    "User",
    "UserManager",
    "first_generation",
]
