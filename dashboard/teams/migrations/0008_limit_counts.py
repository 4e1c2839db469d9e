from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the table alone: its model is in a registry of its own, so no state of the project's models has it."""

    dependencies = [("teams", "0007_shared_links_and_tokens")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.CreateModel(
                    name="LimitCount",
                    fields=[
                        ("name", models.CharField(max_length=80, primary_key=True, serialize=False)),
                        ("times", models.JSONField(default=list)),
                        ("expires_at", models.FloatField(db_index=True)),
                    ],
                ),
            ],
        ),
    ]
