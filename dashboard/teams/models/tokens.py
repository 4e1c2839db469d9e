"""What a script shows instead of a person signing in."""

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from dashboard import random_secrets
from dashboard.teams.models.people import Membership, Role, Team


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def alive(self) -> Self:
        """Those that open something: not expired, not revoked, their maker still in the team and at least a member."""
        makers = Membership.objects.filter(role__in=[Role.MEMBER, Role.ADMIN], user__is_active=True)
        return self.filter(random_secrets.unexpired(), revoked_at=None, maker__in=makers)


class AccessToken(models.Model):
    """A token that reads one team's data, and does nothing else. Kept as a hash alone, shown once.

    `maker` is the membership and not the person: who leaves and comes back finds no old token alive.
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
    # What addresses call them, "compute-on/prod"; empty: all of the team, also those added later.
    environments = models.JSONField(_("environments"), default=list)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(_("revoked"), null=True)
    first_used_at = models.DateTimeField(_("first used"), null=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)
    last_used_ip = models.GenericIPAddressField(_("last used from"), null=True)
    # A form sent twice makes one token.
    form_id = models.CharField(_("form"), max_length=43, unique=True)

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")

    def __str__(self) -> str:
        return f"access token {self.pk} of team {self.team_id}"
