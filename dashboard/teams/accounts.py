"""How an account comes to be: by the operator's word, which stands for the proof of the address."""

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from dashboard.teams.models import User


def can_be_mailed(email: str) -> None:
    """Refuse a host name that mail cannot go to as it is written (RFC 3490). Raises `ValidationError`.

    Some signs have no form on the wire; others, such as blanks without width, vanish there, to another's address.
    """
    host = email.rpartition("@")[2].lower()
    try:
        is_kept = host.encode("idna").decode("idna") == host or host.isascii()
    except UnicodeError:
        is_kept = False
    if not is_kept:
        raise ValidationError(validate_email.message, code="invalid")


def create_account(email: str, password: str | None = None) -> User:
    """Create a user with a verified address. Without a password nobody can sign in until a link has set one.

    Hashes the password, which is slow: a transaction that holds locks calls `add_account` instead.
    """
    return add_account(email, make_password(password))


@transaction.atomic
def add_account(email: str, password_hash: str) -> User:
    """Create a user with a verified address and a password that `make_password` has hashed."""
    user = User.objects.create(email=email.strip().lower(), password=password_hash)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user
