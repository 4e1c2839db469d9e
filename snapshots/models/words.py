"""The index of the words of snapshots' names and of their volumes' names, as migration `0018_words` makes it.

It leads to the rows that may hold a word. Whether they do, `holds` tells.
"""

from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from time import sleep

from django.db import OperationalError, connection, transaction
from django.db.models import Q

from snapshots.models.snapshot import Snapshot

# SQLite's index is written by this many rows at once: within milliseconds, for which nobody waits.
AT_ONCE = 2_000
# Between two, for those who wait: SQLite lets a writer look only now and then whether the lock is free.
PAUSE_SECONDS = 0.005
LENGTH = 3
IS_THERE = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'snapshots_unindexed'",
    "postgresql": "SELECT 1 WHERE to_regclass('snapshot_by_words') IS NOT NULL",
}
FIND = """SELECT id FROM snapshots_unindexed WHERE team_id = %s
    UNION ALL SELECT rowid FROM snapshots_words WHERE snapshots_words MATCH %s LIMIT %s"""
IS_BEHIND = "SELECT 1 FROM snapshots_unindexed LIMIT 1"
FIRST = f"FROM snapshots_unindexed ORDER BY team_id, id LIMIT {AT_ONCE}"
FORGET = f"""INSERT INTO snapshots_words (snapshots_words, rowid, words)
    SELECT 'delete', id, words FROM (SELECT id, words {FIRST}) WHERE words IS NOT NULL"""  # noqa: S608 our own SQL
ADD = f"""INSERT INTO snapshots_words (rowid, words)
    SELECT id, char(983040 + team_id % 65534, 1048576 + team_id / 65534, 983040 + team_id % 65534)
        || name || char(10) || volume
    FROM snapshots_snapshot WHERE id IN (SELECT id {FIRST})"""  # noqa: S608 our own SQL
DONE = f"DELETE FROM snapshots_unindexed WHERE (team_id, id) IN (SELECT team_id, id {FIRST})"  # noqa: S608 our own SQL


@cache
def is_there() -> bool:
    """Whether the database has the index: it may lack what makes it, then a search reads the rows."""
    with connection.cursor() as cursor:
        return cursor.execute(IS_THERE[connection.vendor]).fetchone() is not None


def rows_with(team_pk: int, word: str, most: int) -> list[int] | None:
    """Return the primary keys of the team's rows that may hold a word, `most` at most; None where no index tells."""
    # One part beside the other is enough, and the last.
    starts = {*range(0, len(word) - LENGTH + 1, LENGTH), max(0, len(word) - LENGTH)}
    parts = [part for part in (word[start : start + LENGTH] for start in starts) if len(part) == LENGTH]
    # Of other letters the index folds not the same as `holds`.
    parts = [part for part in parts if part.isascii()]
    if not parts or not is_there():
        return None
    if connection.vendor == "postgresql":
        found = Snapshot.objects.filter(Q(name__holds=word) | Q(volume__holds=word), team=team_pk)
        return list(found.values_list("pk", flat=True)[:most])
    with connection.cursor() as cursor:
        rows = cursor.execute(FIND, [team_pk, _query(team_pk, parts), most]).fetchall()
    return [pk for (pk,) in rows]


def catch_up() -> None:
    """Bring SQLite's index up to date, in short transactions. PostgreSQL's always is."""
    if connection.vendor == "postgresql" or not is_there():
        return
    # If others write all the time, the next list goes on with it: a search looks at the remembered rows too.
    with suppress(OperationalError), connection.cursor() as cursor:
        while cursor.execute(IS_BEHIND).fetchone():
            with transaction.atomic():
                for statement in (FORGET, ADD, DONE):
                    cursor.execute(statement)
            sleep(PAUSE_SECONDS)


def _query(team_pk: int, parts: Iterable[str]) -> str:
    high, low = divmod(team_pk, 65534)
    team = chr(983040 + low) + chr(1048576 + high) + chr(983040 + low)
    return " AND ".join('"{}"'.format(part.replace('"', '""')) for part in (team, *parts))
