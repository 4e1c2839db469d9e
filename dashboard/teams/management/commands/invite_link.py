from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from dashboard.teams.models import User
from dashboard.teams.password_links import set_password_link


class Command(BaseCommand):
    help = "Print a one-time link, good for seven days, with which a person sets a password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: object, email: str, **options: object) -> None:
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        if user is None:
            raise CommandError(f"No active account has the e-mail address {email!r}.")
        self.stdout.write(set_password_link(user))
