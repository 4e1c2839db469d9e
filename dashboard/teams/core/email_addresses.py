"""Email addresses in the form that is compared: ASCII letters in lower case, all other characters unchanged."""

import unicodedata
from string import ascii_lowercase, ascii_uppercase

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

TO_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def lower(email: str) -> str:
    """Lower only ASCII letters. `str.lower` also turns the KELVIN SIGN into `k`, which is another mailbox."""
    return email.strip().translate(TO_LOWER)


def folded(email: str) -> str:
    """Return an address in the form that is stored and compared.

    Raises `ValidationError` for one that Unicode case folding or NFKC changes: a database, a mail server or a library
    may take it for someone else's address.
    """
    plain = lower(email)
    if unicodedata.normalize("NFKC", plain).upper().casefold() != plain:
        raise ValidationError(validate_email.message, code="invalid")
    return plain


def can_be_mailed(email: str) -> None:
    """Refuse addresses that folding changes, and host names that mail cannot reach as written (RFC 3490).

    Some characters cannot be sent; others, such as zero-width spaces, are dropped, which gives another address.
    Raises `ValidationError`.
    """
    host = folded(email).rpartition("@")[2]
    try:
        is_kept = host.encode("idna").decode("idna") == host or host.isascii()
    except UnicodeError:
        is_kept = False
    if not is_kept:
        raise ValidationError(validate_email.message, code="invalid")
