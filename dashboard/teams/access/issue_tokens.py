"""Access tokens: create, revoke, and record their use."""

import logging
from collections.abc import Collection
from datetime import timedelta

from django.db import OperationalError, transaction
from django.db.models import Q, QuerySet
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard import random_secrets
from dashboard.http.client_address import address_of
from dashboard.random_secrets import digest_of, new_secret
from dashboard.teams.access.roles import hold
from dashboard.teams.core import audit
from dashboard.teams.models import AccessToken, EventKind, Membership, Role, Team, User

log = logging.getLogger(__name__)

# So that secret scanners recognize a token in code or logs.
PREFIX = "snap_"
DAYS = (30, 90, 365)
MOST_ALIVE = 50
"""Active tokens of one team: more than any team has scripts, few enough to review."""
NOTED_EVERY = timedelta(minutes=1)


class SentAlready(Exception):
    """The form already created its token, which is shown only once."""


class TooManyTokens(Exception):
    """The team has `MOST_ALIVE` active tokens."""


@transaction.atomic
def make(
    maker: Membership,
    *,
    name: str,
    days: int,
    environments: Collection[str],
    form_id: str,
    request: HttpRequest | None = None,
) -> tuple[AccessToken, str]:
    """Create a token that reads the data of the team or of some environments. Returns it with its text.

    Raises `SentAlready`, `TooManyTokens`, and what `hold` raises if the creator has lost the role.
    """
    team = Team.objects.select_for_update(no_key=True).get(pk=maker.team_id)
    maker = hold(maker, Role.MEMBER)
    if AccessToken.objects.filter(form_id=form_id).exists():
        raise SentAlready
    if AccessToken.objects.alive().filter(team=team).count() >= MOST_ALIVE:
        raise TooManyTokens
    text = PREFIX + new_secret()
    token = AccessToken.objects.create(
        team=team,
        maker=maker,
        made_by=maker.user.email,
        name=name,
        digest=digest_of(text),
        last_signs=text[-4:],
        environments=sorted(environments),
        expires_at=timezone.now() + timedelta(days=days),
        form_id=form_id,
    )
    detail = f"{days} days, {', '.join(token.environments) or 'all environments'}"
    audit.record(EventKind.TOKEN_MADE, team=team, actor=maker.user, target=name, detail=detail, request=request)
    return token, text


@transaction.atomic
def revoke(token: AccessToken, *, actor: User, request: HttpRequest | None = None) -> bool:
    """Revoke a token immediately. Returns False if it was already revoked."""
    if not random_secrets.revoke(AccessToken.objects.filter(pk=token.pk)):
        return False
    detail = f"made by {token.made_by}"
    audit.record(
        EventKind.TOKEN_REVOKED, team=token.team, actor=actor, target=token.name, detail=detail, request=request
    )
    return True


@receiver(post_save, sender=Membership)
def end_tokens_of_viewer(instance: Membership, **_kwargs: object) -> None:
    """Revoke the tokens of a member who may no longer create any, so that they stay revoked if the role comes back."""
    if not Role(instance.role).at_least(Role.MEMBER):
        _end_of(Membership.objects.filter(pk=instance.pk))


@receiver(post_save, sender=User)
def end_tokens_of_inactive(instance: User, **_kwargs: object) -> None:
    """Revoke the tokens of a disabled account, for the same reason."""
    if not instance.is_active:
        _end_of(Membership.objects.filter(user=instance))


def rests() -> str:
    """Explain why a token does not work in a team that requires a second factor."""
    return _(
        "This team requires a second factor, and the member who created this access token has none. The token works "
        "again once they add one."
    )


def note_use(token: AccessToken, request: HttpRequest) -> None:
    """Store when and from where a token was last used, at most once a minute; the audit has the first use."""
    now = timezone.now()
    if token.first_used_at is None:
        _note_first(token, request)
    elif token.last_used_at is None or now - token.last_used_at >= NOTED_EVERY:
        _note_again(token, request)


def _end_of(makers: QuerySet[Membership]) -> None:
    random_secrets.revoke(AccessToken.objects.filter(maker__in=makers))


@transaction.atomic
def _note_first(token: AccessToken, request: HttpRequest) -> None:
    now, ip = timezone.now(), address_of(request)
    unused = AccessToken.objects.filter(pk=token.pk, first_used_at=None)
    if unused.update(first_used_at=now, last_used_at=now, last_used_ip=ip):
        # The holder of a token is unknown, so the event has no actor.
        detail = f"made by {token.made_by}"
        audit.record(
            EventKind.TOKEN_USED, team=token.team, actor=None, target=token.name, detail=detail, request=request
        )


def _note_again(token: AccessToken, request: HttpRequest) -> None:
    now, ip = timezone.now(), address_of(request)
    due = Q(last_used_at=None) | Q(last_used_at__lte=now - NOTED_EVERY)
    try:
        with transaction.atomic():
            AccessToken.objects.filter(due, pk=token.pk).update(last_used_at=now, last_used_ip=ip)
    except OperationalError as fault:  # a busy database: a request that only reads does not wait for it
        log.info("The use of access token %d was not recorded: %s", token.pk, fault)
