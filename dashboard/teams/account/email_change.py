"""Change the email of an account: a link proves the new address, and a mail notifies the old one."""

from datetime import timedelta

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse

from dashboard.teams.account.audit_signals import record_for
from dashboard.teams.core.audit import OPERATOR, Actor
from dashboard.teams.core.create_account import prove
from dashboard.teams.models import AddressProof, EventKind, User

SALT = "dashboard.teams.account.email_change"
LINK_AGE = timedelta(hours=3)


class EmailChangeEnded(Exception):
    """The link is forged, too old, already used, for another account, or its address now has an account."""


def offer(user: User, email: str) -> None:
    """Mail the link to the new address. If that has an account, its owner gets a note; the requester cannot tell.

    Raises `OSError` if the mail cannot be sent.
    """
    if User.objects.by_address(email):
        get_adapter().send_mail("account/email/address_taken", email, {})
        return
    token = signing.dumps({"user": user.pk, "from": user.email, "to": email}, salt=_salt(user))
    link = f"{settings.SITE_URL}{reverse('account_confirm_email_change', args=[token])}"
    get_adapter().send_mail("account/email/address_confirm", email, {"link": link, "old": user.email})


def read(token: str, user: User) -> str:
    """Return the new address of a link. Raises `EmailChangeEnded`."""
    try:
        offered = signing.loads(token, salt=_salt(user), max_age=LINK_AGE)
    except signing.BadSignature:
        raise EmailChangeEnded from None
    if (offered["user"], offered["from"]) != (user.pk, user.email):
        raise EmailChangeEnded
    email: str = offered["to"]
    return email


@transaction.atomic
def change(user: User, email: str, *, actor: Actor, request: HttpRequest | None = None) -> None:
    """Change the email of an account; it is proved by a mailed link, or by the operator if that is the actor.

    If the old one was not proved, all set before is revoked. Raises `EmailChangeEnded` if the new one is taken.
    """
    old = user.email
    how = AddressProof.OPERATOR if actor == OPERATOR else AddressProof.MAILBOX
    try:
        with transaction.atomic():
            # The old address was proved, or the password changed, a moment ago: the change is no longer valid.
            if not User.objects.filter(pk=user.pk, email=old, password=user.password).update(email=email):
                raise EmailChangeEnded
            EmailAddress.objects.filter(user=user).delete()
            EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    except IntegrityError:
        raise EmailChangeEnded from None
    user.email = email
    if not prove(user, how, actor=actor, request=request):
        User.objects.filter(pk=user.pk).update(address_proof=how)
    record_for(user, EventKind.EMAIL_CHANGED, actor=actor, detail=f"{old} → {email}", request=request)


def _salt(user: User) -> str:
    """Bind a link to the password: a change that began before the password changed is no longer valid."""
    return f"{SALT}:{user.get_session_auth_hash()}"
