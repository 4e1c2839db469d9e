"""How an account comes to be: by the operator's word, which stands for the proof of the address."""

from allauth.account.models import EmailAddress
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


@transaction.atomic
def create_account(email: str, password: str | None = None) -> User:
    """Make a person with a verified address. Without a password nobody can sign in until a link has set one."""
    user = User.objects.create_user(email, password)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user
