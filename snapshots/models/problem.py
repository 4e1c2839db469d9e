"""Problems: from when to when a volume's status was none, late, stuck or failing, or an environment gave no data."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from dashboard.teams.models import Membership, Team
from snapshots.models.environment import Environment, not_hidden
from snapshots.models.volume import Volume


class ProblemQuerySet(models.QuerySet["Problem"]):
    def of_team(self, team: Team) -> Self:
        return self.filter(not_hidden(team), team=team)

    def current(self) -> Self:
        """Return the open ones."""
        return self.filter(ended_at__isnull=True)

    def ended(self) -> Self:
        return self.filter(ended_at__isnull=False)

    def acknowledged(self, now: datetime) -> Self:
        """Return the open ones that are quiet: `Problem.is_quiet`, in SQL."""
        return self.current().filter(quiet_at(now))

    def not_acknowledged(self, now: datetime) -> Self:
        """Return the open ones that are not quiet."""
        return self.current().filter(~quiet_at(now))

    def not_replaced(self) -> Self:
        """Leave out those of volumes while their environment itself has an open problem."""
        own = Problem.objects.current().filter(environment=OuterRef("environment"), volume__isnull=True)
        return self.filter(Q(volume__isnull=True) | ~Exists(own))

    def unseen_by(self, member: Membership | int) -> Self:
        """Leave out those that a member has ticked off, unless they have got worse since."""
        ticks = ProblemTick.objects.filter(member=member, problem=OuterRef("pk"), kind__gte=OuterRef("kind"))
        return self.filter(~Exists(ticks))

    def worst_first(self) -> Self:
        return self.order_by("-kind", "began_at", "pk")

    def newest_first(self) -> Self:
        return self.order_by("-began_at", "-pk")


def quiet_at(now: datetime) -> Q:
    """Return the condition that an acknowledgement of an open problem holds: `Problem.is_quiet`."""
    # True or false, never null, so that `~` is its contrary.
    is_as_bad = ~Q(kind=Problem.Kind.NONE) | Q(acknowledged_kind__isnull=False, acknowledged_kind=Problem.Kind.NONE)
    return Q(acknowledged_until__isnull=False, acknowledged_until__gt=now) & is_as_bad


class Problem(models.Model):
    """One problem of a volume, or of an environment. All times by our clock.

    A volume, or an environment itself, has at most one open problem. While its status is unknown, a problem neither
    begins nor ends.
    """

    class Kind(models.IntegerChoices):
        """The greater, the worse."""

        FAILING = 1, _("Failing")
        STUCK = 2, _("Stuck")
        LATE = 3, _("Late")
        # No complete list for an hour.
        SILENT = 4, _("No data")
        REFUSED = 5, _("Key rejected")
        NONE = 6, _("No usable snapshot")

        @property
        def code(self) -> str:
            """Its name in the API, filters and CSS; that of a volume's verdict where it is one."""
            return self.name.lower()

    class End(models.TextChoices):
        RECOVERED = "recovered", _("recovered")
        EXCLUDED = "excluded", _("excluded")
        DELETED = "deleted", _("deleted")
        REMOVED = "removed", _("environment removed")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("team"))
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="problems", verbose_name=_("environment")
    )
    # None: a problem of the environment itself.
    volume = models.ForeignKey(
        Volume, on_delete=models.CASCADE, null=True, related_name="problems", db_index=False, verbose_name=_("volume")
    )
    kind = models.PositiveSmallIntegerField(_("kind"), choices=Kind.choices)
    # It began after `began_after` and not later than `began_at`. Equal: known exactly. None: not known at all.
    began_after = models.DateTimeField(null=True)
    began_at = models.DateTimeField(_("began"))
    # When it was first stored, and when a later list agreed: before that no alert is sent.
    noticed_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    end = models.CharField(_("end"), max_length=12, choices=End.choices, blank=True)
    # Each kind that it has had, in order: [kind, since when].
    steps = models.JSONField(default=list)
    # What was known when it began, and since its last step or its end: see `snapshots.alerts.facts`.
    facts_at_begin = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)

    acknowledged_by = models.CharField(_("acknowledged by"), max_length=254, blank=True)
    acknowledged_at = models.DateTimeField(null=True)
    # How bad it was then.
    acknowledged_kind = models.PositiveSmallIntegerField(null=True)
    acknowledged_until = models.DateTimeField(_("quiet until"), null=True)
    note = models.CharField(_("note"), max_length=500, blank=True)
    # A number, or an https address.
    ticket = models.CharField(_("ticket"), max_length=200, blank=True)

    objects = ProblemQuerySet.as_manager()

    class Meta:
        verbose_name = _("problem")
        verbose_name_plural = _("problems")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["volume"], condition=Q(ended_at__isnull=True), name="problem_one_open_a_volume"
            ),
            models.UniqueConstraint(
                fields=["environment"],
                condition=Q(ended_at__isnull=True, volume__isnull=True),
                name="problem_one_open_an_environment",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["team", "ended_at", "-kind", "began_at"], name="problem_worst_first"),
            models.Index(fields=["volume", "-began_at"], name="problem_of_volume"),
        ]

    def __str__(self) -> str:
        return f"{self.Kind(self.kind).code} since {self.began_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    @property
    def code(self) -> str:
        return self.Kind(self.kind).code

    def is_quiet(self, now: datetime) -> bool:
        """Whether a member's acknowledgement holds.

        It ends with its time and with the problem. When no usable snapshot is left, it holds only if that was known.
        """
        if not self.is_open or self.acknowledged_until is None or self.acknowledged_until <= now:
            return False
        return self.kind != self.Kind.NONE or self.acknowledged_kind == self.Kind.NONE


class ProblemTick(models.Model):
    """A member has ticked a problem off. It is for this member only, until the problem gets worse."""

    member = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="+", db_index=False)
    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="ticks")
    # How bad it was then.
    kind = models.PositiveSmallIntegerField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("tick")
        verbose_name_plural = _("ticks")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["member", "problem"], name="problem_tick_once_a_member")
        ]

    def __str__(self) -> str:
        return f"{self.problem_id} by {self.member_id}"
