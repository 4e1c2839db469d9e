"""Rotation of the encryption key: every stored secret encrypted anew with the newest key of the ring.

It may be stopped and started again at any moment: each row is changed by itself, and only from what was read of it, so
that a key replaced meanwhile is never put back. The key inside stays, its generation too: nothing under way is refused.
"""

from dataclasses import dataclass

from allauth.mfa.models import Authenticator

from dashboard.secrets import KeyUnreadable, reseal
from dashboard.teams.models import ApiKey, PendingKey

KEY_MODELS: tuple[type[ApiKey] | type[PendingKey], ...] = (ApiKey, PendingKey)
SEALED_PARTS = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}
"""Which part of a second factor is encrypted; a passkey holds nothing secret."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many keys were encrypted anew, were already, and can be read with no key of the ring."""

    changed: int = 0
    current: int = 0
    unreadable: int = 0


def rotate_keys() -> Rotated:
    """Encrypt what is not yet encrypted with the newest key of the ring. Raises `KeyRingMissing`."""
    ends = [_rotate(model, pk) for model in KEY_MODELS for pk in model.objects.values_list("pk", flat=True)]
    factors = Authenticator.objects.filter(type__in=SEALED_PARTS).values_list("pk", flat=True)
    ends += [_rotate_factor(pk) for pk in factors]
    return Rotated(ends.count("changed"), ends.count("current"), ends.count("unreadable"))


def _rotate(model: type[ApiKey] | type[PendingKey], pk: int) -> str:
    """Change one row, looking again for as long as others change it; "gone" if it was deleted meanwhile."""
    while sealed := model.objects.filter(pk=pk).values_list("sealed", flat=True).first():
        try:
            anew = reseal(sealed)
        except KeyUnreadable:
            return "unreadable"
        if anew is None:
            return "current"
        if model.objects.filter(pk=pk, sealed=sealed).update(sealed=anew):
            return "changed"
    return "gone"


def _rotate_factor(pk: int) -> str:
    """Do the same with a second factor, whose secret is a part of its JSON."""
    while factor := Authenticator.objects.filter(pk=pk).first():
        part = SEALED_PARTS[factor.type]
        try:
            anew = reseal(factor.data[part])
        except KeyUnreadable:
            return "unreadable"
        if anew is None:
            return "current"
        if Authenticator.objects.filter(pk=pk, data=factor.data).update(data=factor.data | {part: anew}):
            return "changed"
    return "gone"
