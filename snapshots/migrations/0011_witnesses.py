"""Where a snapshot's time comes from, what a list proves, and how the clocks stand."""

from django.db import migrations, models
from django.db.models import F
from django.db.models.functions import Coalesce, Now


def name_the_source(apps, schema_editor):
    apps.get_model("snapshots", "Snapshot").objects.filter(taken_from_name=True).update(taken_source="name")


def note_first_sight(apps, schema_editor):
    """Of volumes that were there before nothing older is known than when they were judged."""
    apps.get_model("snapshots", "Volume").objects.update(first_seen_at=Coalesce(F("judged_at"), Now()))


class Migration(migrations.Migration):
    dependencies = [("snapshots", "0010_change_line")]

    operations = [
        migrations.AddField("snapshot", "taken_source", models.CharField("source of the time", default="syncs", max_length=8)),
        migrations.RunPython(name_the_source, migrations.RunPython.noop),
        migrations.RemoveField("snapshot", "taken_from_name"),
        migrations.AddField("snapshot", "created_at", models.DateTimeField(null=True)),
        migrations.AddField("snapshot", "found_at", models.DateTimeField(null=True)),
        migrations.AddField("volume", "first_seen_at", models.DateTimeField(null=True)),
        migrations.AddField("volume", "asked_at", models.DateTimeField(null=True)),
        migrations.RunPython(note_first_sight, migrations.RunPython.noop),
        migrations.AddField("environment", "clock_read_at", models.DateTimeField(null=True)),
        migrations.AddField("environment", "clock_apart_since", models.DateTimeField(null=True)),
        migrations.AddField("environment", "clock_correction", models.IntegerField(db_default=0, default=0)),
        migrations.AddField("environment", "clock_doubt", models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AddField(
            "environment", "list_notes", models.CharField(blank=True, db_default="", default="", max_length=100)
        ),
        migrations.AddField("environment", "listed_rows", models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AddField("environment", "most_rows", models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AddField("environment", "capped_rows", models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AddField(
            "environment", "listed_key", models.CharField(blank=True, db_default="", default="", max_length=40)
        ),
        migrations.AddField("environment", "key_since", models.DateTimeField(null=True)),
        migrations.AddField(
            "environment", "volumes_key", models.CharField(blank=True, db_default="", default="", max_length=40)
        ),
        migrations.AddField("environment", "volumes_key_since", models.DateTimeField(null=True)),
    ]
