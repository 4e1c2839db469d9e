"""Random secrets of one-time links, shared links and access tokens: shown once, stored as a hash only."""

from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe
from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

SECRET_BYTES = 32
Row = TypeVar("Row", bound=Model)


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


def find(rows: QuerySet[Row], secret: str, *columns: str) -> Row | None:
    """Find the row that has the secret's digest in one of the columns. The time tells nothing: digests are compared."""
    digest, condition = digest_of(secret), Q()
    for column in columns:
        condition |= Q(**{column: digest})
    return rows.filter(condition).first()


def unexpired() -> Q:
    return Q(expires_at__gt=timezone.now())


def revoke(rows: QuerySet[Row]) -> int:
    """Revoke those of the rows that are not revoked yet, and return how many."""
    return rows.filter(revoked_at=None).update(revoked_at=timezone.now())
