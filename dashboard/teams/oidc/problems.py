"""Why a sign-in through the provider failed, in words for the user."""

from enum import Enum
from http import HTTPStatus

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Problem(Enum):
    """The heading, the advice and the HTTP status of the page."""

    CANCELLED = (
        _("You are not signed in"),
        _("%(name)s did not sign you in: you cancelled, or access was denied."),
        HTTPStatus.FORBIDDEN,
    )
    LOST = (
        _("This sign-in can’t be completed"),
        _("It was started in another window or too long ago, or it is already complete. Start again."),
        HTTPStatus.BAD_REQUEST,
    )
    UNAVAILABLE = (
        _("%(name)s did not respond correctly"),
        _("This isn’t your fault. Try again in a minute, or sign in with your password if you have one."),
        HTTPStatus.BAD_GATEWAY,
    )
    UNVERIFIED = (
        _("%(name)s has not verified your email"),
        _("Accounts are found by an email that %(name)s has verified. Verify yours there first."),
        HTTPStatus.FORBIDDEN,
    )
    UNKNOWN = (
        _("No account for %(email)s"),
        _("Ask an admin of your team to invite this email."),
        HTTPStatus.FORBIDDEN,
    )
    TAKEN = (
        _("This account is linked to another identity at %(name)s"),
        _("Ask the operator of this dashboard to unlink it."),
        HTTPStatus.FORBIDDEN,
    )
    OTHER_PERSON = (
        _("You signed in as someone else at %(name)s"),
        _("The identity that you used there is not the one linked to this account."),
        HTTPStatus.FORBIDDEN,
    )
    NOT_ASKED = (
        _("%(name)s did not ask you to sign in"),
        _("It must confirm that you have just signed in. Sign out there, or set a password here, then try again."),
        HTTPStatus.FORBIDDEN,
    )

    def __init__(self, heading: Promise, advice: Promise, status: HTTPStatus) -> None:
        self.heading, self.advice, self.status = heading, advice, status


class SignInProblem(Exception):
    """A sign-in through the provider failed.

    `reason` is for the log and only in our own words, never a text of the provider, a code or a token. `email` is an
    address that the provider has verified; only its owner sees it.
    """

    def __init__(self, problem: Problem, reason: str, *, email: str = "") -> None:
        super().__init__(reason)
        self.problem, self.reason, self.email = problem, reason, email
