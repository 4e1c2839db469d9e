"""Feeds: the address under which a feed reader gets a team's problems."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from dashboard.teams.mfa.adapter import is_secured
from dashboard.teams.models import Membership


class FeedQuerySet(models.QuerySet["Feed"]):
    def alive(self) -> Self:
        """Return those of active users, with a second factor where the team requires one."""
        found = self.filter(membership__user__is_active=True)
        return found.filter(Q(membership__team__requires_second_factor=False) | is_secured("membership__user"))


class Feed(models.Model):
    """A member's secret address of the team's problems. Shown once, stored only as a hash; it goes with the member."""

    membership = models.OneToOneField(
        Membership, on_delete=models.CASCADE, related_name="feed", verbose_name=_("member")
    )
    digest = models.CharField(_("hash of the address"), max_length=64, unique=True)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)

    objects = FeedQuerySet.as_manager()

    class Meta:
        verbose_name = _("feed")
        verbose_name_plural = _("feeds")

    def __str__(self) -> str:
        return f"feed of {self.membership}"
