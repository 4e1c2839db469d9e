"""The counters of the limits."""

from django.apps import AppConfig
from django.apps.registry import Apps
from django.db import models, transaction
from django.db.models.signals import post_migrate
from django.dispatch import receiver


class LimitCountQuerySet(models.QuerySet["LimitCount"]):
    def hold(self, name: str, *, expires_at: float) -> "LimitCount":
        """Get or create the row of a name, locked until the transaction ends."""
        row = LimitCount(name=name, expires_at=expires_at)
        self.bulk_create([row], update_conflicts=True, update_fields=["expires_at"], unique_fields=["name"])
        return self.get(name=name)

    def purge(self, now: float, most: int) -> None:
        """Delete some expired rows, but none that is locked."""
        with transaction.atomic():
            expired = self.select_for_update(skip_locked=True).filter(expires_at__lt=now)
            names = list(expired.values_list("name", flat=True)[:most])
            self.filter(name__in=names).delete()


class LimitCount(models.Model):
    """The uses of one limit's key: their times, in seconds since 1970. `name` is the limit and the hash of the key.

    The table holds no product data, like the cache's: it has its own registry, and a flush empties it too.
    """

    name = models.CharField(max_length=80, primary_key=True)
    times = models.JSONField(default=list)
    expires_at = models.FloatField(db_index=True)

    objects = LimitCountQuerySet.as_manager()

    class Meta:
        apps = Apps()
        app_label = "teams"
        db_table = "teams_limitcount"

    def __str__(self) -> str:
        return self.name

    def since(self, now: float, seconds: float) -> list[float]:
        """Return the times within the last `seconds`. A time far in the future is ignored, as it would never expire."""
        return [at for at in self.times if abs(now - at) < seconds]

    def without(self, at: float) -> list[float]:
        """Return the times without one of this moment."""
        index = self.times.index(at) if at in self.times else len(self.times)
        return [*self.times[:index], *self.times[index + 1 :]]


@receiver(post_migrate)
def empty_with_flush(sender: AppConfig, using: str, **kwargs: object) -> None:
    """Empty the table when `flush` empties those of the registered models; `migrate`, which has a plan, does not."""
    if sender.label == "teams" and "plan" not in kwargs:
        LimitCount.objects.using(using).all().delete()
