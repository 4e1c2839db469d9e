"""Limits of mails per hour: to one address, by one user, for one team and for one client.

Mails to an address are counted separately for each kind, so that invitations never block a password reset.
"""

from collections.abc import Iterator
from math import ceil

from django.http import HttpRequest
from django.utils.translation import ngettext

from dashboard.http.client_address import network_of
from dashboard.limits import Use, allow, wait_of

HOUR = 60 * 60
TO_ADDRESS, NOTICES_TO_ADDRESS = 5, 30
BY_PERSON = FOR_TEAM = FOR_CLIENT = 100
NOTICE = "notice"
# Template -> kind. Whether an address has an account must not show in what is counted.
KINDS = {
    "teams/email/invitation": "invitation",
    "account/email/password_reset_key": "reset",
    "account/email/unknown_account": "reset",
    "account/email/address_confirm": "address",
    "account/email/address_taken": "address",
    "account/email/notice": NOTICE,
}
Limit = tuple[str, int, int]


class TooManyMails(OSError):
    """No mail was sent, because there were too many. An `OSError` like those of a failing mail server."""

    def __init__(self, key: str, wait: int) -> None:
        super().__init__(_sentence(key, wait))


def take(template: str, email: str, request: HttpRequest | None, team_pk: int | None = None) -> None:
    """Count a mail that is about to be sent. Raises `TooManyMails`, and then counts nothing."""
    taken: list[Use] = []
    for limit in _limits(template, email, request, team_pk):
        use = allow(*limit)
        if not use:
            for earlier in taken:
                earlier.give_back()
            raise TooManyMails(use.key, use.wait)
        taken.append(use)


def check(template: str, email: str, request: HttpRequest | None, team_pk: int | None = None) -> None:
    """Raise `TooManyMails` if `take` would, without counting."""
    for limit in _limits(template, email, request, team_pk):
        if wait := wait_of(*limit):
            raise TooManyMails(limit[0], wait)


def _limits(template: str, email: str, request: HttpRequest | None, team_pk: int | None) -> Iterator[Limit]:
    kind = KINDS.get(template, template)
    yield f"mail-to:{kind} {_mailbox(email)}", NOTICES_TO_ADDRESS if kind == NOTICE else TO_ADDRESS, HOUR
    if kind == NOTICE or request is None:
        return
    yield f"mail-client:{network_of(request)}", FOR_CLIENT, HOUR
    if request.user.is_authenticated:
        yield f"mail-person:{request.user.pk}", BY_PERSON, HOUR
    if team_pk is not None:
        yield f"mail-team:{team_pk}", FOR_TEAM, HOUR


def _mailbox(email: str) -> str:
    """Return the mailbox: a part after a plus sign leads to the same one."""
    local, _at, host = email.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{host}"


def _sentence(key: str, wait: int) -> str:
    minutes = ceil(wait / 60)
    if key.startswith("mail-to:"):
        text = ngettext(
            "Too many emails of this kind were sent to this address. Try again in %(n)d minute.",
            "Too many emails of this kind were sent to this address. Try again in %(n)d minutes.",
            minutes,
        )
    else:
        text = ngettext(
            "Too many emails were sent from here. Try again in %(n)d minute.",
            "Too many emails were sent from here. Try again in %(n)d minutes.",
            minutes,
        )
    return text % {"n": minutes}
