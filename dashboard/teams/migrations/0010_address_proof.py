"""How each address was proved. Accounts that came by an invitation count as unproved: their inviter saw the link."""

from datetime import timedelta

from django.db import migrations, models

MOMENT = timedelta(minutes=1)
"""An account and what was done in the same request are no further apart."""


def judge(apps, schema_editor):
    User, Event = apps.get_model("teams", "User"), apps.get_model("teams", "AuditEvent")
    linked = set(apps.get_model("socialaccount", "SocialAccount").objects.values_list("user_id", flat=True))
    for user in User.objects.all():
        own = Event.objects.filter(actor_id=user.pk)
        at_once = set(own.filter(at__lte=user.created_at + MOMENT).values_list("kind", flat=True))
        if "joined" not in at_once:
            proof = "operator"  # by a team file or the set-up link
        elif user.pk in linked and "sign_in_linked" in at_once:
            proof = "oidc"
        elif own.filter(kind="email_changed", target=user.email).exists():
            proof = "mailbox"
        else:
            proof = "none"
        User.objects.filter(pk=user.pk).update(address_proof=proof)


class Migration(migrations.Migration):

    dependencies = [
        ('socialaccount', '0006_alter_socialaccount_extra_data'),
        ('teams', '0009_audit_requested_links'),
    ]

    operations = [
        migrations.AddField(
            model_name='invitation',
            name='mailed_hash',
            field=models.CharField(max_length=64, null=True, unique=True, verbose_name='hash of the mailed token'),
        ),
        migrations.AddField(
            model_name='user',
            name='address_proof',
            field=models.CharField(choices=[('none', 'address not proved'), ('mailbox', 'address proved by a mailed link'), ('oidc', 'address proved by the sign-in provider'), ('operator', 'address given by the operator')], db_default='none', default='none', max_length=10, verbose_name='proof of the address'),
        ),
        migrations.AlterField(
            model_name='auditevent',
            name='kind',
            field=models.CharField(choices=[('sign_in', 'Signed in'), ('sign_in_failed', 'Failed sign-in'), ('sign_in_linked', 'Sign-in through another site linked'), ('password_changed', 'Password changed'), ('email_changed', 'E-mail address changed'), ('address_proved', 'E-mail address proved'), ('second_factor_added', 'Second factor added'), ('second_factor_removed', 'Second factor removed'), ('recovery_codes_made', 'Recovery codes made'), ('team_made', 'Team made'), ('team_changed', 'Team settings changed'), ('team_removed', 'Team removed'), ('key_changed', 'Key changed'), ('key_removed', 'Key removed'), ('environment_added', 'Environment added'), ('environment_removed', 'Environment removed'), ('invited', 'Invited'), ('invitation_revoked', 'Invitation revoked'), ('joined', 'Joined'), ('role_changed', 'Role changed'), ('member_removed', 'Member removed'), ('left', 'Left'), ('target_changed', 'Target changed'), ('not_judged', 'Not judged any more'), ('judged_again', 'Judged again'), ('schedule_stopped', 'Schedule stopped on purpose'), ('schedule_resumed', 'Schedule expected again'), ('volume_deleted', 'Volume said to be deleted'), ('share_made', 'Shared link made'), ('share_opened', 'Shared link first requested'), ('share_revoked', 'Shared link revoked'), ('token_made', 'Access token made'), ('token_used', 'Access token first used'), ('token_revoked', 'Access token revoked'), ('exported', 'Exported'), ('volume_kept', 'Volume said not to be deleted')], max_length=30, verbose_name='what'),
        ),
        migrations.RunPython(judge, migrations.RunPython.noop, elidable=True),
    ]
