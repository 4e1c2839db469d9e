"""Random secrets of one-time links, shared links and access tokens: shown once, stored as a hash only."""

from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe

SECRET_BYTES = 32


def new_secret() -> str:
    return token_urlsafe(SECRET_BYTES)


def digest_of(secret: str) -> str:
    """Hash a secret. Plain SHA-256 is enough: nobody can guess 256 random bits.

    What a visitor sends may hold any character, also half of a surrogate pair.
    """
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_secret(digest: str, secret: str) -> bool:
    """Compare in a time that does not depend on where the two differ."""
    return compare_digest(digest, digest_of(secret))
