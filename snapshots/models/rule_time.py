"""What a report reads: from when to when each volume's rule was met, and when an environment had no complete list."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from snapshots.models.environment import Environment
from snapshots.models.volume import Volume


class RuleTime(models.Model):
    """A time in which a volume's rule was met, not met or unknown, as the complete lists say. By our clock.

    A volume has one open row at most; without one it is not counted, as it is excluded or deleted. Times without a
    complete list are not cut out here: they are the same for a whole environment (`DataGap`).
    """

    class State(models.IntegerChoices):
        MET = 1, _("met")
        NOT_MET = 2, _("not met")
        UNKNOWN = 3, _("unknown")

    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("environment")
    )
    volume = models.ForeignKey(
        Volume, on_delete=models.CASCADE, related_name="rule_times", db_index=False, verbose_name=_("volume")
    )
    state = models.PositiveSmallIntegerField(_("state"), choices=State.choices)
    began_at = models.DateTimeField(_("began"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    # The rule in force: the target, 0 without one, and a letter for each schedule. With neither of them only one
    # usable snapshot is asked for.
    target_hours = models.PositiveIntegerField(_("target, hours"), default=0)
    schedules = models.CharField(max_length=5, blank=True)

    class Meta:
        verbose_name = _("time of a rule")
        verbose_name_plural = _("times of rules")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["volume"], condition=Q(ended_at__isnull=True), name="rule_time_one_open_a_volume"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["volume", "began_at"], name="rule_time_of_volume"),
            models.Index(fields=["environment", "ended_at"], name="rule_time_of_environment"),
        ]

    def __str__(self) -> str:
        return f"{self.State(self.state).name.lower()} since {self.began_at:%Y-%m-%d %H:%M}"


class DataGap(models.Model):
    """A time of more than an hour without a complete list of an environment (`snapshots.verdicts.watched_time`)."""

    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="data_gaps", db_index=False, verbose_name=_("environment")
    )
    began_at = models.DateTimeField(_("began"))
    ended_at = models.DateTimeField(_("ended"))
    # The last fault of it; empty: nobody asked, or lists were incomplete or doubted.
    fault_kind = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name = _("time without data")
        verbose_name_plural = _("times without data")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["environment", "ended_at"], name="data_gap_once_an_environment")
        ]

    def __str__(self) -> str:
        return f"no data of environment {self.environment_id} until {self.ended_at:%Y-%m-%d %H:%M}"
