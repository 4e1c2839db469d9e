"""New rows are known by their number, and the sync remembers those that it renames: triggers made it twice as slow.

SQLite copies the pages that a statement with a trigger changes, so that it can undo the statement alone.
"""

from django.db import migrations

OLD = (
    "char(983040 + old.team_id % 65534, 1048576 + old.team_id / 65534, 983040 + old.team_id % 65534)"
    " || old.name || char(10) || old.volume"
)
REMEMBER = "BEGIN INSERT OR IGNORE INTO snapshots_unindexed (team_id, id, words) VALUES"
CHANGED = "CREATE TRIGGER snapshots_words_changed AFTER UPDATE OF name, volume ON snapshots_snapshot WHEN"
IS_OTHER = "(old.name <> new.name OR old.volume <> new.volume)"
REMOVED = "CREATE TRIGGER snapshots_words_removed AFTER DELETE ON snapshots_snapshot"
IS_INDEXED = "old.id <= (SELECT id FROM snapshots_indexed)"
FORGET_TRIGGERS = tuple(
    f"DROP TRIGGER IF EXISTS snapshots_words_{name}" for name in ("added", "changed", "removed")
)
FORWARD = (
    *FORGET_TRIGGERS,
    "CREATE TABLE snapshots_indexed (id integer NOT NULL)",
    "INSERT INTO snapshots_indexed SELECT coalesce(max(id), 0) FROM snapshots_snapshot",
    f"{REMOVED} WHEN {IS_INDEXED} {REMEMBER} (old.team_id, old.id, {OLD}); END",
)
BACK = (
    *FORGET_TRIGGERS,
    "INSERT OR IGNORE INTO snapshots_unindexed (team_id, id) SELECT team_id, id FROM snapshots_snapshot"
    " WHERE id > (SELECT id FROM snapshots_indexed)",
    "DROP TABLE snapshots_indexed",
    "CREATE TRIGGER snapshots_words_added AFTER INSERT ON snapshots_snapshot"
    f" {REMEMBER} (new.team_id, new.id, NULL); END",
    f"{CHANGED} {IS_OTHER} {REMEMBER} (old.team_id, old.id, {OLD}); END",
    f"{REMOVED} {REMEMBER} (old.team_id, old.id, {OLD}); END",
)


def run(schema_editor, statements):
    connection = schema_editor.connection
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        if cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'snapshots_unindexed'").fetchone():
            for statement in statements:
                cursor.execute(statement)


def forward(apps, schema_editor):
    run(schema_editor, FORWARD)


def back(apps, schema_editor):
    run(schema_editor, BACK)


class Migration(migrations.Migration):

    dependencies = [
        ("snapshots", "0020_instance_in_index"),
    ]

    operations = [migrations.RunPython(forward, back)]
