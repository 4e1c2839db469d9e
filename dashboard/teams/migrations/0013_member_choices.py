"""A member's choices of how pages look, and the visits that "new since your last visit" compares with."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("teams", "0012_plain_event_names")]

    operations = [
        migrations.AddField("membership", "choices", models.JSONField(default=dict, db_default={})),
        migrations.AddField("membership", "seen_until", models.DateTimeField(null=True)),
        migrations.AddField("membership", "visited_at", models.DateTimeField(null=True)),
    ]
