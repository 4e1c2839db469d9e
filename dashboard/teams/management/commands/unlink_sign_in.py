from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from dashboard.teams.account.audit_signals import record_for
from dashboard.teams.core.audit import OPERATOR
from dashboard.teams.mfa.adapter import end_sessions
from dashboard.teams.models import EventKind, User
from dashboard.teams.oidc.linking import unlink


class Command(BaseCommand):
    help = (
        "Unlink a person's account from the sign-in provider and end the person's sessions. The next sign-in links the "
        "account to the person with the verified address there: check who that is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    @transaction.atomic
    def handle(self, *args: object, email: str, **options: object) -> None:
        user = User.objects.by_address(email)
        if user is None:
            raise CommandError(_("No account has the email %(email)s.") % {"email": email})
        if not unlink(user):
            raise CommandError(_("The account of %(email)s is not linked.") % {"email": email})
        end_sessions(user)
        record_for(user, EventKind.SIGN_IN_LINKED, actor=OPERATOR, detail="removed, on the server")
        self.stdout.write(_("The account of %(email)s is no longer linked.") % {"email": email})
