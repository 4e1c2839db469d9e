"""An index of the parts of snapshots' names and of their volumes' names, by three characters each.

PostgreSQL keeps it itself, if the extension may be created; without it, a search reads the rows as before. SQLite's is
filled in small transactions (`snapshots.models.words`): to write it row by row takes ten times as long. Until then triggers
remember which rows it lacks, and with which words it has them.
"""

from django.db import OperationalError, ProgrammingError, migrations, transaction

# The team's three characters of a private area come first, so that a large team does not slow the search of another.
WORDS = (
    "char(983040 + {row}.team_id % 65534, 1048576 + {row}.team_id / 65534, 983040 + {row}.team_id % 65534)"
    " || {row}.name || char(10) || {row}.volume"
)
OLD, ROW = (WORDS.format(row=row) for row in ("old", "snapshots_snapshot"))
REMEMBER = "INSERT OR IGNORE INTO snapshots_unindexed (team_id, id, words) VALUES"
INDEX = (
    "CREATE VIRTUAL TABLE snapshots_words"
    " USING fts5(words, content='', columnsize=0, detail=none, tokenize='trigram')"
)
FILL = f"INSERT INTO snapshots_words (rowid, words) SELECT id, {ROW} FROM snapshots_snapshot"
REST = (
    "CREATE TABLE snapshots_unindexed (team_id integer, id integer, words text, PRIMARY KEY (team_id, id)) WITHOUT ROWID",
    "CREATE TRIGGER snapshots_words_added AFTER INSERT ON snapshots_snapshot"
    f" BEGIN {REMEMBER} (new.team_id, new.id, NULL); END",
    "CREATE TRIGGER snapshots_words_changed AFTER UPDATE OF name, volume ON snapshots_snapshot"
    " WHEN old.name <> new.name OR old.volume <> new.volume"
    f" BEGIN {REMEMBER} (old.team_id, old.id, {OLD}); END",
    "CREATE TRIGGER snapshots_words_removed AFTER DELETE ON snapshots_snapshot"
    f" BEGIN {REMEMBER} (old.team_id, old.id, {OLD}); END",
)
UNDO = (
    *(f"DROP TRIGGER IF EXISTS snapshots_words_{name}" for name in ("added", "changed", "removed")),
    "DROP TABLE IF EXISTS snapshots_unindexed",
    "DROP TABLE IF EXISTS snapshots_words",
)
TRIGRAMS = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
GIN = (
    "CREATE INDEX snapshot_by_words ON snapshots_snapshot"
    ' USING gin (name COLLATE "C" gin_trgm_ops, volume COLLATE "C" gin_trgm_ops)'
)


def index(apps, schema_editor):
    connection = schema_editor.connection
    is_postgresql = connection.vendor == "postgresql"
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute(TRIGRAMS if is_postgresql else INDEX)
    except (OperationalError, ProgrammingError):
        # No right to create the extension, or SQLite without its full-text search.
        return
    with connection.cursor() as cursor:
        for statement in [GIN] if is_postgresql else [FILL, *REST]:
            cursor.execute(statement)


def drop(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        for statement in ["DROP INDEX IF EXISTS snapshot_by_words"] if connection.vendor == "postgresql" else UNDO:
            cursor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ("snapshots", "0017_half_written_since"),
    ]

    operations = [migrations.RunPython(index, drop)]
