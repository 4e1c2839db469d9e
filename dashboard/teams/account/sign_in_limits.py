"""Limits of sign-in attempts: nobody can guess a password or code, and nobody can lock someone else out.

A browser that signed in to the account before, or has a session of it, has its own limit. All others share the
account's limit, and each client has one for all accounts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_urlsafe
from unicodedata import normalize

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core import signing
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

from dashboard.http.client_address import network_of
from dashboard.limits import Use, allow, clear
from dashboard.teams.models import User

WRONG, WRONG_SECONDS = 5, 5 * 60
"""Wrong passwords, and as many wrong codes, for one account: from all unknown browsers or from one known browser."""
WRONG_OF_CLIENT, TRIES_OF_CLIENT, CLIENT_SECONDS = 10, 30, 60
"""Wrong passwords, and attempts of any kind, of one client for all accounts that do not know it."""

# View -> how many forms one client, user or session may send to it per minute.
FORMS = {
    "account_reset_password": ("client", 20),
    "account_reset_password_from_key": ("client", 20),
    "invitation": ("client", 30),
    "setup": ("client", 30),
    "mfa_login_webauthn": ("client", 30),  # each sign-in sends two: for a challenge, and with the answer
    "oidc_start": ("client", 30),
    "account_change_password": ("session", 5),
    "account_set_password": ("session", 5),
    "account_reauthenticate": ("session", 10),
    "account_change_email": ("person", 10),
}
FORM_SECONDS = 60
OWNERS: dict[str, Callable[[HttpRequest], object]] = {
    "client": network_of,
    "person": lambda request: request.user.pk,
    "session": lambda request: request.session.session_key,
}

KNOWN_DAYS = 180
MOST_KNOWN = 5
"""Accounts that one browser is known for; the oldest one is dropped."""
SALT = "dashboard.teams.account.sign_in_limits"
NOBODY = User(pk=0)


@dataclass(slots=True)
class Try:
    """One attempt of a password or a code; true if it is allowed."""

    uses: list[Use] = field(default_factory=list)

    def __bool__(self) -> bool:
        return all(self.uses)

    def was_right(self) -> None:
        """Uncount it as a wrong attempt. The client's attempts of any kind stay counted."""
        for use in self.uses:
            if not use.key.startswith("sign-in-client:"):
                use.give_back()


def try_password(request: HttpRequest, email: str) -> Try:
    """Count an attempt before the password is checked, so that parallel attempts count too."""
    user = _person_of(email)
    own = _known_as(request, user)
    if own:
        return Try([allow(f"sign-in-known:{own}", WRONG, WRONG_SECONDS)])
    client = network_of(request)
    account = str(user.pk) if user.pk else normalize("NFKC", email).casefold()
    return _until_refused(
        [
            (f"sign-in-client:{client}", TRIES_OF_CLIENT, CLIENT_SECONDS),
            (f"sign-in-client-wrong:{client}", WRONG_OF_CLIENT, CLIENT_SECONDS),
            (f"sign-in-account:{account}", WRONG, WRONG_SECONDS),
        ]
    )


def try_code(request: HttpRequest, user: User) -> Try:
    """Count an attempt of a second factor."""
    own = _known_as(request, user)
    key = f"code-known:{own}" if own else f"code-account:{user.pk}"
    return Try([allow(key, WRONG, WRONG_SECONDS)])


def may_send(request: HttpRequest) -> bool:
    """Count a form of `FORMS`; false if too many were sent."""
    view_name = request.resolver_match.view_name if request.resolver_match else ""
    if request.method != "POST" or view_name not in FORMS:
        return True
    whose, most = FORMS[view_name]
    owner = OWNERS[whose](request)
    return bool(allow(f"{view_name}:{owner}", most, FORM_SECONDS))


def forgive(user: User) -> None:
    """Reset the wrong passwords of an account that has a new one."""
    clear(f"sign-in-account:{user.pk}")


@receiver(user_logged_in)
def note_sign_in(request: HttpRequest, user: User, **_kwargs: object) -> None:
    note_known(request, user)


def note_known(request: HttpRequest, user: User) -> None:
    """Let `remember` mark this browser as known for the account."""
    request.known_for = user  # type: ignore[attr-defined]


def remember(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set the cookie of a known browser: a random name, and for each account a hash that includes its password.

    A new password makes it invalid. It reveals no account and grants no access.
    """
    user: User | None = getattr(request, "known_for", None)
    if user is None:
        return
    browser, marks = _cookie(request)
    browser = browser or token_urlsafe(16)
    mark = _mark(user, browser)
    kept = [mark, *(other for other in marks if other != mark)][:MOST_KNOWN]
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        signing.dumps([browser, kept], salt=SALT),
        max_age=KNOWN_DAYS * 24 * 60 * 60,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _until_refused(limits: list[tuple[str, int, int]]) -> Try:
    tried = Try()
    for key, most, seconds in limits:
        tried.uses.append(allow(key, most, seconds))
        if not tried:
            break
    return tried


def _person_of(email: str) -> User:
    """Find the account, so that no other spelling of its address gives more attempts. `NOBODY` if there is none."""
    return User.objects.by_address(email) or NOBODY


def _known_as(request: HttpRequest, user: User) -> str:
    """Return the key of a browser's own limit: the account's session or the known browser; empty for all others."""
    person = getattr(request, "user", None)
    if person is not None and person.is_authenticated and person.pk == user.pk:
        return f"{user.pk} session {request.session.session_key}"
    browser, marks = _cookie(request)
    expected = _mark(user, browser)
    is_known = user.pk and any(constant_time_compare(mark, expected) for mark in marks)
    return f"{user.pk} browser {browser}" if is_known else ""


def _cookie(request: HttpRequest) -> tuple[str, list[str]]:
    """Read the cookie; empty if it is forged or too old."""
    text = request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, "")
    try:
        browser, marks = signing.loads(text, salt=SALT, max_age=KNOWN_DAYS * 24 * 60 * 60)
    except (signing.BadSignature, ValueError, TypeError):
        return "", []
    return browser, marks


def _mark(user: User, browser: str) -> str:
    secret = f"{user.pk} {browser} {user.get_session_auth_hash()}"
    return salted_hmac(SALT, secret, algorithm="sha256").hexdigest()[:32]
