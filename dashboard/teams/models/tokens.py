"""Access tokens for scripts."""

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from dashboard import random_secrets
from dashboard.teams.models.people import Membership, Role, Team


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def alive(self) -> Self:
        """Active tokens: not expired, not revoked, and their creator is still at least a member of the team."""
        makers = Membership.objects.filter(role__in=[Role.MEMBER, Role.ADMIN], user__is_active=True)
        return self.filter(random_secrets.unexpired(), revoked_at=None, maker__in=makers)


class AccessToken(models.Model):
    """A token with read-only access to one team's data. Shown once, stored only as a hash.

    `maker` is the membership, not the user: a member who leaves and comes back has no old tokens.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="access_tokens", verbose_name=_("team"))
    maker = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, related_name="access_tokens", verbose_name=_("made by")
    )
    made_by = models.CharField(_("address of the maker"), max_length=254)
    name = models.CharField(_("name"), max_length=60)
    # SHA-256: 256 random bits need neither salt nor pepper.
    digest = models.CharField(_("hash of the token"), max_length=64, unique=True)
    last_signs = models.CharField(_("last signs"), max_length=4)
    # As in URLs, "compute-on/prod"; empty: all environments of the team, including future ones.
    environments = models.JSONField(_("environments"), default=list)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(_("revoked"), null=True)
    first_used_at = models.DateTimeField(_("first used"), null=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)
    last_used_ip = models.GenericIPAddressField(_("last used from"), null=True)
    # A form sent twice creates one token.
    form_id = models.CharField(_("form"), max_length=43, unique=True)

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")

    def __str__(self) -> str:
        return f"access token {self.pk} of team {self.team_id}"
