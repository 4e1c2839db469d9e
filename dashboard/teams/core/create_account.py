"""How an account comes to be, and what shows that its address belongs to the person who uses it.

`User.address_proof` says how the address was proved. `verified` of allauth's `EmailAddress` does not: it is set for
every account, as allauth lets nobody add a second factor without it.
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
"""Sent with `user` when a proof ends what was set before; receivers end what they keep for the account."""


def create_account(email: str, password: str | None = None, *, proof: AddressProof = AddressProof.OPERATOR) -> User:
    """Create a user. Without a password nobody can sign in until a link has set one.

    Hashes the password, which is slow: a transaction that holds locks calls `add_account` instead.
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
    """Note how an unproved address was proved, and end all that was set before: it may be another person's.

    The password, second factors, tokens, shared links, open invitations and sessions end, but for the session of
    `request`. Gives False, and changes nothing, where the address was proved already.
    """
    if not User.objects.filter(pk=user.pk, address_proof=AddressProof.NONE).update(address_proof=how):
        user.refresh_from_db(fields=["address_proof"])
        return False
    user.address_proof = how
    user.set_unusable_password()  # with it end one-time links and every session
    user.save(update_fields=["password"])
    Authenticator.objects.filter(user=user).delete()
    random_secrets.revoke(AccessToken.objects.filter(maker__user=user))
    random_secrets.revoke(Invitation.objects.filter(made_by=user, used_at=None))
    address_proved.send(User, user=user)
    end_sessions(user, kept=request.session.session_key if request else None)
    record_for(user, EventKind.ADDRESS_PROVED, actor=actor, detail=how.value, request=request)
    return True
