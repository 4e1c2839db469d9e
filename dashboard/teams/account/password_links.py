"""One-time links that set a password; setting it makes them invalid."""

from datetime import timedelta

from allauth.account.forms import EmailAwarePasswordResetTokenGenerator, LoginForm, ResetPasswordForm, UserTokenForm
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse

from dashboard.teams.core.email_addresses import can_be_mailed
from dashboard.teams.models import User

LINK_AGE = timedelta(days=7)


class OperatorTokens(EmailAwarePasswordResetTokenGenerator):  # type: ignore[misc]  # allauth has no types
    """Tokens of the operator's links. They are dated ahead, so that they work for a week, longer than a reset."""

    key_salt = "dashboard.teams.account.password_links.OperatorTokens"

    def make_token(self, user: User) -> str:
        ahead = LINK_AGE - timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
        token: str = self._make_token_with_timestamp(user, self._num_seconds(self._now() + ahead), self.secret)
        return token


class LinkTokens(EmailAwarePasswordResetTokenGenerator):  # type: ignore[misc]
    """Accept tokens of mailed links and of the operator's links."""

    def check_token(self, user: User | None, token: str | None) -> bool:
        is_mailed: bool = super().check_token(user, token)
        return is_mailed or is_operators(user, token)


class LinkForm(UserTokenForm):  # type: ignore[misc]
    token_generator = LinkTokens()


class ResetForm(ResetPasswordForm):  # type: ignore[misc]
    """Ask for a mailed link. The address is checked as typed: allauth lowercases it, possibly to someone else's."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].validators.append(can_be_mailed)


class SignInForm(LoginForm):  # type: ignore[misc]
    """Sign in by password; the address is checked as in `ResetForm`."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].validators.append(can_be_mailed)


class NobodysTokens(PasswordResetTokenGenerator):
    """Do the work of a token without an account: the same number of queries, and no row is created."""

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        addresses = EmailAddress.objects.filter(user_id=user.pk)
        known = addresses.filter(email=user.email).exists()
        value: str = super()._make_hash_value(user, timestamp)
        emails = addresses.values_list("email", flat=True)
        return value + "|".join(emails) + str(known)


def set_password_link(user: User) -> str:
    """Return an absolute URL under SITE_URL where the user sets a password once, within seven days."""
    return reset_url(user_pk_to_url_str(user), OperatorTokens().make_token(user))


def is_operators(user: User | None, token: str | None) -> bool:
    """Whether a valid token is from a link printed for the operator, and not from a mail."""
    is_ours: bool = OperatorTokens().check_token(user, token)
    return is_ours


def make_nobodys_link(email: str) -> None:
    """Take as long as for an account: the time of the answer must not reveal whether there is one."""
    nobody = User(pk=0, email=email)
    reset_url(user_pk_to_url_str(nobody), NobodysTokens().make_token(nobody))


def reset_url(uid: str, token: str) -> str:
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
    return f"{settings.SITE_URL}{path}"
