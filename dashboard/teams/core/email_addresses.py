"""Emailes as they are compared: ASCII letters without regard to case, every other sign as it is."""

import unicodedata
from string import ascii_lowercase, ascii_uppercase

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

TO_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def lower(email: str) -> str:
    """Lower the ASCII letters alone. `str.lower` also makes a `k` of the KELVIN SIGN, which is another mailbox."""
    return email.strip().translate(TO_LOWER)


def folded(email: str) -> str:
    """Give an address as it is stored and compared.

    Raises `ValidationError` for one that Unicode's folding or NFKC changes: a database, a mail server or a library may
    take it for the address of somebody else.
    """
    plain = lower(email)
    if unicodedata.normalize("NFKC", plain).upper().casefold() != plain:
        raise ValidationError(validate_email.message, code="invalid")
    return plain


def can_be_mailed(email: str) -> None:
    """Refuse what folding changes, and a host name that mail cannot go to as it is written (RFC 3490).

    Some characters have no form on the wire; others, such as blanks without width, vanish there, to another's address.
    Raises `ValidationError`.
    """
    host = folded(email).rpartition("@")[2]
    try:
        is_kept = host.encode("idna").decode("idna") == host or host.isascii()
    except UnicodeError:
        is_kept = False
    if not is_kept:
        raise ValidationError(validate_email.message, code="invalid")
