from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import gettext as _

from snapshots.management.retention import forget, in_words, would_forget


class Command(BaseCommand):
    help = (
        "Delete expired data: environments removed more than seven days ago, snapshots that the provider no longer "
        "lists (HISTORY_DAYS), changes (CHANGES_DAYS), the audit (AUDIT_DAYS), ended sessions and invitations, and API "
        "keys that were tried and never saved. Safe at any time, also while the dashboard runs; its sync does the "
        "same once a day."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count what would be deleted, and delete nothing")

    def handle(self, *args: object, dry_run: bool, **options: object) -> None:
        now = timezone.now()
        lines = in_words(would_forget(now) if dry_run else forget(now))
        for line in lines:
            self.stdout.write(line)
        if not lines:
            self.stdout.write(_("Nothing to forget."))
        elif dry_run:
            self.stdout.write(_("Nothing was forgotten: this was a count."))
