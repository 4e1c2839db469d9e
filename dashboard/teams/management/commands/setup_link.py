from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from dashboard.teams.first_run.setup_link import new_address


class Command(BaseCommand):
    help = "Print a new one-time link to create the first team; it works for 24 hours and revokes the older one."

    def handle(self, *args: object, **options: object) -> None:
        address = new_address()
        if address is None:
            raise CommandError(
                _("A team already exists: its admins can invite people, and a team file creates more teams.")
            )
        self.stdout.write(address)
