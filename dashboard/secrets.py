"""The masked value and the encryption key ring: the one place where a provider key is sealed and opened."""

import json
import re
from hmac import compare_digest
from typing import NoReturn

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

MASK = "••••"
MAX_KEY_LENGTH = 256
LEAST_TO_SHOW_SIGNS = 20
SHOWN_SIGNS = 4
KEY_SIGNS = re.compile(r"[\x21-\x7e]+")


class KeyUnreadable(Exception):
    """The stored key cannot be opened with the present key ring; it must be entered again."""


class KeyRingMissing(Exception):
    """API_KEY_ENCRYPTION_KEYS is not set, so nothing can be sealed."""


class Secret:
    """A string that shows itself only to `reveal()`.

    repr, str, format and tracebacks print a mask; json, pickle and copy refuse; it has no `__dict__` to look into.
    """

    __slots__ = ("_reveal",)

    def __init__(self, value: str) -> None:
        def reveal() -> str:
            return value

        self._reveal = reveal

    def reveal(self) -> str:
        return self._reveal()

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("a Secret cannot be compared")

    __hash__ = None  # type: ignore[assignment]


@sensitive_variables()
def clean_api_key(text: str) -> Secret:
    """Take a key as entered: 1 to 256 printable ASCII signs without blanks, as it travels in a header.

    Raises `ValidationError` with a sentence that does not repeat what was entered.
    """
    if not text:
        raise ValidationError(_("Enter the API key."), code="required")
    if text != text.strip():
        raise ValidationError(_("The key begins or ends with a blank or a line break. Paste the key alone."))
    if len(text) > MAX_KEY_LENGTH:
        raise ValidationError(_("A key has at most %(most)s signs.") % {"most": MAX_KEY_LENGTH})
    if not KEY_SIGNS.fullmatch(text):
        raise ValidationError(_("A key has unaccented letters, digits and signs only, without blanks or line breaks."))
    return Secret(text)


@sensitive_variables()
def is_same(one: Secret, other: Secret) -> bool:
    """Compare two secrets in constant time."""
    return compare_digest(one.reveal().encode(), other.reveal().encode())


def last_signs(secret: Secret) -> str:
    """Give what people tell a key by: its last four signs, nothing of a key so short that four would tell much."""
    text = secret.reveal()
    return text[-SHOWN_SIGNS:] if len(text) >= LEAST_TO_SHOW_SIGNS else ""


def seal_key(secret: Secret, *, team_pk: int) -> str:
    """Encrypt a provider key with the newest key of the ring, bound to its team: a copied row opens nowhere else.

    Raises `KeyRingMissing`.
    """
    ring = _ring()
    if ring is None:
        raise KeyRingMissing("API_KEY_ENCRYPTION_KEYS is not set; without it no API key can be stored")
    return ring.encrypt(json.dumps({"team": team_pk, "key": secret.reveal()}).encode()).decode("ascii")


def open_key(sealed: str, *, team_pk: int) -> Secret:
    """Decrypt a provider key. Raises `KeyUnreadable`: damaged, sealed for another team, or the ring lost its key."""
    opened = _unseal(sealed)
    if opened is None:
        # Outside of any handler: an exception in between would carry the decrypted text along as its context.
        raise KeyUnreadable("the stored API key cannot be read; enter it again")
    sealed_for, secret = opened
    if sealed_for != team_pk:
        raise KeyUnreadable("the stored API key belongs to another team; enter it again")
    return secret


@sensitive_variables()
def seal_text(text: str) -> str:
    """Encrypt a secret of an account, marked so that it never passes for a provider key. Raises `KeyRingMissing`."""
    ring = _ring()
    if ring is None:
        raise KeyRingMissing("API_KEY_ENCRYPTION_KEYS is not set; without it no second factor can be stored")
    return ring.encrypt(json.dumps({"text": text}).encode()).decode("ascii")


@sensitive_variables()
def open_text(sealed: str) -> str:
    """Decrypt what `seal_text` made. Raises `KeyUnreadable`."""
    ring = _ring()
    if ring is not None:
        try:
            text: str = json.loads(ring.decrypt(sealed.encode()))["text"]
            return text
        except (InvalidToken, ValueError, KeyError):
            pass
    raise KeyUnreadable("the stored second factor cannot be read; it must be set up again")


def reseal(sealed: str) -> str | None:
    """Encrypt anew with the newest key of the ring; None where that is what it is encrypted with.

    Raises `KeyUnreadable` when no key of the ring opens it, `KeyRingMissing` without a ring.
    """
    ring = _ring()
    if ring is None:
        raise KeyRingMissing("API_KEY_ENCRYPTION_KEYS is not set; without it no API key can be read")
    if _opens(Fernet(settings.API_KEY_ENCRYPTION_KEYS[0]), sealed):
        return None
    if not _opens(ring, sealed):
        raise KeyUnreadable("the stored API key cannot be read; enter it again")
    return ring.rotate(sealed.encode()).decode("ascii")


@sensitive_variables()
def _opens(ring: Fernet | MultiFernet, sealed: str) -> bool:
    try:
        ring.decrypt(sealed.encode())
    except (InvalidToken, ValueError):
        return False
    return True


@sensitive_variables()
def _unseal(sealed: str) -> tuple[int, Secret] | None:
    ring = _ring()
    if ring is None:
        return None
    try:
        payload = json.loads(ring.decrypt(sealed.encode()))
        return payload["team"], Secret(payload["key"])
    except (InvalidToken, ValueError, KeyError, TypeError):
        return None


def _ring() -> MultiFernet | None:
    keys = [Fernet(key) for key in settings.API_KEY_ENCRYPTION_KEYS]
    return MultiFernet(keys) if keys else None
