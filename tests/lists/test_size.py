"""Many rows take no more memory than a few: 25,000 in `make test`, 100,000 in `make proof`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from resource import getpagesize
from time import process_time

import pytest
from django.db import connection
from django.test import Client

from snapshots.models import Snapshot
from tests.lists.reading import LIST, drop, parts_of
from tests.proof import first
from tests.views.snapshots.conftest import Fill, record

pytestmark = pytest.mark.django_db
ROWS = 100_000
MIB = 2**20
MOST_MIB = 24
# Copies of the one row, made by the database itself: rows made here would take the memory that is to be measured.
COPY = """
INSERT INTO snapshots_snapshot ({columns})
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
SELECT {values} FROM n, snapshots_snapshot
"""


def multiply(rows: int) -> None:
    columns = [field.column for field in Snapshot._meta.concrete_fields if field.column and not field.primary_key]
    digits = "CAST(1000000 + i AS VARCHAR(9))"
    new = {"snapshot_id": f"SUBSTR(snapshot_id, 1, 29) || {digits}", "name": f"name || {digits}"}
    values = [new.get(column, column) for column in columns]
    with connection.cursor() as cursor:
        cursor.execute(COPY.format(columns=", ".join(columns), values=", ".join(values), rows=rows - 1))


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()


def read(parts: Iterator[bytes]) -> tuple[int, int, int]:
    """How many lines, how many bytes, and the most memory at any part's end."""
    lines = size = most = 0
    for part in parts:
        lines, size, most = lines + part.count(b"\n"), size + len(part), max(most, resident())
    return lines, size, most


@pytest.mark.proof
@pytest.mark.parametrize(
    ("kind", "rows"), first(1, [("csv", ROWS // 4), ("csv", ROWS), ("xlsx", ROWS), ("json", ROWS)])
)
def test_memory_stays_flat(bob_client: Client, fill: Fill, figures: Callable[..., None], kind: str, rows: int) -> None:
    fill([record(1)])
    multiply(rows)
    before, began = resident(), process_time()
    answer = bob_client.get(f"{LIST}export.{kind}")
    lines, size, most = read(parts_of(answer))
    drop(answer)
    grown, seconds = (most - before) / MIB, process_time() - began
    told = f"{grown:.1f} MiB more at the peak, {size / MIB:.0f} MiB written in {seconds:.1f} CPU s"
    figures(f"export of {rows:,} rows", **{kind: told})
    assert kind == "xlsx" or lines == rows + {"csv": 1, "json": 2}[kind]
    assert grown < MOST_MIB
