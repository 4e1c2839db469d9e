from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from dashboard.teams.first_run.setup_link import new_address


class Command(BaseCommand):
    help = "Print a new one-time address, good for 24 hours, where the first team is made; the older one ends."

    def handle(self, *args: object, **options: object) -> None:
        address = new_address()
        if address is None:
            raise CommandError(
                _("There is a team already: its admins invite people, and a team file makes more teams.")
            )
        self.stdout.write(address)
