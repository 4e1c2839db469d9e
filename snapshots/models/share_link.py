"""Shared links."""

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from dashboard import random_secrets
from dashboard.teams.models import Membership, Role, Team
from snapshots.models.environment import Environment
from snapshots.models.snapshot import Snapshot


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def alive(self) -> Self:
        """Return active links: not expired, not revoked, allowed by the team, their creator still at least a member."""
        makers = Membership.objects.filter(role__in=[Role.MEMBER, Role.ADMIN], user__is_active=True)
        shown = Environment.objects.all()  # without removed environments
        alive = self.filter(random_secrets.unexpired(), revoked_at=None, team__allows_shared_links=True)
        return alive.filter(maker__in=makers, snapshot__environment__in=shown)


class ShareLink(models.Model):
    """A link to one snapshot for people without an account. Only a hash of the secret is stored; it is shown once.

    `maker` is the membership, not the person: links of a member who leaves and returns stay revoked.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="share_links", verbose_name=_("team"))
    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.CASCADE, related_name="share_links", verbose_name=_("snapshot")
    )
    maker = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, related_name="share_links", verbose_name=_("made by")
    )
    made_by = models.CharField(_("address of the maker"), max_length=254)
    # The part of the URL that logs and lists may show.
    public_id = models.CharField(_("public id"), max_length=16, unique=True)
    # SHA-256 without a salt or key, because the secret has 256 random bits; so no key change breaks a link.
    digest = models.CharField(_("hash of the secret"), max_length=64)
    shows_environment = models.BooleanField(_("shows the environment"), default=False)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(_("revoked"), null=True)
    uses = models.PositiveIntegerField(_("requests"), default=0)
    first_used_at = models.DateTimeField(_("first requested"), null=True)
    last_used_at = models.DateTimeField(_("last requested"), null=True)
    # Sending a form twice creates one link.
    form_id = models.CharField(_("form"), max_length=43, unique=True)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("shared link")
        verbose_name_plural = _("shared links")

    def __str__(self) -> str:
        return f"shared link {self.public_id} of team {self.team_id}"
