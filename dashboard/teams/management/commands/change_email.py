from argparse import ArgumentParser

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from dashboard.teams.account.email_change import EmailChangeEnded, change
from dashboard.teams.core.audit import OPERATOR
from dashboard.teams.core.email_addresses import can_be_mailed, folded
from dashboard.teams.models import User


class Command(BaseCommand):
    help = (
        "Change the email of an account where no mail can be sent to prove it. A team file lists people by email: "
        "change it there too, or `provision` creates the old account again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the current email")
        parser.add_argument("new", help="the new email")

    def handle(self, *args: object, email: str, new: str, **options: object) -> None:
        user = User.objects.by_address(email)
        if user is None:
            raise CommandError(_("No account has the email %(email)s.") % {"email": email})
        was_proved = user.has_proved_address
        try:
            validate_email(new)
            can_be_mailed(new)
            change(user, folded(new), actor=OPERATOR)
        except ValidationError:
            raise CommandError(_("%(email)s is not an email address.") % {"email": new}) from None
        except EmailChangeEnded:
            raise CommandError(_("%(email)s already has an account.") % {"email": new}) from None
        self.stdout.write(_("The email is now %(email)s.") % {"email": user.email})
        if not was_proved:
            text = _("The old address was not proved, so its password and sessions were revoked. Next: %(command)s")
            self.stdout.write(text % {"command": f"manage.py invite_link {user.email}"})
