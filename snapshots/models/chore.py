"""Periodic work that one process does for all."""

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
