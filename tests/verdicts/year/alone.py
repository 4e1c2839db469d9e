"""A replay in a separate process with an in-memory database."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ["DATABASE_URL"] = "sqlite://"

import sqlite3
from functools import lru_cache

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from tests.verdicts.year.chapters import CHAPTERS  # noqa: E402
from tests.verdicts.year.lab import Lab  # noqa: E402
from tests.verdicts.year.mutations import MUTATIONS, Mutation, applied  # noqa: E402
from tests.verdicts.year.replay import Replay, Told  # noqa: E402
from tests.verdicts.year.tally import Tally  # noqa: E402

__all__ = ["CHAPTERS", "MUTATIONS", "Mutation", "Tally", "apart", "chapter_apart", "empty_database", "replayed"]

Focus = tuple[float, float] | str | None


@lru_cache(maxsize=1)
def empty_database() -> bytes:
    """A database with every table and no row: made once, for to migrate takes longer than some replays."""
    made = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
    connection.ensure_connection()
    tables = connection.connection.serialize()
    teardown_databases(made, verbosity=0)
    connection.close()
    return bytes(tables)


def replayed(name: str, chapters: int, focus: Focus, told: Told | None = None) -> Tally:
    """Replay with one rule broken, or none where `name` is empty. Call once in a process.

    `focus`: the days that matter, or the name of a separate chapter; both end at the first error.
    """
    _fill_database()
    with applied(name):
        if isinstance(focus, str):
            return chapter_apart(focus, stops_at_wrong=True)
        return Replay(chapters, focus=focus, told=told).run()


def apart(name: str) -> Tally:
    """Replay a separate chapter. Call once in a process."""
    _fill_database()
    return chapter_apart(name)


def chapter_apart(name: str, *, stops_at_wrong: bool = False) -> Tally:
    (script, start), tally = CHAPTERS[name], Tally()
    Lab(name, script, tally, start=start, stops_at_wrong=stops_at_wrong).run()
    return tally


def _fill_database() -> None:
    connection.ensure_connection()
    with sqlite3.connect(":memory:") as tables:
        tables.deserialize(empty_database())
        tables.backup(connection.connection)
