"""What is done once in a while, by one process."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Chore(models.Model):
    """Work of the whole installation. Whoever moves `due_at` forward does it, while it lies ahead nobody else does."""

    name = models.CharField(_("name"), max_length=40, unique=True)
    due_at = models.DateTimeField(_("due"))

    class Meta:
        verbose_name = _("chore")
        verbose_name_plural = _("chores")

    def __str__(self) -> str:
        return f"{self.name} due at {self.due_at:%Y-%m-%d %H:%M}"
