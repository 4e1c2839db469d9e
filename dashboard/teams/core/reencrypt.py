"""Rotate the encryption key: encrypt every stored secret with the newest key of the ring.

It can be stopped and started again at any time: each row is changed separately, and only if it still is as it was read,
so a key that was replaced in between is not restored. Key and generation stay the same, so no running sync is refused.
"""

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db.models import Model, QuerySet

from dashboard.secrets import KeyUnreadable, reseal

COLUMN = "sealed"
"""Each table with a column of this name has one secret in each row: API keys, and those of webhooks."""
SEALED_PARTS = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}
"""Which part of a second factor is encrypted; a passkey holds nothing secret."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many keys were re-encrypted, were already current, and cannot be read with any key of the ring."""

    changed: int = 0
    current: int = 0
    unreadable: int = 0


def rotate_keys() -> Rotated:
    """Re-encrypt everything that uses an older key of the ring. Raises `KeyRingMissing`."""
    models = [model for model in apps.get_models() if any(field.name == COLUMN for field in model._meta.fields)]
    ends = [_rotate(model, pk) for model in models for pk in _sealed(model).values_list("pk", flat=True)]
    factors = Authenticator.objects.filter(type__in=SEALED_PARTS).values_list("pk", flat=True)
    ends += [_rotate_factor(pk) for pk in factors]
    return Rotated(ends.count("changed"), ends.count("current"), ends.count("unreadable"))


def _sealed(model: type[Model]) -> QuerySet[Model]:
    return model._default_manager.exclude(sealed="")


def _rotate(model: type[Model], pk: int) -> str:
    """Change one row, and retry as long as others change it; "gone" if it was deleted in between."""
    while sealed := _sealed(model).filter(pk=pk).values_list("sealed", flat=True).first():
        try:
            sealed_again = reseal(sealed)
        except KeyUnreadable:
            return "unreadable"
        if sealed_again is None:
            return "current"
        if _sealed(model).filter(pk=pk, sealed=sealed).update(sealed=sealed_again):
            return "changed"
    return "gone"


def _rotate_factor(pk: int) -> str:
    """Do the same for a second factor, whose secret is part of its JSON."""
    while factor := Authenticator.objects.filter(pk=pk).first():
        part = SEALED_PARTS[factor.type]
        try:
            sealed_again = reseal(factor.data[part])
        except KeyUnreadable:
            return "unreadable"
        if sealed_again is None:
            return "current"
        if Authenticator.objects.filter(pk=pk, data=factor.data).update(data=factor.data | {part: sealed_again}):
            return "changed"
    return "gone"
