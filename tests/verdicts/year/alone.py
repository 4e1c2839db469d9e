"""A replay in a process of its own, whose database is in its memory."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ["DATABASE_URL"] = "sqlite://"

import sqlite3
from functools import lru_cache

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from tests.verdicts.year.mutations import MUTATIONS, Mutation, applied  # noqa: E402
from tests.verdicts.year.replay import Replay, Tally, Told  # noqa: E402

__all__ = ["MUTATIONS", "Mutation", "Tally", "empty_database", "replayed"]


@lru_cache(maxsize=1)
def empty_database() -> bytes:
    """A database with every table and no row: made once, for to migrate takes longer than some replays."""
    made = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
    connection.ensure_connection()
    tables = connection.connection.serialize()
    teardown_databases(made, verbosity=0)
    connection.close()
    return tables


def replayed(name: str, chapters: int, focus: tuple[float, float] | None, told: Told | None = None) -> Tally:
    """Replay with one rule broken, or none where `name` is empty. Call once in a process."""
    connection.ensure_connection()
    with sqlite3.connect(":memory:") as tables:
        tables.deserialize(empty_database())
        tables.backup(connection.connection)
    with applied(name):
        return Replay(chapters, focus=focus, told=told).run()
