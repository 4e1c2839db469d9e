"""Create the first team with the one-time link that is printed on a start without any team."""

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
    """The link is unknown, used, expired or replaced, or a team exists. Which one is not revealed."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A user without an account. The link came from the operator, which counts as proof of `email`."""

    email: str
    name: str
    password: str


@transaction.atomic
def new_address() -> str | None:
    """Create the setup link, an absolute URL under SITE_URL, and revoke older ones. None if a team exists."""
    if Team.objects.exists():
        return None
    SetupLink.objects.filter(used_at=None).delete()
    token = new_secret()
    SetupLink.objects.create(token_hash=digest_of(token), expires_at=timezone.now() + SETUP_AGE)
    return f"{settings.SITE_URL}{reverse('setup', args=[token])}"


def find(token: str) -> SetupLink:
    """Find the unused link of a token. Raises `SetupEnded`."""
    link = random_secrets.find(_open_links(), token, "token_hash")
    if link is None or Team.objects.exists():
        raise SetupEnded
    return link


def _open_links() -> QuerySet[SetupLink]:
    return SetupLink.objects.filter(random_secrets.unexpired(), used_at=None)


def make_first_team(
    link: SetupLink, person: User | Newcomer, *, name: str, slug: str, request: HttpRequest | None = None
) -> tuple[Team, User]:
    """Use the link, once, and create the team with the user as its admin. Raises `SetupEnded`.

    Raises `django.db.IntegrityError` if the address has got an account in the meantime.
    """
    # Hashing is slow, so it comes before the lock on the link.
    password_hash = make_password(person.password) if isinstance(person, Newcomer) else ""
    with transaction.atomic():
        _use_up(link)
        user = person if isinstance(person, User) else _account_of(person, password_hash)
        team = Team.objects.create(slug=slug, name=name)
        Membership.objects.create(team=team, user=user, role=Role.ADMIN)
        record(EventKind.TEAM_MADE, team=team, actor=user, target=slug, request=request)
    return team, user


def _use_up(link: SetupLink) -> None:
    # The update comes first: of two simultaneous requests the second waits here and then finds the link used.
    used = _open_links().filter(pk=link.pk).update(used_at=timezone.now())
    if not used or Team.objects.exists():
        raise SetupEnded


def _account_of(person: Newcomer, password_hash: str) -> User:
    user = add_account(person.email, password_hash)
    user.name = person.name
    user.save(update_fields=["name"])
    return user
