"""The masked value and the encryption key ring: the only place where stored secrets are encrypted and decrypted."""

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
    """The stored key cannot be decrypted with the current key ring; it must be entered again."""


class KeyRingMissing(Exception):
    """API_KEY_ENCRYPTION_KEYS is not set, so nothing can be encrypted."""


class Secret:
    """A string that only `reveal()` returns.

    repr, str, format and tracebacks print a mask; json, pickle and copy refuse; it has no `__dict__`.
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
    """Check a key as entered: 1 to 256 printable ASCII characters without blanks, because it is sent in a header.

    Raises `ValidationError` with a sentence that does not repeat what was entered.
    """
    if not text:
        raise ValidationError(_("Enter the API key."), code="required")
    if text != text.strip():
        raise ValidationError(_("The key begins or ends with a space or a line break. Paste only the key."))
    if len(text) > MAX_KEY_LENGTH:
        raise ValidationError(_("A key has at most %(most)s characters.") % {"most": MAX_KEY_LENGTH})
    if not KEY_SIGNS.fullmatch(text):
        raise ValidationError(_("A key has only unaccented letters, digits and punctuation, without spaces."))
    return Secret(text)


@sensitive_variables()
def is_same(one: Secret, other: Secret) -> bool:
    """Compare two secrets in constant time."""
    return compare_digest(one.reveal().encode(), other.reveal().encode())


def last_signs(secret: Secret) -> str:
    """Return the last four characters of a key, for people; nothing if the key is so short that four reveal much."""
    text = secret.reveal()
    return text[-SHOWN_SIGNS:] if len(text) >= LEAST_TO_SHOW_SIGNS else ""


def seal_key(secret: Secret, *, team_pk: int) -> str:
    """Encrypt an API key with the newest key of the ring, bound to its team: for another team it cannot be decrypted.

    Raises `KeyRingMissing`.
    """
    return _seal(secret, "key", team_pk)


def open_key(sealed: str, *, team_pk: int) -> Secret:
    """Decrypt an API key. Raises `KeyUnreadable`: damaged, of another team, or the ring does not have its key."""
    return _open(sealed, "key", team_pk)


def seal_webhook_secret(secret: Secret, *, team_pk: int) -> str:
    """Encrypt the secret of a team's webhook, so that it cannot be used as an API key. Raises `KeyRingMissing`."""
    return _seal(secret, "webhook", team_pk)


def open_webhook_secret(sealed: str, *, team_pk: int) -> Secret:
    """Decrypt the output of `seal_webhook_secret`. Raises `KeyUnreadable` as `open_key` does."""
    return _open(sealed, "webhook", team_pk)


def _seal(secret: Secret, use: str, team_pk: int) -> str:
    ring = _ring()
    if ring is None:
        raise KeyRingMissing("API_KEY_ENCRYPTION_KEYS is not set; without it no secret can be stored")
    return ring.encrypt(json.dumps({"team": team_pk, use: secret.reveal()}).encode()).decode("ascii")


def _open(sealed: str, use: str, team_pk: int) -> Secret:
    opened = _unseal(sealed, use)
    if opened is None:
        # Outside of any handler: an exception inside one would have the decrypted text in its context.
        raise KeyUnreadable("the stored secret cannot be read; enter it again")
    sealed_for, secret = opened
    if sealed_for != team_pk:
        raise KeyUnreadable("the stored secret belongs to another team; enter it again")
    return secret


@sensitive_variables()
def seal_text(text: str) -> str:
    """Encrypt an account's secret, marked so that it cannot be used as an API key. Raises `KeyRingMissing`."""
    ring = _ring()
    if ring is None:
        raise KeyRingMissing("API_KEY_ENCRYPTION_KEYS is not set; without it no second factor can be stored")
    return ring.encrypt(json.dumps({"text": text}).encode()).decode("ascii")


@sensitive_variables()
def open_text(sealed: str) -> str:
    """Decrypt the output of `seal_text`. Raises `KeyUnreadable`."""
    ring = _ring()
    if ring is not None:
        try:
            text: str = json.loads(ring.decrypt(sealed.encode()))["text"]
            return text
        except (InvalidToken, ValueError, KeyError):
            pass
    raise KeyUnreadable("the stored second factor cannot be read; it must be set up again")


def reseal(sealed: str) -> str | None:
    """Encrypt again with the newest key of the ring; None if it already is.

    Raises `KeyUnreadable` if no key of the ring decrypts it, `KeyRingMissing` without a ring.
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
def _unseal(sealed: str, use: str) -> tuple[int, Secret] | None:
    ring = _ring()
    if ring is None:
        return None
    try:
        payload = json.loads(ring.decrypt(sealed.encode()))
        return payload["team"], Secret(payload[use])
    except (InvalidToken, ValueError, KeyError, TypeError):
        return None


def _ring() -> MultiFernet | None:
    keys = [Fernet(key) for key in settings.API_KEY_ENCRYPTION_KEYS]
    return MultiFernet(keys) if keys else None
