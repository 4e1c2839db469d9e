from django.db import migrations, models


def forget_pending_keys(apps, schema_editor):
    """Those that wait for the provider are no longer used; the others last ten minutes and can be tried again."""
    apps.get_model('teams', 'PendingKey').objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ('teams', '0010_address_proof'),
    ]

    operations = [
        migrations.RunPython(forget_pending_keys, migrations.RunPython.noop, elidable=True),
        migrations.RemoveConstraint(model_name='pendingkey', name='pending_key_once_a_person'),
        migrations.RemoveField(model_name='pendingkey', name='is_kept'),
        migrations.RemoveField(model_name='pendingkey', name='tried_at'),
        migrations.RemoveField(model_name='pendingkey', name='next_try_at'),
        migrations.AlterField(
            model_name='pendingkey',
            name='sealed',
            field=models.TextField(verbose_name='encrypted key'),
        ),
        migrations.AddConstraint(
            model_name='pendingkey',
            constraint=models.UniqueConstraint(fields=('team', 'made_by'), name='pending_key_once_a_person'),
        ),
    ]
