"""Alerts: what was announced of problems, and the outbox of messages to the team's channels."""

from datetime import datetime, timedelta
from typing import ClassVar, Self
from uuid import uuid4

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from dashboard.teams.models import Team
from snapshots.models.channel import Channel
from snapshots.models.environment import Environment
from snapshots.models.problem import Problem

CLOCKS_APART = timedelta(minutes=1)


class Alert(models.Model):
    """Problems of one kind in one environment, announced together: that they began, or that all of them ended.

    Or volumes that lost many snapshots, which is no problem and has no kind.

    `content` is what was known then; all receivers get the same, however late.
    """

    class Event(models.TextChoices):
        BEGAN = "began", _("began")
        ENDED = "ended", _("ended")
        # Of no problem: volumes lost more than half of their usable snapshots within a day.
        FEWER = "fewer", _("many fewer usable")

    NO_KIND = 0

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", verbose_name=_("team"))
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="alerts", verbose_name=_("environment")
    )
    event = models.CharField(_("event"), max_length=5, choices=Event.choices)
    kind = models.PositiveSmallIntegerField(_("kind"), choices=Problem.Kind.choices)
    at = models.DateTimeField(_("time"), db_index=True)
    # Of an end: the beginning that it answers. One end at most.
    beginning = models.OneToOneField("self", on_delete=models.CASCADE, null=True, related_name="end")
    # Of a beginning: no end will follow, or it was announced.
    is_over = models.BooleanField(default=False)
    content = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        indexes: ClassVar = [
            models.Index(fields=["environment"], condition=Q(event="began", is_over=False), name="alert_not_over")
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.event}"

    @property
    def code(self) -> str:
        """The code of its kind, as channels send it."""
        return Problem.Kind(self.kind).code if self.kind else str(self.event)

    @property
    def label(self) -> str:
        return str(Problem.Kind(self.kind).label if self.kind else _("Many fewer usable"))


class AnnouncedProblem(models.Model):
    """A problem's newest alert. A problem has one at most, so nothing is announced twice."""

    problem = models.OneToOneField(Problem, on_delete=models.CASCADE, related_name="announced")
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="announced")

    class Meta:
        verbose_name = _("announced problem")
        verbose_name_plural = _("announced problems")

    def __str__(self) -> str:
        return f"problem {self.problem_id} in alert {self.alert_id}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def pending(self) -> Self:
        return self.filter(outcome="")

    def due(self, now: datetime, lease: timedelta) -> Self:
        """Return those to send now: an end only after its beginning, and nothing to a paused channel.

        A lease longer than any comes from a clock that was set back since.
        """
        before = Delivery.objects.pending().filter(channel=OuterRef("channel"), alert=OuterRef("alert__beginning"))
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=now) | Q(lease_until__gt=now + lease + CLOCKS_APART)
        found = self.pending().filter(free, due_at__lte=now, channel__paused_at__isnull=True)
        return found.filter(~Exists(before)).order_by("pk")


class Delivery(models.Model):
    """A message to one channel, from the transaction that decided it until it is sent, or given up."""

    class Event(models.TextChoices):
        ALERT = "alert", _("alert")
        SUMMARY = "summary", _("summary")
        TEST = "test", _("test")
        DIGEST = "digest", _("digest")
        # For admins: a channel was paused after days of failures.
        PAUSE = "pause", _("pause")

    class Outcome(models.TextChoices):
        SENT = "sent", _("sent")
        # Told in a summary, as there were too many.
        SUMMARIZED = "summarized", _("summarized")
        GIVEN_UP = "given_up", _("given up")

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    # The same at every try: receivers know by it what they have already.
    message_id = models.UUIDField(default=uuid4, unique=True)
    # What it is about, so that no channel gets the same thing twice.
    key = models.CharField(max_length=40)
    event = models.CharField(_("event"), max_length=10, choices=Event.choices)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, null=True, related_name="deliveries")
    # Of a summary: the alerts in it. Of a pause: the channel and its failure. Of a digest: its time.
    content = models.JSONField(default=dict)
    made_at = models.DateTimeField(_("made"))
    due_at = models.DateTimeField(_("due"))
    tries = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, blank=True)
    done_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints: ClassVar = [models.UniqueConstraint(fields=["channel", "key"], name="delivery_once_a_channel")]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(outcome=""), name="delivery_pending"),
            models.Index(fields=["channel", "done_at"], name="delivery_done"),
        ]

    def __str__(self) -> str:
        return f"{self.key} to channel {self.channel_id}"
