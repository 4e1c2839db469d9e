"""Very many snapshots in one answer: whole, in flat memory, with the number of queries of a small one."""

import json
import tracemalloc
from collections.abc import Callable

import pytest
from django.db import connection
from django.http import FileResponse
from django.test.utils import CaptureQueriesContext

from snapshots.models import Environment, Snapshot
from tests.api.conftest import LIST, Script
from tests.views.snapshots.conftest import VOLUME

MIB = 1 << 20


def fill(environment: Environment, many: int) -> None:
    """Copy a row of the environment so many times, by the database itself."""
    columns = [
        field.column for field in Snapshot._meta.fields if field.column and field.column not in ("id", "snapshot_id")
    ]
    names, source = ", ".join(columns), Snapshot.objects.filter(environment=environment).values_list("pk").first()
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many})"
    ids = "'00000000-0000-4000-9000-' || substr('000000000000' || i, -12)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO snapshots_snapshot (snapshot_id, {names}) {numbers} "
            f"SELECT {ids}, {names} FROM snapshots_snapshot, n WHERE id = %s",
            source,
        )


@pytest.mark.proof
@pytest.mark.parametrize("many", [50_000, pytest.param(100_000, marks=pytest.mark.proof)])
def test_many_rows_in_flat_memory(prod: Environment, script: Script, figures: Callable[..., None], many: int) -> None:
    fill(prod, many)
    script.get(LIST.replace("snapshots", "volumes"))
    tracemalloc.start()
    with CaptureQueriesContext(connection) as asked:
        answer = script.get(LIST)
        assert isinstance(answer, FileResponse)
        size = sum(len(piece) for piece in answer)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    figures(f"API list of {many:,}", body_MiB=size // MIB, peak_MiB=-(-peak // MIB), queries=len(asked))
    assert int(answer["Content-Length"]) == size > many * 210 > 10 * MIB
    assert peak < 8 * MIB
    assert len(asked) == 3


def test_it_is_whole_and_ends_as_it_should(prod: Environment, script: Script) -> None:
    answer = script.get(f"{LIST}?volume_id={VOLUME}")
    assert json.loads(answer.content)["metadata"]["recordCount"] == 3
