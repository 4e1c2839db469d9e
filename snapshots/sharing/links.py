"""Links that show one snapshot to people without an account: create, find, revoke.

The URL is `/s/<public id>.<secret>`. The public id finds the row and is not a secret. The secret has 256 random bits,
is stored only as a hash, and is shown once. `ShareLinkQuerySet.alive` returns the active links.
"""

import re
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard import random_secrets
from dashboard.random_secrets import digest_of, is_secret, new_secret
from dashboard.teams.access.roles import hold
from dashboard.teams.core.audit import record
from dashboard.teams.core.create_account import address_proved
from dashboard.teams.models import EventKind, Membership, Role, Team, User
from snapshots.models import ShareLink, ShareLinkQuerySet, Snapshot

DAYS = (1, 7, 30, 90)
USUAL_DAYS = 7
MOST_OF_TEAM = 200
MOST_OF_SNAPSHOT = 20
PUBLIC_BYTES = 9
PUBLIC_ID = re.compile(r"[A-Za-z0-9_-]{10,16}", re.ASCII)
NOBODYS_DIGEST = "0" * 64
ENDED_KEPT = timedelta(days=30)
# The columns of a shared page, and of the age of its data: nothing else is read.
SHOWN = (
    "public_id",
    "team_id",
    "shows_environment",
    "first_used_at",
    "snapshot__name",
    "snapshot__state",
    "snapshot__interval_type",
    "snapshot__volume",
    "snapshot__taken_after",
    "snapshot__taken_before",
    "snapshot__usable_at",
    "snapshot__taken_source",
    "snapshot__taken_key",
    "snapshot__listed",
    "snapshot__missing_since",
    "snapshot__last_seen_at",
    "snapshot__environment__service_code",
    "snapshot__environment__name",
    "snapshot__environment__listed_at",
    "snapshot__environment__partial_at",
    "snapshot__environment__suspect_since",
    "snapshot__environment__fault_kind",
)


class AlreadyMade(Exception):
    """The form was sent before: its link was already created and shown."""


@transaction.atomic
def make(
    snapshot: Snapshot,
    *,
    maker: Membership,
    days: int,
    form_id: str,
    shows_environment: bool = False,
    request: HttpRequest | None = None,
) -> tuple[ShareLink, str]:
    """Create a link for `days` days; return it with its complete URL, which is not stored.

    Raises `AlreadyMade`, `ValidationError` if the team allows none or has too many, and as `hold` does if the creator
    has lost the role in the meantime.
    """
    team = Team.objects.select_for_update(no_key=True).get(pk=maker.team_id)
    maker = hold(maker, Role.MEMBER)
    form = _form_digest(maker, form_id)
    if ShareLink.objects.filter(form_id=form).exists():
        raise AlreadyMade
    _check_room(team, snapshot)
    secret = new_secret()
    link = ShareLink.objects.create(
        team=team,
        snapshot=snapshot,
        maker=maker,
        made_by=maker.user.email,
        public_id=token_urlsafe(PUBLIC_BYTES),
        digest=digest_of(secret),
        shows_environment=shows_environment,
        expires_at=timezone.now() + timedelta(days=days),
        form_id=form,
    )
    detail = f"{link.public_id}, until {link.expires_at:%Y-%m-%d %H:%M} UTC"
    _record(EventKind.SHARE_MADE, team, maker.user, str(snapshot), detail, request)
    return link, url_of(link, secret)


def url_of(link: ShareLink, secret: str) -> str:
    return settings.SITE_URL + reverse("snapshots:share", kwargs={"link": f"{link.public_id}.{secret}"})


def find(text: str) -> ShareLink | None:
    """Return the active link of a URL, or None without a reason.

    The time gives no hint either: a known and an unknown public id need the same query and comparison.
    """
    public_id, _dot, secret = text.partition(".")
    known = public_id if PUBLIC_ID.fullmatch(public_id) else ""
    row = ShareLink.objects.filter(public_id=known).values_list("pk", "digest").first()
    pk, digest = row or (0, NOBODYS_DIGEST)
    if not is_secret(digest, secret) or row is None:
        return None
    read = ShareLink.objects.alive().select_related("snapshot__environment").only(*SHOWN)
    return read.filter(pk=pk).first()


