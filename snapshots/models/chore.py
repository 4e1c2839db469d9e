"""Periodic work that one process does for all, and whether the worker still does its rounds."""

from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _


class Chore(models.Model):
    """Work for the whole installation. The process that moves `due_at` forward does it; until then no other does."""

    name = models.CharField(_("name"), max_length=40, unique=True)
    due_at = models.DateTimeField(_("due"))

    class Meta:
        verbose_name = _("chore")
        verbose_name_plural = _("chores")

    def __str__(self) -> str:
        return f"{self.name} due at {self.due_at:%Y-%m-%d %H:%M}"


ROUND = "round"
MISSED_ROUNDS = 3


def note_round(now: datetime, every: timedelta) -> None:
    """Store that a worker has just ended a round, and until when the third one from now must have ended."""
    Chore.objects.update_or_create(name=ROUND, defaults={"due_at": now + MISSED_ROUNDS * every})


def rounds_missed_at(now: datetime) -> datetime | None:
    """Return by when three rounds of the worker should have ended and none did; None if it runs, or never did."""
    return Chore.objects.filter(name=ROUND, due_at__lte=now).values_list("due_at", flat=True).first()
