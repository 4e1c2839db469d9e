from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("snapshots", "0002_environment_removed_at")]

    operations = [
        migrations.CreateModel(
            name="Chore",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40, unique=True, verbose_name="name")),
                ("due_at", models.DateTimeField(verbose_name="due")),
            ],
            options={"verbose_name": "chore", "verbose_name_plural": "chores"},
        ),
    ]
