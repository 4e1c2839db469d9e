"""The mirror: one row per snapshot ever seen, and what is known of its environment and volume."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from dashboard.teams.models import Team
from snapshots.states import USABLE_STATE

# A page may lag behind its own TTL by one refresh before it is called old.
LEAST_CURRENT = timedelta(seconds=30)
# Faults of the key, not of the provider: another key is tried at once.
REFUSED_KINDS = ("refused", "key_unreadable", "invalid_key")


def _no_facets() -> dict[str, Any]:
    return {}


class EnvironmentQuerySet(models.QuerySet["Environment"]):
    def of_team(self, team: Team) -> Self:
        return self.filter(team=team).order_by("name", "service_code")

    def removed(self) -> Self:
        return self.filter(removed_at__isnull=False)


class ShownEnvironments(models.Manager["Environment"]):
    """Every read passes over what was removed; who wants to see that too asks `Environment.everything`."""

    def get_queryset(self) -> EnvironmentQuerySet:
        return EnvironmentQuerySet(self.model, using=self._db).filter(removed_at__isnull=True)

    def of_team(self, team: Team) -> EnvironmentQuerySet:
        return self.get_queryset().of_team(team)


class Environment(models.Model):
    """One environment as one team's key sees it: its data's age, its lease and its faults."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="environments", verbose_name=_("team"))
    service_code = models.CharField(_("service code"), max_length=64)
    name = models.CharField(_("environment name"), max_length=64)
    # Hidden since then, and forgotten some days later unless it is added again.
    removed_at = models.DateTimeField(null=True)

    # Raised whenever a row of it changed: the cached tables' keys hold it.
    generation = models.PositiveBigIntegerField(default=0)
    facets = models.JSONField(default=_no_facets)

    # When the newest complete list was asked for; the newest incomplete one, and what was wrong with it.
    listed_at = models.DateTimeField(null=True)
    first_listed_at = models.DateTimeField(null=True)
    # The newest complete list that was not doubted: what is first seen after it was not there before it.
    believed_at = models.DateTimeField(null=True)
    partial_at = models.DateTimeField(null=True)
    partial_reason = models.CharField(max_length=200, blank=True)
    body_hash = models.CharField(max_length=64, blank=True)

    # A list that lost too much to be believed at once: since when, how often agreed to, when last.
    suspect_since = models.DateTimeField(null=True)
    suspect_checks = models.PositiveSmallIntegerField(default=0)
    suspect_at = models.DateTimeField(null=True)
    suspect_gone = models.PositiveIntegerField(default=0)
    suspect_listed = models.PositiveIntegerField(default=0)

    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    # Which key the last call used (row and generation): another one is tried at once.
    key_mark = models.CharField(max_length=40, blank=True)

    fault_kind = models.CharField(max_length=40, blank=True)
    fault_sentence = models.CharField(max_length=500, blank=True)
    fault_status = models.PositiveSmallIntegerField(null=True)
    fault_since = models.DateTimeField(null=True)
    fault_count = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    retry_after_at = models.DateTimeField(null=True)

    volumes_listed_at = models.DateTimeField(null=True)
    volumes_tried_at = models.DateTimeField(null=True)
    volumes_fault = models.CharField(max_length=40, blank=True)
    volumes_suspect_since = models.DateTimeField(null=True)
    volumes_suspect_checks = models.PositiveSmallIntegerField(default=0)
    volumes_suspect_at = models.DateTimeField(null=True)
    volumes_suspect_listed = models.PositiveIntegerField(default=0)

    objects = ShownEnvironments()
    everything = EnvironmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("environment")
        verbose_name_plural = _("environments")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "service_code", "name"], name="environment_once_a_team")
        ]

    def __str__(self) -> str:
        return self.place

    @property
    def place(self) -> str:
        """How people name it: "prod · compute-on"."""
        return f"{self.name} · {self.service_code}"

    @property
    def path(self) -> str:
        """How addresses and filters name it: "compute-on/prod"."""
        return f"{self.service_code}/{self.name}"

    @property
    def answered_at(self) -> datetime | None:
        """When it last gave a list of any kind: what the TTL counts from."""
        return max((at for at in (self.listed_at, self.partial_at) if at), default=None)

    def is_current(self, now: datetime, ttl: timedelta) -> bool:
        """Whether what we show is what the provider said a moment ago: no fault, nothing incomplete or doubted."""
        if self.listed_at is None or self.fault_kind or self.is_partial or self.suspect_since:
            return False
        return now - self.listed_at <= max(2 * ttl, LEAST_CURRENT)

    @property
    def is_partial(self) -> bool:
        return self.partial_at is not None and (self.listed_at is None or self.partial_at > self.listed_at)

    @property
    def is_refused(self) -> bool:
        return self.fault_kind in REFUSED_KINDS


