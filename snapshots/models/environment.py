"""An environment as one team's key sees it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, Q
from django.utils.translation import gettext_lazy as _

from dashboard.backends.prepared import Prepared
from dashboard.teams.models import Team
from snapshots.rules.clock_skew import Clocks

# How often the sync requests the list of volumes.
VOLUMES_EVERY = timedelta(minutes=15)
# Data counts as old when it exceeds the TTL by more than one refresh.
LEAST_CURRENT = timedelta(seconds=30)
# Faults of the key, not of the provider: a new key is tried at once.
REFUSED_KINDS = ("refused", "key_unreadable", "invalid_key")
# Faults of the volumes endpoint that mean that the key may not read it: 401, 403 and 404.
CLOSED_KINDS = ("refused", "not_found")
GENERATION_ID_BYTES = 12
VERSION_SIGNS = 32


def ttl() -> timedelta:
    """Return how old a list may be before a page requests a new one."""
    return timedelta(seconds=int(settings.SYNC_TTL_SECONDS))


def _new_generation_id() -> str:
    return token_urlsafe(GENERATION_ID_BYTES)


def _no_facets() -> dict[str, Any]:
    return {}


class EnvironmentQuerySet(models.QuerySet["Environment"]):
    def of_team(self, team: Team) -> Self:
        return self.filter(team=team).order_by("name", "service_code")

    def removed(self) -> Self:
        return self.filter(removed_at__isnull=False)

    def hidden(self) -> Self:
        """Return those of which no row is shown: removed, or half written."""
        return self.filter(Q(removed_at__isnull=False) | Q(half_written_since__isnull=False))

    def raise_generation(self, **values: object) -> None:
        """Raise the generation of these environments because rows changed; `values` are stored with it."""
        self.update(**values, generation=F("generation") + 1, generation_id=_new_generation_id())


def generation_of(environments: Iterable["Environment"]) -> str:
    """Return a version string for the rows of several environments, of constant length."""
    versions = [environment.rows_version for environment in environments]
    return sha256(repr(versions).encode()).hexdigest()[:VERSION_SIGNS]


class ShownEnvironments(models.Manager["Environment"]):
    """Excludes removed environments; `Environment.everything` includes them."""

    def get_queryset(self) -> EnvironmentQuerySet:
        return EnvironmentQuerySet(self.model, using=self._db).filter(removed_at__isnull=True)

    def of_team(self, team: Team) -> EnvironmentQuerySet:
        return self.get_queryset().of_team(team)

    def listed_of(self, team: Team) -> list["Environment"]:
        """Read a team's environments, in the same order."""
        found = OF_TEAM.all(team=team.pk)
        for environment in found:
            environment.team = team
        return found


