"""One-time links that set a password: they die with the password that they set."""

from datetime import datetime, timedelta

from allauth.account.forms import EmailAwarePasswordResetTokenGenerator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse

from dashboard.teams.models import User

LINK_AGE = timedelta(days=7)


class PasswordLinkTokens(EmailAwarePasswordResetTokenGenerator):  # type: ignore[misc]  # allauth has no types
    """Make tokens that the reset page takes for a week: they are dated ahead by what a reset's age falls short."""

    def _now(self) -> datetime:
        now: datetime = super()._now()
        return now + LINK_AGE - timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


class NobodysTokens(PasswordResetTokenGenerator):
    """Do the work of a token without an account: as many queries, and no row of an address is made."""

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        addresses = EmailAddress.objects.filter(user_id=user.pk)
        known = addresses.filter(email=user.email).exists()
        value: str = super()._make_hash_value(user, timestamp)
        emails = addresses.values_list("email", flat=True)
        return value + "|".join(emails) + str(known)


def set_password_link(user: User) -> str:
    """Give an absolute address under SITE_URL where the person sets a password once, within seven days."""
    return reset_url(user_pk_to_url_str(user), PasswordLinkTokens().make_token(user))


def make_nobodys_link(email: str) -> None:
    """Take as long as a link for an account takes: how soon a form answers must not tell whether there is one."""
    nobody = User(pk=0, email=email)
    reset_url(user_pk_to_url_str(nobody), NobodysTokens().make_token(nobody))


def reset_url(uid: str, token: str) -> str:
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
    return f"{settings.SITE_URL}{path}"
