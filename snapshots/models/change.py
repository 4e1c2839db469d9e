"""What happened, as the syncs saw it."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from dashboard.teams.models import Team
from snapshots.models.environment import Environment
from snapshots.models.snapshot import Snapshot


class Change(models.Model):
    """One thing that happened to a snapshot, written in the sync's own transaction."""

    class Kind(models.TextChoices):
        APPEARED = "appeared", _("appeared")
        STATE = "state", _("state changed")
        RENAMED = "renamed", _("renamed")
        MISSING = "missing", _("no longer listed")
        RETURNED = "returned", _("listed again")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", verbose_name=_("team"))
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="changes", verbose_name=_("environment")
    )
    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="changes", verbose_name=_("snapshot"))
    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    before = models.CharField(max_length=255, blank=True)
    after = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        indexes: ClassVar = [models.Index(fields=["team", "-at", "-id"], name="change_newest_first")]

    def __str__(self) -> str:
        return f"{self.kind} {self.snapshot_id} at {self.at:%Y-%m-%d %H:%M}"
