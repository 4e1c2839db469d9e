"""How sign-in behaves here: no sign-up, URLs only from SITE_URL, 429 for limits."""

import logging
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.ratelimit import respond_429
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dashboard.http.client_address import address_of
from dashboard.teams.access.guard import was_recent
from dashboard.teams.account.password_links import make_nobodys_link, reset_url
from dashboard.teams.account.sign_in_limits import try_password
from dashboard.teams.core.email_addresses import can_be_mailed
from dashboard.teams.core.mail_limits import TooManyMails, take
from dashboard.teams.models import User
from dashboard.teams.oidc.linking import is_linked

log = logging.getLogger(__name__)

# No message for what the next page shows anyway.
UNSAID = (
    "account/messages/logged_in.txt",
    "account/messages/logged_out.txt",
    "mfa/messages/recovery_codes_generated.txt",
)
# Mails about changes of an account, to its owner.
NOTICES = {
    "account/email/email_changed": _("The email of your account was changed. You can no longer sign in with this one."),
    "account/email/password_changed": _("Your password was changed."),
    "account/email/password_reset": _("Your password was reset with a link sent to this email."),
    "account/email/password_set": _("A password was set for your account."),
    "mfa/email/recovery_codes_generated": _(
        "New recovery codes were created for your account. The old ones no longer work."
    ),
    "mfa/email/totp_activated": _("An authenticator app was added to your account."),
    "mfa/email/totp_deactivated": _("The authenticator app was removed from your account."),
    "mfa/email/webauthn_added": _("A passkey was added to your account."),
    "mfa/email/webauthn_removed": _("A passkey was removed from your account."),
    "socialaccount/email/account_connected": _("Sign-in through another site was linked to your account."),
    "socialaccount/email/account_disconnected": _("Sign-in through another site was unlinked from your account."),
}
UNKNOWN_ACCOUNT = "account/email/unknown_account"
RESETS = (UNKNOWN_ACCOUNT, "account/email/password_reset_key")
NO_ADDRESS = "0.0.0.0"  # noqa: S104  # shown in the list of sessions for a client on a Unix socket
LIMITS = ("rate_limited", "too_many_login_attempts")


@dataclass(frozen=True, slots=True)
class Site:
    """This site in mails: from SITE_URL, because the visitor controls the Host header."""

    domain: str
    name: str


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or NO_ADDRESS

    def is_safe_url(self, url: str | None) -> bool:
        """Accept only this host, and only https if the page is https."""
        request: HttpRequest = self.request
        hosts = {request.get_host()}
        return url_has_allowed_host_and_scheme(url, hosts, require_https=request.is_secure())

    def clean_email(self, email: str) -> str:
        can_be_mailed(email)
        cleaned: str = super().clean_email(email)
        return cleaned

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _, token = key.partition("-")
        return reset_url(uid, token)

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: object, **kwargs: object
    ) -> None:
        if message_template not in UNSAID:
            super().add_message(request, level, message_template, *args, **kwargs)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, object]) -> None:
        """Send one mail, of any kind. Raises `TooManyMails`, or answers 429 where nobody handles that."""
        try:
            invitation = context.get("invitation")
            take(template_prefix, email, self.request, getattr(invitation, "team_id", None))
        except TooManyMails:
            if template_prefix in RESETS:
                self._refuse(self.request)
            raise
        if template_prefix == UNKNOWN_ACCOUNT:
            make_nobodys_link(email)
        host = urlsplit(settings.SITE_URL).netloc
        super().send_mail(template_prefix, email, {"current_site": Site(host, host)} | context)

    def validation_error(self, code: str, *args: object) -> ValidationError:
        """Answer 429 where allauth would show the form again, so that scripts see the limit too."""
        if code in LIMITS:
            self._refuse(self.request)
        error: ValidationError = super().validation_error(code, *args)
        return error

    def authenticate(self, request: HttpRequest, **credentials: object) -> User | None:
        """Count each attempt before the password is checked."""
        tried = try_password(request, str(credentials.get("email", "")))
        if not tried:
            raise self.validation_error("too_many_login_attempts")
        user: User | None = super().authenticate(request, **credentials)
        if user is not None:
            tried.was_right()
        return user

    def is_reauthentication_required(self, *, app: str, **kwargs: object) -> bool:
        """Use the rule of all other forms here, not allauth's own."""
        return not was_recent(self.request, self.request.user)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, str]]:
        """Add the sign-in provider, so that users without a password can confirm there."""
        methods: list[dict[str, str]] = super().get_reauthentication_methods(user)
        if settings.OIDC_ISSUER and is_linked(user):
            said = gettext("Continue with %(name)s") % {"name": settings.OIDC_NAME}
            methods.append({"id": "oidc", "description": said, "url": reverse("oidc_confirm")})
        return methods

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, object] | None = None, email: str | None = None
    ) -> None:
        """Notify a user of a change of the account. A failing mail server does not undo the change."""
        try:
            self.send_mail("account/email/notice", email or user.email, {"notice": NOTICES[template_prefix]})
        except OSError as fault:
            log.warning("A notice about an account could not be mailed (%s).", type(fault).__name__)

    def _refuse(self, request: HttpRequest) -> NoReturn:
        raise ImmediateHttpResponse(respond_429(request)) from None
