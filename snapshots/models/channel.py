"""Channels: where a team's alerts go."""

from datetime import datetime, time, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Min, Q
from django.utils.translation import gettext_lazy as _

from dashboard.secrets import Secret, open_webhook_secret
from dashboard.teams.models import Membership, Team


class ChannelQuerySet(models.QuerySet["Channel"]):
    def of_team(self, team: Team) -> Self:
        return self.filter(team=team).order_by("type", "pk")

    def wanted(self) -> Self:
        """Leave out mailboxes that get only what concerns an admin."""
        return self.exclude(wants_alerts=False, digest="")

    def of_team_itself(self) -> Self:
        """Return webhooks and services."""
        return self.exclude(type=Channel.Type.MAIL)

    def keeping_incidents(self) -> Self:
        """Return those that keep a beginning open until its end comes."""
        return self.filter(type__in=KEEPING_INCIDENTS)

    def for_alerts(self) -> Self:
        return self.filter(wants_alerts=True)

    def with_next_try(self) -> Self:
        """Annotate when a message that failed is tried again."""
        failed = Q(deliveries__outcome="", deliveries__tries__gt=0)
        return self.annotate(next_at=Min("deliveries__due_at", filter=failed))

    def active(self) -> Self:
        return self.filter(paused_at__isnull=True)


class Channel(models.Model):
    """One receiver of a team's alerts: the mailbox of a member who wants them, a webhook, or a service."""

    class Type(models.TextChoices):
        MAIL = "mail", _("Email")
        WEBHOOK = "webhook", _("Webhook")
        SLACK = "slack", "Slack"
        TEAMS = "teams", "Teams"
        DISCORD = "discord", "Discord"
        MATTERMOST = "mattermost", "Mattermost"
        PAGERDUTY = "pagerduty", "PagerDuty"
        OPSGENIE = "opsgenie", "Opsgenie"
        NTFY = "ntfy", "ntfy"

    class Digest(models.TextChoices):
        NONE = "", _("None")
        DAILY = "daily", _("Every day")
        WEEKLY = "weekly", _("Every Monday")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="channels", verbose_name=_("team"))
    type = models.CharField(_("type"), max_length=10, choices=Type.choices)
    # Of a mailbox: whose it is. Who leaves the team gets no more mail.
    membership = models.OneToOneField(
        Membership, on_delete=models.CASCADE, null=True, related_name="channel", verbose_name=_("member")
    )
    # Without it, a mailbox gets only what concerns its member as an admin.
    wants_alerts = models.BooleanField(_("alerts"), default=True, db_default=True)
    # Of a mailbox: the summary, at an hour in UTC, and for which moment it was queued last.
    digest = models.CharField(_("summary"), max_length=6, choices=Digest.choices, blank=True, db_default="")
    digest_hour = models.PositiveSmallIntegerField(_("hour of the summary"), default=7, db_default=7)
    digested_at = models.DateTimeField(null=True)
    # Of a webhook or a service. A service's address or key is the secret; of its address only the host is in `url`.
    name = models.CharField(_("name"), max_length=60, blank=True)
    url = models.CharField(_("address"), max_length=500, blank=True)
    sealed = models.TextField(_("encrypted secret"), blank=True)
    # In UTC. Both or none; from later than until means over midnight.
    quiet_from = models.TimeField(_("quiet from"), null=True)
    quiet_until = models.TimeField(_("quiet until"), null=True)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    paused_at = models.DateTimeField(_("paused"), null=True)
    # Paused after days of failures, not by a member.
    is_given_up = models.BooleanField(default=False)
    last_success_at = models.DateTimeField(null=True)
    # The first failure since the last success, and the newest with its sentence.
    failing_since = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=200, blank=True)
    summarized_at = models.DateTimeField(null=True)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(type="mail", membership__isnull=False) | (~Q(type="mail") & Q(membership__isnull=True)),
                name="channel_of_its_type",
            ),
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="channel_quiet_both_or_none",
            ),
        ]

    def __str__(self) -> str:
        return self.membership.user.email if self.membership else self.name

    @property
    def is_mail(self) -> bool:
        return self.type == self.Type.MAIL

    @property
    def is_service(self) -> bool:
        return self.type not in (self.Type.MAIL, self.Type.WEBHOOK)

    @property
    def state(self) -> str:
        """What is known of it: paused, failing, ok or new."""
        if self.paused_at is not None:
            return "paused"
        if self.failing_since is not None:
            return "failing"
        return "ok" if self.last_success_at is not None else "new"

    @property
    def next_try(self) -> datetime | None:
        """As `with_next_try` found it."""
        found: datetime | None = vars(self).get("next_at")
        return found

    def secret(self) -> Secret:
        """Decrypt a webhook's or a service's secret. Raises `KeyUnreadable`."""
        return open_webhook_secret(self.sealed, team_pk=self.team_id)

    def quiet_end(self, now: datetime) -> datetime | None:
        """Return when its quiet hours end; None outside of them."""
        begin, end = self.quiet_from, self.quiet_until
        if begin is None or end is None or not _is_within(now.time(), begin, end):
            return None
        today = datetime.combine(now.date(), end, now.tzinfo)
        return today if today > now else today + timedelta(days=1)


KEEPING_INCIDENTS = (Channel.Type.WEBHOOK, Channel.Type.PAGERDUTY, Channel.Type.OPSGENIE)
PAGING = (Channel.Type.PAGERDUTY, Channel.Type.OPSGENIE)


def _is_within(moment: time, begin: time, end: time) -> bool:
    return begin <= moment < end if begin <= end else moment >= begin or moment < end
