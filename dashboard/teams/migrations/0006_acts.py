from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('teams', '0005_account_and_setup'),
    ]

    operations = [
        migrations.AlterField(
            model_name='auditevent',
            name='kind',
            field=models.CharField(choices=[('sign_in', 'Signed in'), ('sign_in_failed', 'Failed sign-in'), ('sign_in_linked', 'Sign-in through another site linked'), ('password_changed', 'Password changed'), ('email_changed', 'E-mail address changed'), ('second_factor_added', 'Second factor added'), ('second_factor_removed', 'Second factor removed'), ('recovery_codes_made', 'Recovery codes made'), ('team_made', 'Team made'), ('team_changed', 'Team settings changed'), ('key_changed', 'Key changed'), ('key_removed', 'Key removed'), ('environment_added', 'Environment added'), ('environment_removed', 'Environment removed'), ('invited', 'Invited'), ('invitation_revoked', 'Invitation revoked'), ('joined', 'Joined'), ('role_changed', 'Role changed'), ('member_removed', 'Member removed'), ('left', 'Left'), ('target_changed', 'Target changed'), ('not_judged', 'Not judged any more'), ('judged_again', 'Judged again'), ('schedule_stopped', 'Schedule stopped on purpose'), ('schedule_resumed', 'Schedule expected again'), ('volume_deleted', 'Volume said to be deleted'), ('volume_kept', 'Volume said not to be deleted')], max_length=30, verbose_name='what'),
        ),
    ]
