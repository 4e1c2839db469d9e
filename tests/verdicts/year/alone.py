"""A replay in a process of its own, whose database is in its memory."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ["DATABASE_URL"] = "sqlite://"

import django

django.setup()

from django.test.utils import setup_databases  # noqa: E402

from tests.verdicts.year.mutations import MUTATIONS, applied  # noqa: E402
from tests.verdicts.year.replay import Replay, Tally  # noqa: E402

__all__ = ["MUTATIONS", "Tally", "replayed"]


def replayed(name: str, chapters: int, focus: tuple[float, float] | None) -> Tally:
    """Replay with one rule broken, or none where `name` is empty. Call once in a process."""
    setup_databases(verbosity=0, interactive=False)
    with applied(name):
        return Replay(chapters, focus=focus).run()
