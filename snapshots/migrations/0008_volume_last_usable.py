"""What is remembered of a volume without a usable snapshot, of runs that did not begin, and of times without a list."""

from datetime import UTC, datetime, time, timedelta

from django.db import migrations, models
from django.db.models import Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce


def remember_usable(apps, schema_editor):
    """By what is usable now, else by the rows that were, else by what was written when one of it was complete."""
    volume, snapshot, change = (apps.get_model("snapshots", name) for name in ("Volume", "Snapshot", "Change"))
    volume.objects.filter(usable_count__gt=0).update(last_usable_at=Coalesce("judged_at", "newest_before"))
    rows = snapshot.objects.filter(environment=OuterRef("environment"), volume_id=OuterRef("volume_id"))
    listed_until = Coalesce("last_seen_at", "missing_since", "changed_at")
    last_row = rows.filter(usable_at__isnull=False).order_by().values("volume_id").annotate(at=Max(listed_until))
    complete = Q(kind="completed") | Q(before="BackedUp")
    changes = change.objects.filter(complete, environment=OuterRef("environment"), volume_id=OuterRef("volume_id"))
    last_change = changes.order_by().values("volume_id").annotate(latest=Max("at"))
    without = volume.objects.filter(usable_count=0)
    without.update(last_usable_at=Coalesce(Subquery(last_row.values("at")), Subquery(last_change.values("latest"))))


def remember_silences(apps, schema_editor):
    """A day without a row of verdicts had no complete list."""
    environments = apps.get_model("snapshots", "Environment").objects.filter(first_listed_at__isnull=False)
    verdict_day = apps.get_model("snapshots", "VerdictDay")
    for environment in environments.filter(listed_at__isnull=False):
        seen = set(verdict_day.objects.filter(environment=environment).values_list("day", flat=True))
        first = environment.first_listed_at.astimezone(UTC).date()
        last = environment.listed_at.astimezone(UTC).date()
        days = (first + timedelta(days=number) for number in range(1, (last - first).days))
        midnights = [datetime.combine(day, time.min, UTC) for day in days if day not in seen]
        environment.silences = [[one.isoformat(), (one + timedelta(days=1)).isoformat()] for one in midnights[-31:]]
        environment.watched_at = environment.believed_at or environment.listed_at
        environment.save(update_fields=["silences", "watched_at"])


class Migration(migrations.Migration):
    dependencies = [("snapshots", "0007_environment_generation_id")]

    operations = [
        migrations.AddField("volume", "last_usable_at", models.DateTimeField(null=True)),
        migrations.AddField("volume", "doubts", models.JSONField(default=dict)),
        migrations.AddField("volume", "gaps", models.JSONField(default=dict)),
        migrations.AddField("environment", "watched_at", models.DateTimeField(null=True)),
        migrations.AddField("environment", "silences", models.JSONField(default=list)),
        migrations.RunPython(remember_usable, migrations.RunPython.noop),
        migrations.RunPython(remember_silences, migrations.RunPython.noop),
        migrations.RemoveIndex("volume", "volume_by_verdict"),
        migrations.AddIndex(
            "volume",
            models.Index(
                fields=[
                    *("environment", "doubt_from", "gone_at", "exempt_until"),
                    *("none_from", "late_from", "stuck_from", "failing_from"),
                    *("cannot_tell_from", "new_from", "under_way_from", "patience"),
                    *("newest_before", "newest_after", "usable_count", "snapshot_count"),
                    *("schedules", "target_hours", "last_usable_at"),
                ],
                name="volume_by_verdict",
            ),
        ),
    ]
