"""The first team: made by whoever holds the one-time address that a start without any team prints."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from dashboard import random_secrets
from dashboard.random_secrets import digest_of, new_secret
from dashboard.teams.core.audit import record
from dashboard.teams.core.create_account import add_account
from dashboard.teams.models import EventKind, Membership, Role, SetupLink, Team, User

SETUP_AGE = timedelta(hours=24)


class SetupEnded(Exception):
    """The address is unknown, used, expired, replaced, or there is a team; which of these is not told."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who has no account yet. The address of the link is the operator's word, which stands for the proof of `email`."""

    email: str
    name: str
    password: str


@transaction.atomic
def new_address() -> str | None:
    """Make the absolute address, under SITE_URL, of the set-up; ends the older ones. None if there is a team."""
    if Team.objects.exists():
        return None
    SetupLink.objects.filter(used_at=None).delete()
    token = new_secret()
    SetupLink.objects.create(token_hash=digest_of(token), expires_at=timezone.now() + SETUP_AGE)
    return f"{settings.SITE_URL}{reverse('setup', args=[token])}"


def find(token: str) -> SetupLink:
    """Find the open link of a token. Raises `SetupEnded`."""
    link = random_secrets.find(_open_links(), token, "token_hash")
    if link is None or Team.objects.exists():
        raise SetupEnded
    return link


def _open_links() -> QuerySet[SetupLink]:
    return SetupLink.objects.filter(random_secrets.unexpired(), used_at=None)


def make_first_team(
    link: SetupLink, person: User | Newcomer, *, name: str, slug: str, request: HttpRequest | None = None
) -> tuple[Team, User]:
    """Use the link up, once, and make the team with the person as its admin. Raises `SetupEnded`.

    Raises `django.db.IntegrityError` when the newcomer's address got an account in the meantime.
    """
    # Hashing is slow: it comes before the lock on the link.
    password_hash = make_password(person.password) if isinstance(person, Newcomer) else ""
    with transaction.atomic():
        _use_up(link)
        user = person if isinstance(person, User) else _account_of(person, password_hash)
        team = Team.objects.create(slug=slug, name=name)
        Membership.objects.create(team=team, user=user, role=Role.ADMIN)
        record(EventKind.TEAM_MADE, team=team, actor=user, target=slug, request=request)
    return team, user


def _use_up(link: SetupLink) -> None:
    # The update comes first: of two at the same moment the second waits here, and then finds the link used.
    used = _open_links().filter(pk=link.pk).update(used_at=timezone.now())
    if not used or Team.objects.exists():
        raise SetupEnded


def _account_of(person: Newcomer, password_hash: str) -> User:
    user = add_account(person.email, password_hash)
    user.name = person.name
    user.save(update_fields=["name"])
    return user
