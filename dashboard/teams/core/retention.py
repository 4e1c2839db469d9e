"""Which rows of users, sessions, invitations and the audit are due for deletion; never one still in use."""

from datetime import datetime, timedelta

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, Q, QuerySet

from dashboard.teams.models import AuditEvent, Invitation, LimitCount

INVITATIONS_KEPT = timedelta(days=30)
SIGNING_IN = timedelta(hours=1)
"""A sign-in in progress may be listed before its session has a row."""


def expired_sessions(now: datetime) -> QuerySet[Session]:
    return Session.objects.filter(expire_date__lt=now)


def ended_sign_ins(now: datetime) -> QuerySet[UserSession]:
    """Entries in the list of sessions whose session ended or expired."""
    alive = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gte=now)
    entries: QuerySet[UserSession] = UserSession.objects.filter(~Exists(alive), last_seen_at__lt=now - SIGNING_IN)
    return entries


def ended_invitations(now: datetime) -> QuerySet[Invitation]:
    """Invitations that were used, revoked or expired more than thirty days ago."""
    then = now - INVITATIONS_KEPT
    return Invitation.objects.filter(Q(used_at__lt=then) | Q(revoked_at__lt=then) | Q(expires_at__lt=then))


def expired_limits(now: datetime) -> QuerySet[LimitCount]:
    return LimitCount.objects.filter(expires_at__lt=now.timestamp())


def old_events(now: datetime) -> QuerySet[AuditEvent]:
    """Audit rows older than `AUDIT_DAYS`, as a query set that can delete them, unlike the model's own."""
    kept = timedelta(days=settings.AUDIT_DAYS)
    return QuerySet(AuditEvent).filter(at__lt=now - kept)
