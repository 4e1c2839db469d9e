from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from dashboard.teams.account.password_links import set_password_link
from dashboard.teams.models import User


class Command(BaseCommand):
    help = (
        "Print a one-time link to set a password; it works for seven days. It also proves the address of the account: "
        "give it only to the account's owner."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: object, email: str, **options: object) -> None:
        user = User.objects.by_address(email)
        if user is None or not user.is_active:
            raise CommandError(f"No active account has the email {email!r}.")
        self.stdout.write(set_password_link(user))
