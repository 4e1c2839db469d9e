"""Changes that the syncs saw."""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from dashboard.teams.models import Team
from snapshots.models.environment import Environment, not_hidden
from snapshots.models.snapshot import Snapshot


class ChangeQuerySet(models.QuerySet["Change"]):
    def of_team(self, team: Team) -> Self:
        return self.filter(not_hidden(team), team=team)

    def as_lines(self) -> Self:
        """Return the changes as the page lists them: many of one kind in one sync are folded under one line."""
        # IN and not =: for the latter Django writes the bare column, which SQLite looks up in no index.
        return self.filter(folded__in=[False])

    def one_by_one(self) -> Self:
        """Return every single change, without the lines that only count."""
        return self.filter(number__isnull=True)

    def of_volumes(self) -> Self:
        """Return the changes as volume pages list them: repeated failures are folded under one line."""
        lines = Q(number__isnull=True) | ~Q(volume_id="")
        return self.filter(lines, line__isnull=True)

    def under_failures(self) -> Self:
        """Return the changes that lines for repeated failures count, whose kind is that of a failure."""
        return self.filter(folded__in=[True], line__kind=Change.Kind.FAILED)

    def under(self, line: "Change") -> Self:
        """Return the changes that a line counts."""
        if line.volume_id:
            return self.filter(environment=line.environment_id, volume_id=line.volume_id, line=line)
        together = self.filter(team=line.team_id, kind=line.kind, folded__in=[True], at=line.at)
        return together.filter(environment=line.environment_id)

    def newest_first(self) -> Self:
        return self.order_by("-at", "-pk")


class Change(models.Model):
    """One change, written in the transaction of the sync."""

    class Kind(models.TextChoices):
        BEGAN = "began", _("we began to look")
        APPEARED = "appeared", _("appeared")
        STATE = "state", _("state changed")
        COMPLETED = "completed", _("completed")
        FAILED = "failed", _("failed")
        VANISHED = "vanished", _("vanished while being made")
        ROTATED = "rotated", _("rotated")
        DELETED = "deleted", _("deleted")
        RENAMED = "renamed", _("renamed")
        VOLUME_RENAMED = "volume_renamed", _("volume renamed")
        MISSING = "missing", _("no longer listed")
        RETURNED = "returned", _("listed again")
        REFUSED = "refused", _("environment refused")
        ANSWERING = "answering", _("environment answering again")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("team"))
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="changes", db_index=False, verbose_name=_("environment")
    )
    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.CASCADE, null=True, related_name="changes", verbose_name=_("snapshot")
    )
    volume_id = models.CharField(_("volume id"), max_length=36, blank=True)
    at = models.DateTimeField()
    kind = models.CharField(max_length=20, choices=Kind.choices)
    before = models.CharField(max_length=255, blank=True)
    after = models.CharField(max_length=255, blank=True)
    # How long the snapshot was in progress, if the kind has a duration.
    seconds = models.PositiveIntegerField(null=True)
    # On a line for many changes of one kind in one sync: how many. Those are `folded`: shown when the line is opened.
    # A line for repeated failures of one volume names the volume; `seconds` is how long they have lasted.
    number = models.PositiveIntegerField(null=True)
    folded = models.BooleanField(default=False)
    # On a repeated failure: the line that counts it. That line may be deleted earlier.
    line = models.ForeignKey(
        "self", models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )

    objects = ChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        indexes: ClassVar = [
            models.Index(fields=["team", "folded", "-at", "-id"], name="change_newest_first"),
            models.Index(fields=["team", "kind", "folded", "-at", "-id"], name="change_by_kind"),
            models.Index(fields=["environment", "folded", "-at", "-id"], name="change_of_environment"),
            models.Index(fields=["environment", "volume_id", "-at", "-id"], name="change_of_volume"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.snapshot_id} at {self.at:%Y-%m-%d %H:%M}"

    @property
    def since(self) -> datetime | None:
        """Since when a volume has failed repeatedly, on the line that counts the failures."""
        return self.at - timedelta(seconds=self.seconds or 0) if self.number and self.volume_id else None
