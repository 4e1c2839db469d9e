"""A started sign-in, kept in the browser that started it: those who never come back leave no row behind.

The cookie is signed, so nobody else can make one, and bound to one answer by `state`, to one token by `nonce` and to
one code by `verifier`. Its owner may read it: none of these is of use for anything else.
"""

from dataclasses import asdict, dataclass
from secrets import compare_digest, token_urlsafe

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from dashboard.limits import allow
from dashboard.teams.oidc.problems import Problem, SignInProblem

AGE_SECONDS = 10 * 60
RANDOM_BYTES = 32
MOST_NEXT = 2_000
"""A cookie holds 4 KB; instead of a longer address to return to, the start page is used."""
SALT = "dashboard.teams.oidc"


@dataclass(frozen=True, slots=True)
class Pending:
    """A started sign-in. `user`: who is signed in and confirms it, or 0; `at` in seconds since 1970."""

    next: str
    user: int
    at: int
    state: str
    nonce: str
    verifier: str


def begin(*, next_page: str, user: int, at: int) -> Pending:
    state, nonce, verifier = (token_urlsafe(RANDOM_BYTES) for _ in range(3))
    return Pending(next_page if len(next_page) <= MOST_NEXT else "/", user, at, state, nonce, verifier)


def keep(response: HttpResponseBase, pending: Pending) -> None:
    _set(response, signing.dumps(asdict(pending), salt=SALT, compress=True), AGE_SECONDS)


def forget(response: HttpResponseBase) -> None:
    _set(response, "", 0)


def take(request: HttpRequest) -> Pending:
    """Give the sign-in that this answer belongs to, once. Raises `SignInProblem` for any other answer."""
    try:
        cookie = request.COOKIES.get(settings.OIDC_COOKIE_NAME, "")
        pending = Pending(**signing.loads(cookie, salt=SALT, max_age=AGE_SECONDS))
    except (signing.BadSignature, TypeError):
        raise SignInProblem(Problem.LOST, "no sign-in was started in this browser") from None
    if not compare_digest(pending.state.encode(), request.GET.get("state", "").encode("utf-8", "replace")):
        raise SignInProblem(Problem.LOST, "the state is not the one that was sent")
    if not allow(f"oidc-state:{pending.state}", 1, AGE_SECONDS):
        raise SignInProblem(Problem.LOST, "the answer was used before")
    return pending


def _set(response: HttpResponseBase, value: str, max_age: int) -> None:
    response.set_cookie(
        settings.OIDC_COOKIE_NAME,
        value,
        max_age=max_age,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",  # the provider leads back by a link, on which the browser sends no Strict cookie
    )
