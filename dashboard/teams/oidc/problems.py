"""Why a sign-in through the provider came to nothing, in words for the person."""

from enum import Enum
from http import HTTPStatus

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Problem(Enum):
    """What is told: a heading, what can be done, and the status of the answer."""

    CANCELLED = (
        _("You are not signed in"),
        _("%(name)s sent you back without signing you in: you stopped there, or it did not let you in."),
        HTTPStatus.FORBIDDEN,
    )
    LOST = (
        _("This sign-in cannot be finished"),
        _("It was begun in another window or too long ago, or it is finished already. Begin again."),
        HTTPStatus.BAD_REQUEST,
    )
    UNAVAILABLE = (
        _("%(name)s gave no answer that can be used"),
        _("That is not your fault. Try again in a minute; if you have a password here, use that until then."),
        HTTPStatus.BAD_GATEWAY,
    )
    UNVERIFIED = (
        _("%(name)s does not vouch for your e-mail address"),
        _("Accounts here are found by an e-mail address that %(name)s has verified. Have it verified there first."),
        HTTPStatus.FORBIDDEN,
    )
    UNKNOWN = (
        _("No account for %(email)s here"),
        _("Ask an admin of your team for an invitation to this address."),
        HTTPStatus.FORBIDDEN,
    )
    TAKEN = (
        _("This account belongs to somebody else at %(name)s"),
        _("It was linked before, with another identity of %(name)s. Ask whoever runs this dashboard to unlink it."),
        HTTPStatus.FORBIDDEN,
    )
    OTHER_PERSON = (
        _("You are somebody else at %(name)s"),
        _("The account that you signed in to there is not the one that is linked with this account."),
        HTTPStatus.FORBIDDEN,
    )
    NOT_ASKED = (
        _("%(name)s did not ask who you are"),
        _("It must say that you have just signed in there. Sign out there, or set a password here, and try again."),
        HTTPStatus.FORBIDDEN,
    )

    def __init__(self, heading: Promise, advice: Promise, status: HTTPStatus) -> None:
        self.heading, self.advice, self.status = heading, advice, status


class SignInProblem(Exception):
    """Raised wherever the way to or from the provider ends.

    `reason` is for the log, in our own words alone: never a text of the provider, a code or a token. `email` is an
    address that the provider has verified, and shown to its owner alone.
    """

    def __init__(self, problem: Problem, reason: str, *, email: str = "") -> None:
        super().__init__(reason)
        self.problem, self.reason, self.email = problem, reason, email
