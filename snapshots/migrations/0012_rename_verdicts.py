"""Verdicts under the names that pages and API give them: unknown, running, deleted."""

from django.db import migrations, models
from django.http import QueryDict

VERDICTS = {"cannot_tell": "unknown", "under_way": "running", "not_judged": "excluded", "gone": "deleted"}
ANSWER_KEYS = ("cannot_tell", "under_way")
MOST_QUERY = 2000


def rename_answer_keys(apps, schema_editor):
    _replace_answer_keys(schema_editor, {name: VERDICTS[name] for name in ANSWER_KEYS})


def restore_answer_keys(apps, schema_editor):
    _replace_answer_keys(schema_editor, {VERDICTS[name]: name for name in ANSWER_KEYS})


def _replace_answer_keys(schema_editor, names):
    """One statement for all rows. An answer holds only times, numbers and schedules, so a quoted name is a key."""
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    answers = "answers::text" if is_postgresql else "answers"
    values = []
    for old, new in names.items():
        answers = f"replace({answers}, %s, %s)"
        values += [f'"{old}":', f'"{new}":']
    schema_editor.execute(f"UPDATE snapshots_volume SET answers = {answers}{'::jsonb' if is_postgresql else ''}", values)


def rename_saved_statuses(apps, schema_editor):
    _replace_saved_statuses(apps, VERDICTS)


def restore_saved_statuses(apps, schema_editor):
    _replace_saved_statuses(apps, {new: old for old, new in VERDICTS.items()})


def _replace_saved_statuses(apps, names):
    saved = apps.get_model("snapshots", "SavedView").objects.filter(page="volumes", query__contains="status=")
    for view in saved:
        query = QueryDict(view.query, mutable=True)
        query.setlist("status", [names.get(value, value) for value in query.getlist("status")])
        # One that would be too long keeps the old values, which the page still reads.
        if len(renamed := query.urlencode()) <= MOST_QUERY:
            saved.filter(pk=view.pk).update(query=renamed)


INDEX = models.Index(
    fields=[
        *("environment", "doubt_from", "deleted_at", "exempt_until"),
        *("none_from", "late_from", "stuck_from", "failing_from", "unknown_from", "new_from", "running_from"),
        *("patience", "newest_before", "newest_after", "usable_count", "snapshot_count"),
        *("schedules", "target_hours", "last_usable_at"),
    ],
    name="volume_by_verdict",
)


class Migration(migrations.Migration):
    dependencies = [("snapshots", "0011_witnesses")]

    operations = [
        # The index stays as it is: a database renames its columns too.
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveIndex("volume", INDEX.name)]),
        migrations.RenameField("volume", "cannot_tell_from", "unknown_from"),
        migrations.RenameField("volume", "under_way_from", "running_from"),
        migrations.RenameField("volume", "gone_at", "deleted_at"),
        migrations.RenameField("verdictday", "cannot_tell", "unknown"),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.AddIndex("volume", INDEX)]),
        *(
            migrations.AlterField(model, name, field)
            for model in ("environment", "volume")
            for name, field in (
                ("exempt_until", models.DateTimeField("excluded until", null=True)),
                ("exempt_reason", models.CharField("why excluded", max_length=200, blank=True)),
                ("exempt_by", models.CharField("excluded by", max_length=254, blank=True)),
            )
        ),
        migrations.AlterField("volume", "exempt_at", models.DateTimeField("excluded since", null=True)),
        migrations.RunPython(rename_answer_keys, restore_answer_keys),
        migrations.RunPython(rename_saved_statuses, restore_saved_statuses),
    ]