class Environment(models.Model):
    """One environment as one team's key sees it, with the age of its data, its lease and its faults."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="environments", verbose_name=_("team"))
    service_code = models.CharField(_("service code"), max_length=64)
    name = models.CharField(_("environment name"), max_length=64)
    # Hidden since then, and deleted some days later unless it is added again.
    removed_at = models.DateTimeField(null=True)

    # Raised whenever a row changed. After a restore the number is used again for other rows; the id is not.
    generation = models.PositiveBigIntegerField(default=0)
    generation_id = models.CharField(max_length=16, blank=True, default="", db_default="")
    facets = models.JSONField(default=_no_facets)

    # When the newest complete list was requested. `partial_at`: the newest incomplete one, and what was wrong with it.
    listed_at = models.DateTimeField(null=True)
    first_listed_at = models.DateTimeField(null=True)
    # Its first list is being written, in many transactions, or was never written to its end: no row may be shown.
    half_written_since = models.DateTimeField(null=True)
    # The newest trusted complete list: a snapshot that is first seen after it did not exist before it.
    believed_at = models.DateTimeField(null=True)
    # The newest trusted complete list, and [from, until] of each longer time without one
    # (`snapshots.verdicts.watched_time`).
    watched_at = models.DateTimeField(null=True)
    silences = models.JSONField(default=list)
    # `listed_at` by the provider's clock, which names and deadlines use; and its difference to our clock.
    data_at = models.DateTimeField(null=True)
    clock_ahead = models.IntegerField(_("provider's clock ahead, seconds"), default=0)
    # The part of the difference that is not followed (`snapshots.rules.clock_skew`): pages show it.
    clock_unfollowed = models.IntegerField(_("not believed of it, seconds"), default=0, db_default=0)
    # The rest of `snapshots.rules.clock_skew.Clocks`.
    clock_read_at = models.DateTimeField(null=True)
    clock_apart_since = models.DateTimeField(null=True)
    clock_correction = models.IntegerField(default=0, db_default=0)
    clock_doubt = models.PositiveIntegerField(default=0, db_default=0)
    clock_earlier = models.PositiveIntegerField(default=0, db_default=0)
    partial_at = models.DateTimeField(null=True)
    partial_reason = models.CharField(max_length=200, blank=True)
    body_hash = models.CharField(max_length=64, blank=True)
    # Anything unusual about the newest complete list, as comma-separated words: `Listing.doubts`, "capped".
    list_notes = models.CharField(max_length=100, blank=True, default="", db_default="")
    # How many rows the newest trusted list had, and the most of any list: a list of that length may be truncated.
    listed_rows = models.PositiveIntegerField(default=0, db_default=0)
    most_rows = models.PositiveIntegerField(default=0, db_default=0)
    # The length at which lists are known to be truncated; 0 if they are not.
    capped_rows = models.PositiveIntegerField(default=0, db_default=0)
    # The key of the newest complete list, and since when it is used: another key may see less or more.
    listed_key = models.CharField(max_length=40, blank=True, default="", db_default="")
    key_since = models.DateTimeField(null=True)

    # A list that lost too many rows to be trusted at once: since when, how often confirmed, when last.
    suspect_since = models.DateTimeField(null=True)
    suspect_checks = models.PositiveSmallIntegerField(default=0)
    suspect_at = models.DateTimeField(null=True)
    suspect_gone = models.PositiveIntegerField(default=0)
    suspect_listed = models.PositiveIntegerField(default=0)

    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    # The key of the last call (row and generation): a new key is tried at once.
    key_mark = models.CharField(max_length=40, blank=True)

    fault_kind = models.CharField(max_length=40, blank=True)
    fault_sentence = models.CharField(max_length=500, blank=True)
    fault_status = models.PositiveSmallIntegerField(null=True)
    fault_since = models.DateTimeField(null=True)
    fault_count = models.PositiveIntegerField(default=0)
    # Fault -> how often it happened. Never reset; for metrics.
    fault_totals = models.JSONField(default=dict)
    # How many seconds the request for the last stored list took.
    fetched_in = models.FloatField(null=True)
    next_try_at = models.DateTimeField(null=True)
    retry_after_at = models.DateTimeField(null=True)

    volumes_listed_at = models.DateTimeField(null=True)
    volumes_key = models.CharField(max_length=40, blank=True, default="", db_default="")
    volumes_key_since = models.DateTimeField(null=True)
    volumes_tried_at = models.DateTimeField(null=True)
    volumes_fault = models.CharField(max_length=40, blank=True)
    volumes_fault_count = models.PositiveIntegerField(default=0)
    volumes_next_try_at = models.DateTimeField(null=True)
    volumes_suspect_since = models.DateTimeField(null=True)
    volumes_suspect_checks = models.PositiveSmallIntegerField(default=0)
    volumes_suspect_at = models.DateTimeField(null=True)
    volumes_suspect_listed = models.PositiveIntegerField(default=0)

    # The target for its volumes, in hours. None: the team's target; 0: no age limit.
    target_hours = models.PositiveIntegerField(_("target, hours"), null=True)
    excluded_until = models.DateTimeField(_("excluded until"), null=True)
    exclusion_reason = models.CharField(_("why excluded"), max_length=200, blank=True)
    excluded_by = models.CharField(_("excluded by"), max_length=254, blank=True)

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
        """Its label: "prod · compute-on"."""
        return f"{self.name} · {self.service_code}"

    @property
    def path(self) -> str:
        """Its name in URLs and filters: "compute-on/prod"."""
        return f"{self.service_code}/{self.name}"

    def raise_generation(self) -> None:
        """Raise its generation because rows changed. The caller saves it."""
        self.generation += 1
        self.generation_id = _new_generation_id()

    @property
    def rows_version(self) -> str:
        """Identifies the state of its rows, for cache keys and ETags: no two states share one."""
        return f"{self.pk}:{self.path}:{self.generation}:{self.generation_id}"

    # Whether the provider's clock was right at the previous list, so that names are right. Set by each sync.
    was_provider_right = True
    # Whether a row proves that the believed list lacked rows that existed. Each sync sets it; it is not stored.
    is_list_refuted = False

    @property
    def clocks(self) -> Clocks:
        """The provider's clock and ours at the newest list."""
        return Clocks(
            self.clock_read_at,
            self.clock_ahead,
            self.clock_ahead + self.clock_unfollowed,
            self.clock_apart_since,
            self.clock_correction,
            self.clock_doubt,
            self.clock_earlier,
        )

    @clocks.setter
    def clocks(self, clocks: Clocks) -> None:
        self.clock_read_at, self.clock_ahead, self.clock_unfollowed = clocks.at, clocks.ahead, clocks.unfollowed
        self.clock_apart_since, self.clock_correction = clocks.apart_since, clocks.correction
        self.clock_doubt, self.clock_earlier = clocks.doubt, clocks.earlier

    @property
    def clocks_apart(self) -> timedelta:
        """By how much the newest list may be later than stored, if it is not known which clock is wrong."""
        return timedelta(seconds=self.clock_doubt)

    @property
    def answered_at(self) -> datetime | None:
        """When it last returned a list of any kind; the TTL starts then."""
        return max((at for at in (self.listed_at, self.partial_at) if at), default=None)

    def data_age(self, now: datetime) -> timedelta | None:
        """Return how long ago the newest complete list was requested, at `now` of our clock; None without a list.

        `listed_at` is corrected, `now` is not. Our clock may have been corrected since: the greater age counts.
        """
        if self.listed_at is None:
            return None
        return now - self.listed_at + timedelta(seconds=max(0, self.clock_correction))

    def is_current(self, now: datetime, ttl: timedelta) -> bool:
        """Whether the data is current: recent, without a fault, complete and trusted."""
        age = self.data_age(now)
        if age is None or self.fault_kind or self.is_partial or self.suspect_since:
            return False
        return age <= max(2 * ttl, LEAST_CURRENT)

    @property
    def is_partial(self) -> bool:
        return self.partial_at is not None and (self.listed_at is None or self.partial_at > self.listed_at)

    @property
    def knows_volumes(self) -> bool:
        """Whether the key may read the list of volumes; if not, volumes without snapshots are not known."""
        return self.volumes_fault not in CLOSED_KINDS

    @property
    def is_refused(self) -> bool:
        return self.fault_kind in REFUSED_KINDS


def not_hidden(team: Team) -> Q:
    """Return the condition that a row's environment is shown.

    If the team hides no environment, as is usual, this reads no row, so a deep page stays in its index.
    """
    hidden = Environment.everything.filter(team=team).hidden()
    return Q(~Exists(hidden)) | ~Q(environment__in=hidden)


def in_whole(environments: Iterable[Environment]) -> Q:
    """Return the condition that a row belongs to one of these environments, which is not half written.

    One that never answered is half written, or may have become so since it was read. No other one ever is.
    """
    places = list(environments)
    if all(place.answered_at for place in places):
        return Q(environment__in=places)
    return Q(environment__in=places, environment__half_written_since__isnull=True)


OF_TEAM = Prepared(lambda team: Environment.objects.of_team(team))
