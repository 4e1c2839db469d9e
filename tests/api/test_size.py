"""A hundred thousand snapshots in one answer: whole, in flat memory, with the number of queries of a small one."""

import json
import tracemalloc
from collections.abc import Callable

from django.db import connection
from django.http import FileResponse
from django.test.utils import CaptureQueriesContext

from snapshots.models import Environment, Snapshot
from tests.api.conftest import LIST, Script
from tests.views.snapshots.conftest import VOLUME

MANY = 100_000
MIB = 1 << 20


def fill(environment: Environment) -> None:
    """Copy a row of the environment a hundred thousand times, by the database itself."""
    columns = [
        field.column for field in Snapshot._meta.fields if field.column and field.column not in ("id", "snapshot_id")
    ]
    names, source = ", ".join(columns), Snapshot.objects.filter(environment=environment).values_list("pk").first()
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})"
    ids = "'00000000-0000-4000-9000-' || substr('000000000000' || i, -12)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO snapshots_snapshot (snapshot_id, {names}) {numbers} "
            f"SELECT {ids}, {names} FROM snapshots_snapshot, n WHERE id = %s",
            source,
        )


def test_100_000_rows_in_flat_memory(prod: Environment, script: Script, figures: Callable[..., None]) -> None:
    fill(prod)
    script.get(LIST.replace("snapshots", "volumes"))
    tracemalloc.start()
    with CaptureQueriesContext(connection) as asked:
        answer = script.get(LIST)
        assert isinstance(answer, FileResponse)
        size = sum(len(piece) for piece in answer)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    figures("API list of 100,000", body_MiB=size // MIB, peak_MiB=-(-peak // MIB), queries=len(asked))
    assert int(answer["Content-Length"]) == size > 20 * MIB
    assert peak < 8 * MIB
    assert len(asked) == 3


def test_it_is_whole_and_ends_as_it_should(prod: Environment, script: Script) -> None:
    answer = script.get(f"{LIST}?volume_id={VOLUME}")
    assert json.loads(answer.content)["metadata"]["recordCount"] == 3
