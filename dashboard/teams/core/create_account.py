"""Create accounts, and record how their address was proved to belong to the user.

`User.address_proof` says how the address was proved. `verified` of allauth's `EmailAddress` does not: it is set for
every account, because allauth requires it for a second factor.
"""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.dispatch import Signal
from django.http import HttpRequest

from dashboard import random_secrets
from dashboard.teams.account.audit_signals import record_for
from dashboard.teams.core.audit import Actor
from dashboard.teams.core.email_addresses import folded
from dashboard.teams.mfa.adapter import end_sessions
from dashboard.teams.models import AccessToken, AddressProof, EventKind, Invitation, User

address_proved = Signal()
"""Sent with `user` when a proof revokes what was set before; receivers revoke what they keep for the account."""


def create_account(email: str, password: str | None = None, *, proof: AddressProof = AddressProof.OPERATOR) -> User:
    """Create a user. Without a password nobody can sign in until one is set with a link.

    Hashing the password is slow: a transaction that holds locks calls `add_account` instead.
    """
    return add_account(email, make_password(password), proof=proof)


@transaction.atomic
def add_account(email: str, password_hash: str, *, proof: AddressProof = AddressProof.OPERATOR) -> User:
    """Create a user with a password that `make_password` has hashed. Raises `ValidationError`: see `folded`."""
    user = User.objects.create(email=folded(email), password=password_hash, address_proof=proof)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@transaction.atomic
def prove(user: User, how: AddressProof, *, actor: Actor, request: HttpRequest | None = None) -> bool:
    """Record how an unproved address was proved, and revoke everything set before, as someone else may have set it.

    That is the password, second factors, tokens, shared links, open invitations and all sessions except that of
    `request`. Returns False and changes nothing if the address was already proved.
    """
    if not User.objects.filter(pk=user.pk, address_proof=AddressProof.NONE).update(address_proof=how):
        user.refresh_from_db(fields=["address_proof"])
        return False
    user.address_proof = how
    user.set_unusable_password()  # which also ends one-time links and every session
    user.save(update_fields=["password"])
    Authenticator.objects.filter(user=user).delete()
    random_secrets.revoke(AccessToken.objects.filter(maker__user=user))
    random_secrets.revoke(Invitation.objects.filter(made_by=user, used_at=None))
    address_proved.send(User, user=user)
    end_sessions(user, kept=request.session.session_key if request else None)
    record_for(user, EventKind.ADDRESS_PROVED, actor=actor, detail=how.value, request=request)
    return True
