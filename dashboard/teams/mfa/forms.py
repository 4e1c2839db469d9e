"""The forms of second factors: allauth's, but a code works once and all malformed passkeys get one answer."""

from collections.abc import Callable
from typing import TypeVar

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.core import context
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, BaseAuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.limits import allow
from dashboard.secrets import KeyUnreadable
from dashboard.teams.account.sign_in_limits import try_code
from dashboard.teams.models import User

Cleaned = TypeVar("Cleaned")
MOST_PASSKEYS = 10
MOST_NAME = 60
MOST_CREDENTIAL = 16 * 1024
"""Characters that a browser may send for a new passkey, which is stored; real ones have about a thousand."""
STEP_SECONDS = 30
CODE_SECONDS = STEP_SECONDS * (2 * settings.MFA_TOTP_TOLERANCE + 1)
"""How long a code of an app works, including the tolerated steps before and after its own."""
# What the library raises for malformed passkey replies.
MALFORMED = (AttributeError, KeyError, TypeError, ValueError)
CODE_LABEL = gettext_lazy("Code from your app, or a recovery code")
CODE_LENGTH = 32


def _code_input() -> forms.TextInput:
    return forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"})


class CredentialField(forms.JSONField):
    """The browser's reply for a passkey, which may be anything."""

    widget = forms.HiddenInput

    def bound_data(self, data: object, initial: object) -> str:
        """Leave it out when the form is shown again: a reply is valid for one challenge."""
        return ""

    def to_python(self, value: object) -> object:  # type: ignore[override]  # typed as text, but it is JSON
        """Parse it. Raises `ValidationError` also for replies that are too long, too deep or have endless numbers."""
        try:
            if len(str(value)) <= MOST_CREDENTIAL:
                return super().to_python(value)
        except (RecursionError, ValueError):
            pass
        raise _no_match()


class CodeForm(AuthenticateForm):  # type: ignore[misc]  # allauth has no types
    code = forms.CharField(label=CODE_LABEL, max_length=CODE_LENGTH, widget=_code_input())

    def clean_code(self) -> str:
        clean = super().clean_code
        return _counted(self.user, lambda: _taken_once(self, clean))


class CodeAgainForm(ReauthenticateForm):  # type: ignore[misc]
    code = forms.CharField(label=CODE_LABEL, max_length=CODE_LENGTH, widget=_code_input())

    def clean_code(self) -> str:
        clean = super().clean_code
        return _counted(self.user, lambda: _taken_once(self, clean))


class NewAppForm(ActivateTOTPForm):  # type: ignore[misc]
    code = forms.CharField(label=gettext_lazy("Code shown in the app"), max_length=CODE_LENGTH, widget=_code_input())

    def clean_code(self) -> str:
        clean: Callable[[], str] = super().clean_code
        return _counted(self.user, clean)


class NewPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=MOST_NAME,
        required=False,
        help_text=gettext_lazy("To recognize it, for example “Laptop” or “Phone”."),
    )
    credential = CredentialField()
    # Each passkey here verifies its user, and is enough to sign in.
    passwordless = forms.BooleanField(initial=True, widget=forms.HiddenInput)

    def clean(self) -> dict[str, object]:
        if Authenticator.objects.filter(user=self.user, type=Authenticator.Type.WEBAUTHN).count() >= MOST_PASSKEYS:
            raise ValidationError(_("An account can have at most %(most)s passkeys.") % {"most": MOST_PASSKEYS})
        cleaned: dict[str, object] = _well_formed(super().clean)
        return cleaned


class RenameForm(EditWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(label=gettext_lazy("Name"), max_length=MOST_NAME)


class PasskeyForm(AuthenticateWebAuthnForm):  # type: ignore[misc]
    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        clean = super().clean_credential
        return _counted(self.user, lambda: _well_formed(clean))


class PasskeyAgainForm(ReauthenticateWebAuthnForm):  # type: ignore[misc]
    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        clean = super().clean_credential
        return _counted(self.user, lambda: _well_formed(clean))


class PasskeySignInForm(LoginWebAuthnForm):  # type: ignore[misc]
    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        return _well_formed(super().clean_credential)


def _counted(user: User, clean: Callable[[], Cleaned]) -> Cleaned:
    """Count each attempt before it is checked, and answer 429 if there were too many."""
    tried = try_code(context.request, user)
    if not tried:
        raise get_account_adapter().validation_error("too_many_login_attempts")
    cleaned = clean()
    tried.was_right()
    return cleaned


def _taken_once(form: BaseAuthenticateForm, clean: Callable[[], str]) -> str:
    """Refuse an app's code that was already used: someone who saw it being typed cannot use it."""
    try:
        code = clean()
    except KeyUnreadable:
        sentence = _("Your second factor can no longer be read. Ask the operator of this dashboard to remove it.")
        raise ValidationError(sentence) from None
    is_of_app = form.authenticator.type == Authenticator.Type.TOTP
    if is_of_app and not allow(f"code-used:{form.user.pk} {normalize_user_code(code)}", 1, CODE_SECONDS):
        raise get_adapter().validation_error("incorrect_code")
    return code


def _well_formed(clean: Callable[[], Cleaned]) -> Cleaned:
    """Read a passkey's reply. Raises the same `ValidationError` for anything wrong with it."""
    try:
        return clean()
    except (ValidationError, *MALFORMED):
        raise _no_match() from None


def _no_match() -> ValidationError:
    return ValidationError(_("This passkey was not accepted. It may belong to another account, or it took too long."))
