from django.apps import AppConfig
from django.utils import timezone


class SnapshotsConfig(AppConfig):
    name = "snapshots"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from dashboard.http import health
        from snapshots.models.chore import rounds_missed_at
        from snapshots.sharing import links  # noqa: F401  # it listens to who stops being a member

        health.ALSO["sync"] = lambda: rounds_missed_at(timezone.now()) is None
