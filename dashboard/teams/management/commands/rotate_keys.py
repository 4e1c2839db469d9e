from django.core.management.base import BaseCommand, CommandError
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
        text = ngettext(
            "%(n)d key re-encrypted, %(current)d already current.",
            "%(n)d keys re-encrypted, %(current)d already current.",
            rotated.changed,
        )
        self.stdout.write(text % {"n": rotated.changed, "current": rotated.current})
        if rotated.unreadable:
            unread = ngettext(
                "%(n)d key cannot be decrypted; enter it again.",
                "%(n)d keys cannot be decrypted; enter them again.",
                rotated.unreadable,
            )
            raise CommandError(unread % {"n": rotated.unreadable})
