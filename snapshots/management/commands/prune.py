from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import gettext as _

from snapshots.environments import forget_removed
from snapshots.keys import forget_expired


class Command(BaseCommand):
    help = (
        "Forget what is past its time: environments removed more than seven days ago, with their snapshots and "
        "history, and API keys that were tried and never saved. Safe to run daily."
    )

    def handle(self, *args: object, **options: object) -> None:
        now = timezone.now()
        forget_expired(now)
        forgotten = forget_removed(now)
        for one in forgotten:
            text = _("- %(team)s: environment %(path)s (snapshots: %(count)d, with their history)")
            self.stdout.write(text % {"team": one.team, "path": one.path, "count": one.snapshots})
        if not forgotten:
            self.stdout.write(_("Nothing to forget."))