def links_for(member: Membership) -> ShareLinkQuerySet:
    """Return the team's active links that a member may revoke: all for an admin, else their own; newest first."""
    links = ShareLink.objects.alive().filter(team=member.team_id)
    own = links if Role(member.role).at_least(Role.ADMIN) else links.filter(maker=member)
    return own.select_related("maker__user", "snapshot__environment").order_by("-made_at", "-pk")


@transaction.atomic
def revoke(link: ShareLink, *, actor: User, request: HttpRequest | None = None) -> bool:
    """Revoke a link, effective from the next request. Return False if it was revoked before."""
    if not random_secrets.revoke(ShareLink.objects.filter(pk=link.pk)):
        return False
    _record(EventKind.SHARE_REVOKED, link.team, actor, str(link.snapshot), link.public_id, request)
    return True


@transaction.atomic
def revoke_all(
    links: ShareLinkQuerySet, *, team: Team, actor: User | None, target: str = "", request: HttpRequest | None = None
) -> int:
    """Revoke these links of a team, with one audit entry. Return how many were active."""
    pks = list(links.order_by().values_list("pk", flat=True))
    number = random_secrets.revoke(ShareLink.objects.filter(pk__in=pks, team=team))
    if number:
        _record(EventKind.SHARE_REVOKED, team, actor, target or team.name, links_in_words(number), request)
    return number


@transaction.atomic
def allow(team: Team, allowed: bool, *, actor: User, request: HttpRequest | None = None) -> int | None:
    """Set whether a team allows links. If not, revoke the active ones; return how many, None if nothing changed."""
    locked = Team.objects.select_for_update().get(pk=team.pk)
    if locked.allows_shared_links == allowed:
        return None
    ended = 0
    if not allowed:
        ended = revoke_all(ShareLink.objects.alive().filter(team=locked), team=locked, actor=actor, request=request)
    Team.objects.filter(pk=locked.pk).update(allows_shared_links=allowed)
    detail = "shared links allowed" if allowed else "shared links no longer allowed"
    _record(EventKind.TEAM_CHANGED, locked, actor, "", detail, request)
    return ended


def links_in_words(number: int) -> str:
    return ngettext("%(number)d link", "%(number)d links", number) % {"number": number}


def ended_links(now: datetime) -> QuerySet[ShareLink]:
    """Return links that were revoked or expired more than thirty days ago; the audit still has them."""
    then = now - ENDED_KEPT
    return ShareLink.objects.filter(Q(revoked_at__lt=then) | Q(expires_at__lt=then))


@receiver(post_save, sender=Membership)
def end_links_of_viewer(instance: Membership, **_kwargs: object) -> None:
    """Revoke the links of a member who becomes a viewer, so that they stay revoked if the role returns."""
    if not Role(instance.role).at_least(Role.MEMBER):
        _end_of(Membership.objects.filter(pk=instance.pk))


@receiver(post_save, sender=User)
def end_links_of_inactive(instance: User, **_kwargs: object) -> None:
    """Revoke the links of a deactivated account, for the same reason."""
    if not instance.is_active:
        _end_of(Membership.objects.filter(user=instance))


@receiver(address_proved)
def end_links_of_unproved(user: User, **_kwargs: object) -> None:
    """Revoke links created before the address was proved: someone else may have created them."""
    _end_of(Membership.objects.filter(user=user))


def _end_of(makers: QuerySet[Membership]) -> None:
    random_secrets.revoke(ShareLink.objects.filter(maker__in=makers))


def _check_room(team: Team, snapshot: Snapshot) -> None:
    if not team.allows_shared_links:
        raise ValidationError(_("This team does not allow shared links."))
    alive = ShareLink.objects.alive().filter(team=team)
    if alive.filter(snapshot=snapshot).count() >= MOST_OF_SNAPSHOT:
        text = _("This snapshot has %(most)d shared links. Revoke one first.")
        raise ValidationError(text % {"most": MOST_OF_SNAPSHOT})
    if alive.count() >= MOST_OF_TEAM:
        raise ValidationError(_("The team has %(most)d shared links. Revoke one first.") % {"most": MOST_OF_TEAM})


def _form_digest(maker: Membership, form_id: str) -> str:
    """Return a digest of form and sender, so that one member's form cannot block another's."""
    digest = sha256(f"{maker.pk} {form_id}".encode("utf-8", "surrogatepass")).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _record(
    kind: EventKind, team: Team, actor: User | None, target: str, detail: str, request: HttpRequest | None
) -> None:
    record(kind, team=team, actor=actor, target=target, detail=detail, request=request)
