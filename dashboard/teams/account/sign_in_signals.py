"""Each sign-in and each refused one in the audit: one row for every team of the account, so that its admins see it."""

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import user_logged_in
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from dashboard.teams.core.audit import record
from dashboard.teams.core.email_addresses import lower
from dashboard.teams.models import EventKind, Team, User


@receiver(user_logged_in)
def record_sign_in(request: HttpRequest, user: User, **kwargs: object) -> None:
    for team in _teams_of(user.email):
        record(EventKind.SIGN_IN, team=team, actor=user, detail=_through(request, user), request=request)


@receiver(user_login_failed)
def record_failure(credentials: dict[str, str], request: HttpRequest | None = None, **kwargs: object) -> None:
    """Record the address that was tried, which may be anybody's: no actor is known, and no team of an unknown one."""
    record_refused(lower(credentials.get("email", "")), request=request)


def record_refused(email: str, *, detail: str = "", request: HttpRequest | None) -> None:
    for team in _teams_of(email):
        record(EventKind.SIGN_IN_FAILED, team=team, actor=None, target=email, detail=detail, request=request)


def _through(request: HttpRequest, user: User) -> str:
    """Say which other site the person came through; empty for a sign-in here, whatever the second factor was."""
    first = [step for step in get_authentication_records(request, user) if step["method"] != "mfa"]
    return f"through {first[-1]['through']}" if first and "through" in first[-1] else ""


def _teams_of(email: str) -> list[Team | None]:
    """Give the teams of an account; one empty place where there is none, so that both cases take the same work."""
    return list(Team.objects.filter(members__email=email)) or [None]