def _not_removed(team: Team) -> Q:
    """Of rows: that their environment is not hidden.

    Where the team has removed none, which is nearly always, no row is read for it: a deep page stays in its index.
    """
    removed = Environment.everything.filter(team=team).removed()
    return Q(~Exists(removed)) | ~Q(environment__in=removed)


class SnapshotQuerySet(models.QuerySet["Snapshot"]):
    def of_team(self, team: Team) -> Self:
        return self.filter(_not_removed(team), team=team)

    def listed(self) -> Self:
        """What the provider lists, and what it left out of its last list but may still have."""
        # IN and not =: for the latter Django writes the bare column, which SQLite looks up in no index.
        return self.filter(listed__in=[True])

    def no_longer_listed(self) -> Self:
        return self.filter(listed__in=[False])

    def usable(self) -> Self:
        """What can be restored from, as far as the mirror knows: completed, and in the newest complete list."""
        return self.listed().filter(state=USABLE_STATE, missing_since__isnull=True)

    def of_volume(self, environment: Environment, volume_id: str | OuterRef) -> Self:
        # With the team, which leads the index of a volume's rows.
        return self.filter(team=environment.team_id, environment=environment, volume_id=volume_id)

    def newest_first(self) -> Self:
        return self.order_by("-taken_key", "-pk")


class Snapshot(models.Model):
    """A snapshot as the provider last gave it, and when it was taken as far as we can know."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("team"))
    environment = models.ForeignKey(
        Environment,
        on_delete=models.CASCADE,
        related_name="snapshots",
        db_index=False,
        verbose_name=_("environment"),
    )
    snapshot_id = models.CharField(_("id"), max_length=36)
    name = models.CharField(_("name"), max_length=255, blank=True)
    state = models.CharField(_("state"), max_length=255, blank=True)
    interval_type = models.CharField(_("interval type"), max_length=255, blank=True)
    volume_id = models.CharField(_("volume id"), max_length=36, blank=True)
    volume = models.CharField(_("volume"), max_length=255, blank=True)
    volume_type = models.CharField(_("volume type"), max_length=255, blank=True)
    raw = models.TextField(_("raw record"), blank=True)
    fingerprint = models.CharField(max_length=32)

    taken_after = models.DateTimeField(null=True)
    taken_before = models.DateTimeField()
    taken_from_name = models.BooleanField(default=False)
    taken_key = models.DateTimeField()

    first_seen_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    usable_at = models.DateTimeField(null=True)
    # Written when it leaves the list, not while it is there: an unchanged list writes no row.
    last_seen_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)
    listed = models.BooleanField(default=True)

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        verbose_name = _("snapshot")
        verbose_name_plural = _("snapshots")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["environment", "snapshot_id"], name="snapshot_once_an_environment"),
            models.CheckConstraint(
                condition=Q(listed=True) | Q(missing_since__isnull=False), name="snapshot_gone_says_since_when"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["team", "listed", "-taken_key", "-id"], name="snapshot_by_taken"),
            models.Index(fields=["team", "listed", "name", "-id"], name="snapshot_by_name"),
            models.Index(fields=["team", "listed", "volume", "-taken_key", "-id"], name="snapshot_by_volume"),
            models.Index(fields=["team", "listed", "state", "-taken_key", "-id"], name="snapshot_by_state"),
            models.Index(fields=["team", "listed", "interval_type", "-taken_key", "-id"], name="snapshot_by_type"),
            models.Index(fields=["team", "volume_id", "listed", "-taken_key", "-id"], name="snapshot_of_volume"),
            models.Index(fields=["environment", "listed", "-taken_key", "-id"], name="snapshot_of_environment"),
        ]

    def __str__(self) -> str:
        return self.name or self.snapshot_id

    @property
    def is_usable(self) -> bool:
        return self.state == USABLE_STATE and self.listed and self.missing_since is None

    @property
    def is_candidate(self) -> bool:
        """Left out of a complete list, not yet confirmed as gone."""
        return self.listed and self.missing_since is not None


class VolumeQuerySet(models.QuerySet["Volume"]):
    def of_team(self, team: Team) -> Self:
        return self.filter(_not_removed(team), team=team)

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
