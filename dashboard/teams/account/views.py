"""The pages of the user's own account: name and email. Password, second factor and sessions have their own modules."""

import logging

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.views import PasswordResetFromKeyView
from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from dashboard.teams.access.guard import SignedInRequest
from dashboard.teams.account.email_change import EmailChangeEnded, change, offer, read
from dashboard.teams.account.password_links import is_operators
from dashboard.teams.core.create_account import prove
from dashboard.teams.core.email_addresses import can_be_mailed, folded
from dashboard.teams.core.mail_limits import TooManyMails
from dashboard.teams.models import AddressProof, User
from dashboard.teams.people.invitations import sends_mail

log = logging.getLogger(__name__)
GET_OR_POST = ["GET", "HEAD", "POST"]


class NameForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has it without parameters
    class Meta:
        model = User
        fields = ("name",)
        help_texts = {"name": gettext_lazy("Your teams see it next to your email. Optional.")}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}


class NewEmailForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("New email"),
        max_length=254,
        validators=[can_be_mailed],
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return folded(email)


@require_http_methods(GET_OR_POST)
def home(request: SignedInRequest) -> HttpResponse:
    """Show the account; the form changes the name."""
    form = NameForm(request.POST if request.method == "POST" else None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Name saved."))
        return HttpResponseRedirect(reverse("account_home"))
    return render(request, "account/start.html", {"form": form, "sends_mail": sends_mail()})


@require_http_methods(GET_OR_POST)
def change_email(request: SignedInRequest) -> HttpResponse:
    """Take a new address and send a link to it. Without a mail server nobody can prove one, and the page says so."""
    form = NewEmailForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "sends_mail": sends_mail()}
    if not (context["sends_mail"] and form.is_valid()):
        return render(request, "account/change_email.html", context)
    email = form.cleaned_data["email"]
    try:
        offer(request.user, email)
    except TooManyMails as refusal:
        form.add_error("email", str(refusal))
        return render(request, "account/change_email.html", context)
    except OSError as fault:
        log.warning("A link to change an address could not be mailed (%s).", type(fault).__name__)
        form.add_error("email", _("The email could not be sent. Try again later."))
        return render(request, "account/change_email.html", context)
    said = _("We sent a link to %(email)s. Nothing changes until you open it.")
    messages.success(request, said % {"email": email})
    return HttpResponseRedirect(reverse("account_home"))


@require_http_methods(GET_OR_POST)
def confirm_email(request: SignedInRequest, token: str) -> HttpResponse:
    """Take the link: ask first, then change the email and notify the old address."""
    old = request.user.email
    try:
        email = read(token, request.user)
        if request.method != "POST":
            return render(request, "account/confirm_email.html", {"email": email})
        was_proved = request.user.has_proved_address
        change(request.user, email, actor=request.user, request=request)
    except EmailChangeEnded:
        return render(request, "account/confirm_email.html", {"ended": True})
    get_adapter().send_notification_mail("account/email/email_changed", request.user, email=old)
    messages.success(request, _("Your email is now %(email)s. Sign in with it.") % {"email": email})
    if was_proved:
        return HttpResponseRedirect(reverse("account_home"))
    return _choose_password(request)


def _choose_password(request: SignedInRequest) -> HttpResponse:
    """Keep this session, which has just opened the mailed link, and ask for a new password."""
    update_session_auth_hash(request, request.user)
    record_authentication(request, request.user, method="mailed_link", email=request.user.email)
    return HttpResponseRedirect(reverse("account_set_password"))


class SetPasswordByLink(PasswordResetFromKeyView):  # type: ignore[misc]  # allauth has no types
    """Set a password with a one-time link, which also proves the address."""

    def form_valid(self, form: forms.Form) -> HttpResponseBase:
        how = AddressProof.OPERATOR if is_operators(self.reset_user, self.key) else AddressProof.MAILBOX
        if prove(self.reset_user, how, actor=self.reset_user, request=self.request):
            messages.info(self.request, _("Your email is now proved. Earlier passwords and sign-ins no longer work."))
        response: HttpResponseBase = super().form_valid(form)
        return response
