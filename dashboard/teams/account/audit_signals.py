"""Sign-ins, and what people changed about their own account, in the audit log of each of their teams."""

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import password_changed, password_reset, password_set, user_logged_in
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from dashboard.teams.account.sign_in_limits import forgive, note_known
from dashboard.teams.core.audit import Actor, record
from dashboard.teams.core.email_addresses import lower
from dashboard.teams.mfa.adapter import FACTORS, end_sessions
from dashboard.teams.models import EventKind, Team, User

NAMES = {Authenticator.Type.TOTP: "authenticator app", Authenticator.Type.WEBAUTHN: "passkey"}


def record_for(
    user: User, kind: EventKind, *, actor: Actor, detail: str = "", request: HttpRequest | None = None
) -> None:
    """Write one row for each team of the account, or one without a team if there is none."""
    teams: list[Team | None] = [*Team.objects.filter(members=user)]
    for team in teams or [None]:
        record(kind, team=team, actor=actor, target=user.email, detail=detail, request=request)


@receiver([password_changed, password_set, password_reset])
def record_password(request: HttpRequest, user: User, **kwargs: object) -> None:
    """Record a new password. Browsers known by the old one are forgotten, except this one."""
    forgive(user)
    note_known(request, user)
    record_for(user, EventKind.PASSWORD_CHANGED, actor=user, request=request)


@receiver(authenticator_added)
def record_added(request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: object) -> None:
    """Record a new factor. The first one ends all other sessions, which were opened with the password only."""
    if authenticator.type not in NAMES:
        record_for(user, EventKind.RECOVERY_CODES_MADE, actor=user, request=request)
        return
    record_for(user, EventKind.SECOND_FACTOR_ADDED, actor=user, detail=NAMES[authenticator.type], request=request)
    if Authenticator.objects.filter(user=user, type__in=FACTORS).count() == 1:
        end_sessions(user, kept=request.session.session_key)


@receiver(authenticator_reset)
def record_codes(request: HttpRequest, user: User, **kwargs: object) -> None:
    record_for(user, EventKind.RECOVERY_CODES_MADE, actor=user, request=request)


@receiver(authenticator_removed)
def record_removed(request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: object) -> None:
    """Record it; recovery codes removed with the last factor need no separate row."""
    if authenticator.type in NAMES:
        detail = NAMES[authenticator.type]
        record_for(user, EventKind.SECOND_FACTOR_REMOVED, actor=user, detail=detail, request=request)


@receiver(authentication_failed)
def record_wrong_code(request: HttpRequest, user: User, **kwargs: object) -> None:
    """Record a wrong code after a correct password; the actor is unknown."""
    record_for(user, EventKind.SIGN_IN_FAILED, actor=None, detail="second factor", request=request)


@receiver(user_logged_in)
def record_sign_in(request: HttpRequest, user: User, **kwargs: object) -> None:
    for team in _teams_of(user.email):
        record(EventKind.SIGN_IN, team=team, actor=user, detail=_through(request, user), request=request)


@receiver(user_login_failed)
def record_failure(credentials: dict[str, str], request: HttpRequest | None = None, **kwargs: object) -> None:
    """Record the address that was tried, which may be anyone's: without actor, and without team if it is unknown."""
    record_refused(lower(credentials.get("email", "")), request=request)


def record_refused(email: str, *, detail: str = "", request: HttpRequest | None) -> None:
    for team in _teams_of(email):
        record(EventKind.SIGN_IN_FAILED, team=team, actor=None, target=email, detail=detail, request=request)


def _through(request: HttpRequest, user: User) -> str:
    """Name the other site that the user signed in through; empty for a sign-in here, with any second factor."""
    first = [step for step in get_authentication_records(request, user) if step["method"] != "mfa"]
    return f"through {first[-1]['through']}" if first and "through" in first[-1] else ""


def _teams_of(email: str) -> list[Team | None]:
    """Return the teams of an account, or one None, so that both cases take the same work."""
    return list(Team.objects.filter(members__email=email)) or [None]
