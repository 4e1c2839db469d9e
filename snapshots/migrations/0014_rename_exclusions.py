"""An exclusion under the name that pages give it."""

from django.db import migrations, models

NAMES = {"exempt_until": "excluded_until", "exempt_reason": "exclusion_reason", "exempt_by": "excluded_by"}
INDEX = models.Index(
    fields=[
        *("environment", "doubt_from", "deleted_at", "excluded_until"),
        *("none_from", "late_from", "stuck_from", "failing_from", "unknown_from", "new_from", "running_from"),
        *("patience", "newest_before", "newest_after", "usable_count", "snapshot_count"),
        *("schedules", "target_hours", "last_usable_at"),
    ],
    name="volume_by_verdict",
)


class Migration(migrations.Migration):
    dependencies = [("snapshots", "0013_unjudged_is_unknown")]

    operations = [
        # The index stays as it is: a database renames its columns too.
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveIndex("volume", INDEX.name)]),
        *(
            migrations.RenameField(model, former, name)
            for model in ("environment", "volume")
            for former, name in NAMES.items()
        ),
        migrations.RenameField("volume", "exempt_at", "excluded_at"),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.AddIndex("volume", INDEX)]),
    ]
