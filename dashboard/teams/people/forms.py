"""The forms of the people and audit pages."""

from django import forms
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.utils.translation import gettext_lazy as _

from dashboard.teams.core.email_addresses import can_be_mailed
from dashboard.teams.models import EventKind, Role, User


class InviteForm(forms.Form):
    email = forms.EmailField(
        label=_("Email"),
        max_length=254,
        validators=[can_be_mailed],
        widget=forms.EmailInput(attrs={"class": "field", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label=_("Role"), choices=Role.choices, initial=Role.VIEWER, widget=forms.Select(attrs={"class": "field"})
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class NewPasswordForm(forms.Form):
    """Choose the first password of a new account."""

    # Fixed by the link; shown to the user and to the browser's password manager.
    email = forms.EmailField(
        label=_("Email"), disabled=True, widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=password_validators_help_text_html,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, User(email=self.cleaned_data["email"]))
        return password


class AuditForm(forms.Form):
    """The filters of the audit."""

    kind = forms.ChoiceField(
        label=_("What"),
        choices=[("", _("Everything")), *EventKind.choices],
        required=False,
        widget=forms.Select(attrs={"class": "field"}),
    )
    person = forms.CharField(
        label=_("Person’s email"),
        max_length=254,
        required=False,
        widget=forms.TextInput(attrs={"class": "field", "type": "search"}),
    )

    def clean_person(self) -> str:
        person: str = self.cleaned_data["person"]
        return person.lower()


class SessionForm(forms.Form):
    """Which session to end."""

    session = forms.IntegerField(min_value=1, max_value=2**63 - 1)
