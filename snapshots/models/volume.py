"""Volumes."""

from datetime import timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from dashboard.teams.models import Team
from snapshots.models.environment import Environment, in_whole, not_hidden
from snapshots.rules.verdict import ALWAYS

JUDGED_FIELDS = (
    *("environment", "doubt_from", "deleted_at", "excluded_until"),
    *("none_from", "late_from", "stuck_from", "failing_from", "unknown_from", "new_from", "running_from"),
    *("patience", "newest_before", "newest_after", "usable_count", "snapshot_count", "schedules", "target_hours"),
    *("last_usable_at", "instance_name"),
)
# How long a page shows an exclusion that expired.
RETURN_IS_SAID = timedelta(days=14)


class VolumeQuerySet(models.QuerySet["Volume"]):
    def of_team(self, team: Team) -> Self:
        return self.filter(not_hidden(team), team=team)

    def of_environment(self, environment: Environment) -> Self:
        """Return the rows that are shown of an environment that is not removed."""
        return self.filter(in_whole([environment]))

    def matching(self, text: str) -> Self:
        """Search by name, instance or id; every word must match one of them."""
        found = self
        for word in text.split():
            found = found.filter(Q(name__holds=word) | Q(instance_name__holds=word) | Q(volume_id__begins=word))
        return found


class Volume(models.Model):
    """A volume, identified by environment and volume id; from the provider's list, or only from its snapshots."""

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
    # Whether the volumes endpoint ever listed it; if not, its name is that in its newest snapshot.
    from_endpoint = models.BooleanField(default=False)
    last_seen_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)
    listed = models.BooleanField(default=False)
    snapshot_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(null=True)
    # When a sync first saw it: it was created before, even if the provider's date is later.
    first_seen_at = models.DateTimeField(null=True)
    # When it was last requested by its id.
    asked_at = models.DateTimeField(null=True)
    # Two complete lists did not have it and its retrieve call answered 404; or a member marked it as deleted.
    deleted_at = models.DateTimeField(null=True)

    # Its target, in hours. None: the environment's target; 0: no age limit.
    target_hours = models.PositiveIntegerField(_("target, hours"), null=True)
    excluded_until = models.DateTimeField(_("excluded until"), null=True)
    exclusion_reason = models.CharField(_("why excluded"), max_length=200, blank=True)
    excluded_by = models.CharField(_("excluded by"), max_length=254, blank=True)
    # When it was excluded: volumes excluded together share the time, and are resumed together.
    excluded_at = models.DateTimeField(_("excluded since"), null=True)
    # Schedule -> since when it is intentionally stopped.
    ended = models.JSONField(default=dict)
    # The rhythm of its manual snapshots that a member confirmed: schedule, since when, by whom.
    rhythm = models.JSONField(default=dict)
    # When its newest manual snapshots were taken, and the rhythm that is suggested: `snapshots.verdicts.suggested`.
    manual = models.JSONField(default=dict)
    # A rhythm that no run confirmed until then is not suggested any more.
    suggested_until = models.DateTimeField(null=True)

    # When each verdict begins, unless new data changes it: `snapshots.rules.verdict.Thresholds`. A volume that was
    # never judged is unknown, not fresh.
    none_from = models.DateTimeField(null=True)
    late_from = models.DateTimeField(null=True)
    stuck_from = models.DateTimeField(null=True)
    failing_from = models.DateTimeField(null=True)
    unknown_from = models.DateTimeField(null=True, default=ALWAYS)
    new_from = models.DateTimeField(null=True)
    running_from = models.DateTimeField(null=True)
    # The earliest time at which a verdict worse than "new" begins: before it no other column matters.
    doubt_from = models.DateTimeField(null=True, default=ALWAYS)
    patience = models.PositiveIntegerField(default=0)
    # What the verdict is based on, for the sentence that explains it.
    answers = models.JSONField(default=list)
    # One letter per schedule (HDWM, R for a rhythm), for the filter.
    schedules = models.CharField(max_length=5, blank=True)
    newest_usable = models.ForeignKey(
        "snapshots.Snapshot", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("newest usable")
    )
    newest_after = models.DateTimeField(null=True)
    newest_before = models.DateTimeField(null=True)
    usable_count = models.PositiveIntegerField(_("usable"), default=0)
    # The last known list with a usable snapshot, by the provider's clock. Kept when the snapshots' rows are deleted.
    # None: no list ever had one.
    last_usable_at = models.DateTimeField(null=True)
    # Why a verdict may be unknown: how many snapshots have which doubt (`snapshots.verdicts.doubts`).
    doubts = models.JSONField(default=dict)
    # Seconds: the longest time that a snapshot was seen in progress.
    longest = models.PositiveIntegerField(default=0)
    # Day -> schedule's letter ("" for none) -> [completed, failed], for the last weeks.
    days = models.JSONField(default=dict)
    # Schedule's letter -> [from, until] of each time when a due run did not start, for the last weeks.
    gaps = models.JSONField(default=dict)
    # When its usable snapshots decreased by more than rotation explains.
    fewer_at = models.DateTimeField(null=True)
    # The `fewer_at` of which an alert was decided last.
    fewer_told_at = models.DateTimeField(null=True)
    judged_at = models.DateTimeField(null=True)

    objects = VolumeQuerySet.as_manager()

    class Meta:
        verbose_name = _("volume")
        verbose_name_plural = _("volumes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["environment", "volume_id"], name="volume_once_an_environment")
        ]
        indexes: ClassVar = [
            # With all that a search reads of volumes.
            models.Index(
                fields=["team", "name", "id", "instance_name", "volume_id", "environment"], name="volume_by_name"
            ),
            # Everything that verdicts, counts and order need, so that no page reads the wide rows.
            models.Index(fields=JUDGED_FIELDS, name="volume_by_verdict"),
            # For the few that alerts look for after each list.
            models.Index(
                fields=["environment", "fewer_at"], condition=Q(fewer_at__isnull=False), name="volume_with_fewer"
            ),
            models.Index(
                fields=["team", "suggested_until"],
                condition=Q(suggested_until__isnull=False),
                name="volume_with_suggestion",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.volume_id

    @property
    def rhythm_name(self) -> str:
        """The confirmed rhythm as a schedule, "" without one."""
        return str(self.rhythm.get("schedule", ""))
