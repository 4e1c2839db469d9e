"""Changing the address of an account: the new one is proved by a link sent to it, the old one is told."""

from datetime import timedelta

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse

from dashboard.teams.account_events import record_for
from dashboard.teams.checks import DUMMY_MAIL
from dashboard.teams.invitations import CONSOLE_MAIL
from dashboard.teams.models import EventKind, User

SALT = "dashboard.teams.email_change"
LINK_AGE = timedelta(hours=3)


class EmailChangeEnded(Exception):
    """The link is forged, too old, used, of another account, or its address has an account by now."""


def sends_mail() -> bool:
    """Whether mails reach people; a console is nobody's mailbox."""
    return settings.EMAIL_BACKEND not in (DUMMY_MAIL, CONSOLE_MAIL)


def offer(user: User, email: str) -> None:
    """Mail the link to the new address; whoever has an account there is told so instead, and the asker learns nothing.

    Raises `OSError` where the mail cannot be handed over.
    """
    if User.objects.filter(email__iexact=email).exists():
        get_adapter().send_mail("account/email/address_taken", email, {})
        return
    token = signing.dumps({"user": user.pk, "from": user.email, "to": email}, salt=SALT)
    link = f"{settings.SITE_URL}{reverse('account_confirm_email_change', args=[token])}"
    get_adapter().send_mail("account/email/address_confirm", email, {"link": link, "old": user.email})


def read(token: str, user: User) -> str:
    """Give the new address that a link stands for. Raises `EmailChangeEnded`."""
    try:
        offered = signing.loads(token, salt=SALT, max_age=LINK_AGE)
    except signing.BadSignature:
        raise EmailChangeEnded from None
    if (offered["user"], offered["from"]) != (user.pk, user.email):
        raise EmailChangeEnded
    email: str = offered["to"]
    return email


@transaction.atomic
def change(user: User, email: str, *, actor: User | None, request: HttpRequest | None = None) -> None:
    """Give an account its new, proved address. Raises `EmailChangeEnded` when another account has it."""
    old = user.email
    try:
        with transaction.atomic():
            User.objects.filter(pk=user.pk).update(email=email)
            EmailAddress.objects.filter(user=user).delete()
            EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    except IntegrityError:
        raise EmailChangeEnded from None
    user.email = email
    record_for(user, EventKind.EMAIL_CHANGED, actor=actor, detail=f"{old} → {email}", request=request)
