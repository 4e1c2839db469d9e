"""Which rows of people, sessions and deeds are past their time. No row of something that lives is among them."""

from datetime import datetime, timedelta

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, Q, QuerySet

from dashboard.teams.models import AuditEvent, Invitation, LimitCount

INVITATIONS_KEPT = timedelta(days=30)
SIGNING_IN = timedelta(hours=1)
"""A sign-in that is under way may have its entry in the list of sessions before its session has a row."""


def expired_sessions(now: datetime) -> QuerySet[Session]:
    return Session.objects.filter(expire_date__lt=now)


def ended_sign_ins(now: datetime) -> QuerySet[UserSession]:
    """The entries of the list of sessions whose session has ended or expired."""
    alive = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gte=now)
    entries: QuerySet[UserSession] = UserSession.objects.filter(~Exists(alive), last_seen_at__lt=now - SIGNING_IN)
    return entries


def ended_invitations(now: datetime) -> QuerySet[Invitation]:
    """Those that were used, revoked or have expired more than thirty days ago."""
    then = now - INVITATIONS_KEPT
    return Invitation.objects.filter(Q(used_at__lt=then) | Q(revoked_at__lt=then) | Q(expires_at__lt=then))


def expired_limits(now: datetime) -> QuerySet[LimitCount]:
    return LimitCount.objects.filter(expires_at__lt=now.timestamp())


def old_events(now: datetime) -> QuerySet[AuditEvent]:
    """The audit's rows of more than `AUDIT_DAYS` ago, in the one set of them that can be deleted."""
    kept = timedelta(days=settings.AUDIT_DAYS)
    return QuerySet(AuditEvent).filter(at__lt=now - kept)
