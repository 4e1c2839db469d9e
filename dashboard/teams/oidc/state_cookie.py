"""What was begun, kept in the browser that began it: no row of ours for whoever never comes back.

The cookie is signed, so nobody else makes one, and bound to one answer by `state`, to one token by `nonce`, to one code
by `verifier`. It may be read by its owner, whom none of these serves for anything else.
"""

from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from hashlib import sha256
from secrets import compare_digest, token_urlsafe

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from dashboard.limits import allow
from dashboard.teams.oidc.problems import Problem, SignInProblem

AGE_SECONDS = 10 * 60
RANDOM_BYTES = 32
MOST_NEXT = 2_000
"""A cookie holds 4 KB: a longer address to come back to gives way to the start page."""
SALT = "dashboard.teams.oidc"


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that was begun; `user` is 0, or who is signed in and confirms that; `at` in seconds since 1970."""

    next: str
    user: int
    at: int
    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """Hash the verifier as RFC 7636 (S256) asks for."""
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


def begin(*, next_page: str, user: int, at: int) -> Pending:
    state, nonce, verifier = (token_urlsafe(RANDOM_BYTES) for _ in range(3))
    kept = next_page if len(next_page) <= MOST_NEXT else "/"
    return Pending(kept, user, at, state, nonce, verifier)


def keep(response: HttpResponseBase, pending: Pending) -> None:
    response.set_cookie(
        settings.OIDC_COOKIE_NAME,
        signing.dumps(asdict(pending), salt=SALT, compress=True),
        max_age=AGE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",  # the provider leads back by a link, with which a Strict cookie would not come
    )


def forget(response: HttpResponseBase) -> None:
    response.set_cookie(
        settings.OIDC_COOKIE_NAME,
        max_age=0,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def take(request: HttpRequest) -> Pending:
    """Give what this answer was asked for, once. Raises `SignInProblem` for any other answer."""
    pending = _kept(request)
    if not compare_digest(pending.state.encode(), request.GET.get("state", "").encode("utf-8", "replace")):
        raise SignInProblem(Problem.LOST, "the state is not the one that was sent")
    if not allow(f"oidc-state:{pending.state}", 1, AGE_SECONDS):
        raise SignInProblem(Problem.LOST, "the answer was used before")
    return pending


def _kept(request: HttpRequest) -> Pending:
    try:
        cookie = request.COOKIES.get(settings.OIDC_COOKIE_NAME, "")
        return Pending(**signing.loads(cookie, salt=SALT, max_age=AGE_SECONDS))
    except (signing.BadSignature, TypeError):
        raise SignInProblem(Problem.LOST, "no sign-in was begun in this browser") from None
