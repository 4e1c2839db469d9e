"""Snapshots."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import OuterRef, Q
from django.db.models.lookups import GreaterThan
from django.db.models.sql.compiler import SQLCompiler
from django.utils.translation import gettext_lazy as _

from dashboard.teams.models import Team
from snapshots.models.environment import Environment, in_whole, not_hidden
from snapshots.rules.states import USABLE_STATE
from snapshots.rules.taken_time import TakenFrom

# A range of more days than this has its own index, by which the few such rows are found.
USUAL_DAYS = 1.0


class Unindexed(models.Func):
    """A column that SQLite looks up in no index. PostgreSQL has statistics, and decides by itself."""

    template = "%(expressions)s"
    arity = 1

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        return self.as_sql(compiler, connection, template="+%(expressions)s", **context)


class Days(models.Func):
    """How many days there are between two moments, by functions that an index may contain."""

    arity = 2
    output_field = models.FloatField()
    template = "extract(epoch FROM %(expressions)s) / 86400"
    arg_joiner = " - "

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        # The expressions come with the later moment first, as for the difference above.
        between = {"template": "julianday(%(expressions)s)", "arg_joiner": ") - julianday("}
        return self.as_sql(compiler, connection, **between, **context)


RANGE_DAYS = Days("taken_before", "taken_after")


class SnapshotQuerySet(models.QuerySet["Snapshot"]):
    def of_team(self, team: Team) -> Self:
        return self.filter(not_hidden(team), team=team)

    def of_environment(self, environment: Environment) -> Self:
        """Return the rows that are shown of an environment that is not removed."""
        return self.filter(in_whole([environment]))

    def listed(self) -> Self:
        """Return snapshots that are not missing: listed, or absent from only the last list."""
        # IN and not =: for the latter Django writes the bare column, which SQLite looks up in no index.
        return self.filter(listed__in=[True])

    def no_longer_listed(self) -> Self:
        return self.filter(listed__in=[False])

    def usable(self) -> Self:
        """Return snapshots that can be restored, as far as the mirror knows: completed, and in the newest list."""
        return self.listed().filter(state=USABLE_STATE, missing_since__isnull=True)

    def of_volume(self, environment: Environment, volume_id: str | OuterRef) -> Self:
        # With the team, which is the first column of the index.
        return self.filter(team=environment.team_id, environment=environment, volume_id=volume_id)

    def newest_first(self) -> Self:
        return self.order_by("-taken_key", "-pk")


class Snapshot(models.Model):
    """A snapshot as the provider last sent it, and when it was taken as far as is known."""

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
    taken_source = models.CharField(_("source of the time"), max_length=8, default=TakenFrom.SYNCS)
    taken_key = models.DateTimeField()
    # The provider's date field, if it sends one.
    created_at = models.DateTimeField(null=True)

    first_seen_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    usable_at = models.DateTimeField(null=True)
    # How many seconds it was in progress at least, if a sync saw that.
    ran_for = models.PositiveIntegerField(null=True)
    # Written when it leaves the list, not while it is listed: an unchanged list writes no row.
    last_seen_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)
    # When the provider last returned it by its id, although its lists do not have it.
    found_at = models.DateTimeField(null=True)
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
            # For the few rows that left a list: recent losses, regardless of their age.
            models.Index(
                fields=["environment", "missing_since"],
                condition=Q(missing_since__isnull=False),
                name="snapshot_by_missing",
            ),
            # For the order by time: the rows that are not near their key in it.
            models.Index(
                fields=["team", "taken_after", "taken_before"],
                condition=Q(taken_after__isnull=True) | Q(GreaterThan(RANGE_DAYS, USUAL_DAYS)),
                name="snapshot_of_vague_time",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.snapshot_id

    @property
    def is_usable(self) -> bool:
        return self.state == USABLE_STATE and self.listed and self.missing_since is None

    @property
    def is_candidate(self) -> bool:
        """Whether it is absent from a complete list, but not yet confirmed as missing."""
        return self.listed and self.missing_since is not None
