from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.teams.account.audit_signals import record_for
from dashboard.teams.core.audit import OPERATOR
from dashboard.teams.mfa.adapter import remove_all
from dashboard.teams.models import EventKind, User


class Command(BaseCommand):
    help = (
        "Remove every second factor and recovery code of a person who lost them, and end the person's sessions. "
        "Check who is asking: afterwards the password is enough to sign in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    @transaction.atomic
    def handle(self, *args: object, email: str, **options: object) -> None:
        user = User.objects.by_address(email)
        if user is None:
            raise CommandError(_("No account has the email %(email)s.") % {"email": email})
        count = remove_all(user)
        record_for(user, EventKind.SECOND_FACTOR_REMOVED, actor=OPERATOR, detail="all, on the server")
        text = ngettext("%(count)d second factor removed.", "%(count)d second factors removed.", count)
        self.stdout.write(text % {"count": count})
