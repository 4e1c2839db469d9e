"""Invitations to a team: one-time links that work for seven days and for one address.

The inviter sees one link. Another one is only mailed and shown to nobody, so only that one proves the address.
"""

import logging
from datetime import timedelta

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard import random_secrets
from dashboard.random_secrets import digest_of, new_secret
from dashboard.teams.checks import DUMMY_MAIL
from dashboard.teams.core import mail_limits
from dashboard.teams.core.audit import record
from dashboard.teams.core.create_account import add_account, prove
from dashboard.teams.core.email_addresses import folded
from dashboard.teams.models import AddressProof, EventKind, Invitation, Membership, Role, Team, User

log = logging.getLogger(__name__)

INVITATION_AGE = timedelta(days=7)
CONSOLE_MAIL = "django.core.mail.backends.console.EmailBackend"
MAIL = "teams/email/invitation"
MOST_OPEN = 100
"""Open invitations of one team: more than any team needs, few enough to bound the number of mails."""


class InvitationEnded(Exception):
    """The link is unknown, used, expired, revoked, or for another address. Which one is not revealed."""


class AddressUnproved(Exception):
    """The address of the account is not proved: another team's admin may have set its password."""


@transaction.atomic
def invite(
    team: Team, email: str, role: Role, *, actor: User, request: HttpRequest | None = None
) -> tuple[Invitation, str]:
    """Create an invitation, replacing an open one for the same address. Returns it with its token, which is not stored.

    Raises `ValidationError` if the user is already in the team, the team has `MOST_OPEN` open invitations, or
    `folded` refuses the address.
    """
    Team.objects.select_for_update().get(pk=team.pk)
    email = folded(email)
    if team.memberships.filter(user__email=email).exists():
        raise ValidationError(_("%(email)s is already in the team.") % {"email": email})
    random_secrets.revoke(team.invitations.pending().filter(email=email))
    if team.invitations.pending().count() >= MOST_OPEN:
        raise ValidationError(
            _("The team already has %(most)s open invitations. Revoke one first.") % {"most": MOST_OPEN}
        )
    token = new_secret()
    expires_at = timezone.now() + INVITATION_AGE
    invitation = Invitation.objects.create(
        team=team, email=email, role=role, token_hash=digest_of(token), made_by=actor, expires_at=expires_at
    )
    record(EventKind.INVITED, team=team, actor=actor, target=email, detail=role, request=request)
    return invitation, token


def find(token: str) -> Invitation:
    """Find the open invitation of a token. Raises `InvitationEnded`."""
    pending = Invitation.objects.pending().select_related("team")
    invitation = random_secrets.find(pending, token, "token_hash", "mailed_hash")
    if invitation is None:
        raise InvitationEnded
    return invitation


def proves_mailbox(invitation: Invitation, token: str) -> bool:
    """Whether this is the token that was only mailed."""
    return invitation.mailed_hash == digest_of(token)


@transaction.atomic
def accept(invitation: Invitation, user: User, *, request: HttpRequest | None = None) -> None:
    """Let the user with the invitation's address join, once; an existing role stays.

    Raises `InvitationEnded`, and `AddressUnproved` for an account that another team's admin may have created.
    """
    if user.email != invitation.email:
        raise InvitationEnded
    check_may_join(invitation, user)
    _join(invitation, user, request)


def check_may_join(invitation: Invitation, user: User) -> None:
    """Raise `AddressUnproved` unless the account's address is proved or it is already in the team."""
    if not (user.has_proved_address or invitation.team.memberships.filter(user=user).exists()):
        raise AddressUnproved


def _join(invitation: Invitation, user: User, request: HttpRequest | None) -> None:
    if not Invitation.objects.pending().filter(pk=invitation.pk).update(used_at=timezone.now()):
        raise InvitationEnded
    member, joined = Membership.objects.get_or_create(
        team=invitation.team, user=user, defaults={"role": invitation.role}
    )
    if joined:
        record(
            EventKind.JOINED, team=invitation.team, actor=user, target=user.email, detail=member.role, request=request
        )


def accept_as_newcomer(
    invitation: Invitation, password: str | None, *, proof: AddressProof, request: HttpRequest | None = None
) -> User:
    """Create the account for the invitation's address and join; without a password for a user who signs in with OIDC.

    Raises `InvitationEnded`, and `django.db.IntegrityError` if the address has got an account in the meantime.
    """
    password_hash = make_password(password)  # slow, so before the transaction
    with transaction.atomic():
        user = add_account(invitation.email, password_hash, proof=proof)
        _join(invitation, user, request)
    return user


def take_back(invitation: Invitation, user: User, password: str, *, request: HttpRequest | None = None) -> User:
    """Join with the mailed link and an account whose address was not proved; everything set before is revoked.

    Raises `InvitationEnded`.
    """
    password_hash = make_password(password)
    with transaction.atomic():
        if not prove(user, AddressProof.MAILBOX, actor=user, request=request):
            raise InvitationEnded
        user.password = password_hash
        user.save(update_fields=["password"])
        accept(invitation, user, request=request)
    return user


@transaction.atomic
def revoke(invitation: Invitation, *, actor: User, request: HttpRequest | None = None) -> None:
    """Revoke an open invitation; does nothing for any other."""
    if random_secrets.revoke(Invitation.objects.pending().filter(pk=invitation.pk)):
        kind = EventKind.INVITATION_REVOKED
        record(kind, team=invitation.team, actor=actor, target=invitation.email, request=request)


def link_of(token: str) -> str:
    """Return the invite link, an absolute URL under SITE_URL."""
    return f"{settings.SITE_URL}{reverse('invitation', args=[token])}"


def sends_mail() -> bool:
    """Whether mails reach people: the console backend only prints them."""
    return settings.EMAIL_BACKEND not in (DUMMY_MAIL, CONSOLE_MAIL)


def check_mails(team: Team, email: str, request: HttpRequest) -> None:
    """Refuse an invitation that could not be mailed now, because it would replace an earlier one that was.

    Raises `ValidationError`.
    """
    try:
        if sends_mail():
            mail_limits.check(MAIL, email, request, team.pk)
    except mail_limits.TooManyMails as refusal:
        raise ValidationError(str(refusal)) from None


def mail_link(invitation: Invitation) -> bool:
    """Mail a separate link where mail is set up. Returns whether it was sent."""
    if not sends_mail():
        return False
    token = new_secret()
    Invitation.objects.filter(pk=invitation.pk).update(mailed_hash=digest_of(token))
    try:
        context = {"invitation": invitation, "link": link_of(token)}
        get_adapter().send_mail(MAIL, invitation.email, context)
    except OSError as fault:
        log.warning("An invitation could not be mailed (%s).", type(fault).__name__)
        return False
    return True
