"""The index of the words of snapshots' names and of their volumes' names.

The migrations `0018_words` and `0021_words_of_new_rows` make it. It leads to the rows
that may hold a word. Whether they do, `holds` tells.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
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
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'snapshots_indexed'",
    "postgresql": "SELECT 1 WHERE to_regclass('snapshot_by_words') IS NOT NULL",
}
# Three private characters name the team before its words, so that a large team does not slow another's search.
WORDS = """char(983040 + team_id % 65534, 1048576 + team_id / 65534, 983040 + team_id % 65534)
    || name || char(10) || volume"""
# Rows with a higher number than `snapshots_indexed` says are not indexed yet.
NEW = "FROM snapshots_snapshot WHERE id > (SELECT id FROM snapshots_indexed) ORDER BY id LIMIT"
FIND = f"""SELECT id FROM snapshots_unindexed WHERE team_id = %s
    UNION ALL SELECT id FROM (SELECT id {NEW} %s)
    UNION ALL SELECT rowid FROM snapshots_words WHERE snapshots_words MATCH %s LIMIT %s"""  # noqa: S608 our own SQL
FIRST = f"FROM snapshots_unindexed ORDER BY team_id, id LIMIT {AT_ONCE}"
REMEMBER = f"""INSERT OR IGNORE INTO snapshots_unindexed (team_id, id, words) SELECT team_id, id, {WORDS}
    FROM snapshots_snapshot
    WHERE id IN (SELECT value FROM json_each(%s)) AND id <= (SELECT id FROM snapshots_indexed)"""  # noqa: S608 our own SQL
IS_BEHIND = f"SELECT EXISTS (SELECT 1 {FIRST}) OR EXISTS (SELECT 1 {NEW} 1)"
STEPS = (
    f"""INSERT INTO snapshots_words (snapshots_words, rowid, words)
    SELECT 'delete', id, words FROM (SELECT id, words {FIRST}) WHERE words IS NOT NULL""",  # noqa: S608 our own SQL
    f"""INSERT INTO snapshots_words (rowid, words)
    SELECT id, {WORDS} FROM snapshots_snapshot WHERE id IN (SELECT id {FIRST})""",  # noqa: S608 our own SQL
    f"DELETE FROM snapshots_unindexed WHERE (team_id, id) IN (SELECT team_id, id {FIRST})",  # noqa: S608 our own SQL
    f"INSERT INTO snapshots_words (rowid, words) SELECT id, {WORDS} {NEW} {AT_ONCE}",
    f"UPDATE snapshots_indexed SET id = coalesce((SELECT max(id) FROM (SELECT id {NEW} {AT_ONCE})), id)",  # noqa: S608
)


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
        rows = cursor.execute(FIND, [team_pk, most, _query(team_pk, parts), most]).fetchall()
    return [pk for (pk,) in rows]


def remember(pks: Iterable[str | int | datetime | None]) -> None:
    """Note that rows are about to get other names. Call inside the transaction, before these are written.

    Not by a trigger: with one for updates, SQLite takes twice as long for each row that is inserted or updated.
    """
    if connection.vendor == "sqlite" and is_there():
        with connection.cursor() as cursor:
            cursor.execute(REMEMBER, [json.dumps([*pks])])


def catch_up() -> None:
    """Bring SQLite's index up to date, in short transactions. PostgreSQL's always is."""
    if connection.vendor == "postgresql" or not is_there():
        return
    # If others write all the time, the next list goes on with it: a search looks at the remembered rows too.
    with suppress(OperationalError), connection.cursor() as cursor:
        while cursor.execute(IS_BEHIND).fetchone()[0]:
            with transaction.atomic():
                for statement in STEPS:
                    cursor.execute(statement)
            sleep(PAUSE_SECONDS)


def _query(team_pk: int, parts: Iterable[str]) -> str:
    high, low = divmod(team_pk, 65534)
    team = chr(983040 + low) + chr(1048576 + high) + chr(983040 + low)
    return " AND ".join('"{}"'.format(part.replace('"', '""')) for part in (team, *parts))
