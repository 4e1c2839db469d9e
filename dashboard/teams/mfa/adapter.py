"""Second factors: which there are, how their secrets are stored, and what they are called."""

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils.translation import gettext as _

from dashboard.secrets import open_text, seal_text
from dashboard.teams.models import User

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""What counts as a second factor; recovery codes only replace one."""
VOUCHED = "second_factor_vouched"
"""Set in a session that was opened through another site which asked for a second factor."""


def has_second_factor(request: HttpRequest, user: User) -> bool:
    """Whether the user has one here, or signed in through a site that asked for one."""
    return bool(request.session.get(VOUCHED)) or Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def is_secured(person: str) -> Exists:
    """Annotate rows with whether a user has a second factor here. `person` is the path from the row to the user."""
    return Exists(Authenticator.objects.filter(user=OuterRef(person), type__in=FACTORS))


def remove_all(user: User) -> int:
    """Remove every second factor and recovery code and end every session. Returns the number of factors."""
    count: int = Authenticator.objects.filter(user=user, type__in=FACTORS).count()
    Authenticator.objects.filter(user=user).delete()
    end_sessions(user)
    return count


def end_sessions(user: User, *, kept: str | None = None) -> None:
    """End the user's sessions, except the one with the key `kept`."""
    for session in UserSession.objects.filter(user=user).exclude(session_key=kept or ""):
        session.end()


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    def encrypt(self, text: str) -> str:
        return seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        return open_text(encrypted_text)

    def build_totp_svg(self, url: str) -> str:
        """No second one: the page draws its own, and each takes a tenth of a second."""
        return ""

    def get_totp_issuer(self) -> str:
        return _("Snapshots at %(host)s") % {"host": settings.SITE_HOST}

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Name this site to passkeys by SITE_URL, because the visitor controls the Host header."""
        return {"id": settings.SITE_HOST, "name": self.get_totp_issuer()}

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        count: int = Authenticator.objects.filter(user=user, type=type).count()
        return _("Passkey %(number)s") % {"number": count + 1}
