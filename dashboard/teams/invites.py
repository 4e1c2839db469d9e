"""One-time links that set a password: they die with the password that they set."""

from datetime import datetime, timedelta

from allauth.account.forms import EmailAwarePasswordResetTokenGenerator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse

from dashboard.teams.models import User

INVITATION_AGE = timedelta(days=7)


class InvitationTokens(EmailAwarePasswordResetTokenGenerator):  # type: ignore[misc]  # allauth has no types
    """Make tokens that the reset page takes for a week: they are dated ahead by what a reset's age falls short."""

    def _now(self) -> datetime:
        now: datetime = super()._now()
        return now + INVITATION_AGE - timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


def set_password_link(user: User) -> str:
    """Give an absolute address under SITE_URL where the person sets a password once, within seven days."""
    return reset_url(user_pk_to_url_str(user), InvitationTokens().make_token(user))


def reset_url(uid: str, token: str) -> str:
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
    return f"{settings.SITE_URL}{path}"
