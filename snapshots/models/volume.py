"""A volume: what snapshots are taken of."""

from datetime import timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from dashboard.teams.models import Team
from snapshots.models.environment import Environment, not_removed

JUDGED_FIELDS = (
    *("environment", "doubt_from", "deleted_at", "exempt_until"),
    *("none_from", "late_from", "stuck_from", "failing_from", "unknown_from", "new_from", "running_from"),
    *("patience", "newest_before", "newest_after", "usable_count", "snapshot_count", "schedules", "target_hours"),
    "last_usable_at",
)
# How long a page says that an exemption ended.
RETURN_IS_SAID = timedelta(days=14)


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
    created_at = models.DateTimeField(null=True)
    # Our first sight of it: it was made before, no matter what the provider says.
    first_seen_at = models.DateTimeField(null=True)
    # When the provider was last asked for it by its id.
    asked_at = models.DateTimeField(null=True)
    # Two complete lists left it out and its retrieve answered 404; or a member said that it was deleted.
    deleted_at = models.DateTimeField(null=True)

    # What a team says of it. Hours; None: as the environment says, 0: no age is asked for.
    target_hours = models.PositiveIntegerField(_("target, hours"), null=True)
    exempt_until = models.DateTimeField(_("excluded until"), null=True)
    exempt_reason = models.CharField(_("why excluded"), max_length=200, blank=True)
    exempt_by = models.CharField(_("excluded by"), max_length=254, blank=True)
    # When that was said: those of one act share the moment, and are judged again together.
    exempt_at = models.DateTimeField(_("excluded since"), null=True)
    # Schedule -> since when its end is on purpose.
    ended = models.JSONField(default=dict)

    # From when on each verdict holds, unless new data says otherwise: `snapshots.rules.verdict.Thresholds`.
    none_from = models.DateTimeField(null=True)
    late_from = models.DateTimeField(null=True)
    stuck_from = models.DateTimeField(null=True)
    failing_from = models.DateTimeField(null=True)
    unknown_from = models.DateTimeField(null=True)
    new_from = models.DateTimeField(null=True)
    running_from = models.DateTimeField(null=True)
    # The earliest moment from which anything worse than "new" holds: until then nothing else need be looked at.
    doubt_from = models.DateTimeField(null=True)
    patience = models.PositiveIntegerField(default=0)
    # What the verdict is made of, for the sentence that explains it.
    answers = models.JSONField(default=list)
    # One letter a schedule (HDWM), for the filter.
    schedules = models.CharField(max_length=4, blank=True)
    newest_usable = models.ForeignKey(
        "snapshots.Snapshot", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("newest usable")
    )
    newest_after = models.DateTimeField(null=True)
    newest_before = models.DateTimeField(null=True)
    usable_count = models.PositiveIntegerField(_("usable"), default=0)
    # A list that had a usable one, by the provider's clock; where there is none now, the last such list that is known.
    # It outlives the snapshots' rows. None: no list ever had one.
    last_usable_at = models.DateTimeField(null=True)
    # Why a verdict may be unknown: how many snapshots are in which doubt (`snapshots.verdicts.inputs.doubts_of`).
    doubts = models.JSONField(default=dict)
    # Seconds: the longest making of a snapshot that was seen.
    longest = models.PositiveIntegerField(default=0)
    # Day -> schedule's letter ("" of none) -> [made, failed], of the last weeks.
    days = models.JSONField(default=dict)
    # Schedule's letter -> [from, until] of each time in which no run began although one was due, of the last weeks.
    gaps = models.JSONField(default=dict)
    # When its usable ones fell by more than rotation explains.
    fewer_at = models.DateTimeField(null=True)
    judged_at = models.DateTimeField(null=True)

    objects = VolumeQuerySet.as_manager()

    class Meta:
        verbose_name = _("volume")
        verbose_name_plural = _("volumes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["environment", "volume_id"], name="volume_once_an_environment")
        ]
        indexes: ClassVar = [
            models.Index(fields=["team", "name", "id"], name="volume_by_name"),
            # All that verdicts, counts and order are made of: no page walks the wide rows for them.
            models.Index(fields=JUDGED_FIELDS, name="volume_by_verdict"),
        ]

    def __str__(self) -> str:
        return self.name or self.volume_id
