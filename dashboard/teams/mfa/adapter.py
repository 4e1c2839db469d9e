"""The second proof of who someone is: which there are, how their secrets are kept, and how they are named."""

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
"""What counts as a second factor; recovery codes only stand in for one."""
VOUCHED = "second_factor_vouched"
"""Set in a session whose sign-in came through another site that says it asked for a second factor."""


def has_second_factor(request: HttpRequest, user: User) -> bool:
    """Whether the person has one here, or came in through a site that vouches for one."""
    return bool(request.session.get(VOUCHED)) or Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def is_secured(person: str) -> Exists:
    """Annotate rows with whether a person has a second factor here. `person` leads from the row to the person."""
    return Exists(Authenticator.objects.filter(user=OuterRef(person), type__in=FACTORS))


def remove_all(user: User) -> int:
    """Take away every second factor and recovery code and end every session; gives how many factors there were."""
    count: int = Authenticator.objects.filter(user=user, type__in=FACTORS).count()
    Authenticator.objects.filter(user=user).delete()
    end_sessions(user)
    return count


def end_sessions(user: User, *, kept: str | None = None) -> None:
    """End the person's sessions, but for the one with the key `kept`."""
    for session in UserSession.objects.filter(user=user).exclude(session_key=kept or ""):
        session.end()


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    def encrypt(self, text: str) -> str:
        return seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        return open_text(encrypted_text)

    def get_totp_issuer(self) -> str:
        return _("Snapshots at %(host)s") % {"host": settings.SITE_HOST}

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Name this site to a passkey by SITE_URL, as the Host header is the visitor's to choose."""
        return {"id": settings.SITE_HOST, "name": self.get_totp_issuer()}

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        count: int = Authenticator.objects.filter(user=user, type=type).count()
        return _("Passkey %(number)s") % {"number": count + 1}
