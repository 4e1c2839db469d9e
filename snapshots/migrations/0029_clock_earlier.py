from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F


def note_earliest(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A doubt was between our clock and the provider's, which may be the earlier one."""
    environments = apps.get_model("snapshots", "Environment").objects
    environments.filter(clock_doubt__gt=0, clock_unfollowed__lt=0).update(clock_earlier=-F("clock_unfollowed"))


class Migration(migrations.Migration):
    dependencies = [
        ("snapshots", "0028_services"),
    ]

    operations = [
        migrations.AddField(
            model_name="environment",
            name="clock_earlier",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.RunPython(note_earliest, migrations.RunPython.noop),
    ]
