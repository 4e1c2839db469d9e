from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.secrets import KeyRingMissing
from dashboard.teams.core.reencrypt import rotate_keys


class Command(BaseCommand):
    help = (
        "Re-encrypt every stored API key and second factor with the first key of API_KEY_ENCRYPTION_KEYS. Put a new "
        "key first, restart web and sync, run this, then remove the old keys. You can run it again at any time. Exit "
        "status 1 if none of the keys can read a stored one."
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
                "%(n)d key cannot be decrypted; enter it again.",
                "%(n)d keys cannot be decrypted; enter them again.",
                rotated.unreadable,
            )
            raise CommandError(unread % {"n": rotated.unreadable})
