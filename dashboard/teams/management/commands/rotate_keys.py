from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.secrets import KeyRingMissing
from dashboard.teams.core.reencrypt import rotate_keys


class Command(BaseCommand):
    help = (
        "Encrypt every stored API key and second factor anew with the first key of API_KEY_ENCRYPTION_KEYS. Put a new "
        "one in front, restart web and sync, run this, then take the old ones away. It may be run again at any time. "
        "Exit status 1 if a stored key can be read with none of them."
    )

    def handle(self, *args: object, **options: object) -> None:
        try:
            rotated = rotate_keys()
        except KeyRingMissing as problem:
            raise CommandError(str(problem)) from None
        changed = ngettext("%(n)d key encrypted anew", "%(n)d keys encrypted anew", rotated.changed)
        text = changed + _(", %(current)d already with the newest.")
        self.stdout.write(text % {"n": rotated.changed, "current": rotated.current})
        if rotated.unreadable:
            unread = ngettext(
                "%(n)d key can be read with no key of the ring; it must be entered again.",
                "%(n)d keys can be read with no key of the ring; they must be entered again.",
                rotated.unreadable,
            )
            raise CommandError(unread % {"n": rotated.unreadable})
