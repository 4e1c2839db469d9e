"""A volume: what snapshots are taken of."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from dashboard.teams.models import Team
from snapshots.models.environment import Environment, not_removed


class VolumeQuerySet(models.QuerySet["Volume"]):
    def of_team(self, team: Team) -> Self:
        return self.filter(not_removed(team), team=team)

    def matching(self, text: str) -> Self:
        """By name, instance or id; every word must be found somewhere."""
        found = self
        for word in text.split():
            found = found.filter(
                Q(name__icontains=word) | Q(instance_name__icontains=word) | Q(volume_id__istartswith=word)
            )
        return found


class Volume(models.Model):
    """A volume: (environment, volume id). Known from the volumes endpoint, or only from its snapshots."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", verbose_name=_("team"))
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="volumes", db_index=False, verbose_name=_("environment")
    )
    volume_id = models.CharField(_("id"), max_length=36)
    name = models.CharField(_("name"), max_length=255, blank=True)
    kind = models.CharField(_("kind"), max_length=255, blank=True)
    state = models.CharField(_("state"), max_length=255, blank=True)
    instance_id = models.CharField(max_length=255, blank=True)
    instance_name = models.CharField(_("instance"), max_length=255, blank=True)
    zone_name = models.CharField(_("zone"), max_length=255, blank=True)
    size_in_gb = models.BigIntegerField(null=True)
    created = models.CharField(max_length=255, blank=True)
    # Whether the volumes endpoint has ever listed it; otherwise its name is its newest snapshot's.
    from_endpoint = models.BooleanField(default=False)
    last_seen_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)
    listed = models.BooleanField(default=False)
    snapshot_count = models.PositiveIntegerField(default=0)

    objects = VolumeQuerySet.as_manager()

    class Meta:
        verbose_name = _("volume")
        verbose_name_plural = _("volumes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["environment", "volume_id"], name="volume_once_an_environment")
        ]
        indexes: ClassVar = [models.Index(fields=["team", "name", "id"], name="volume_by_name")]

    def __str__(self) -> str:
        return self.name or self.volume_id
