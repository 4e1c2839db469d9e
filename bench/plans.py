"""Show how SQLite reads the rows of each page: its queries, and where it sorts in a temporary B-tree or scans."""

import re
from itertools import product
from urllib.parse import urlencode

from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.cases import Case, cases
from bench.fill import facts
from bench.people import EMAIL, LIST_URL
from dashboard.teams.models import Team, User
from snapshots.lists.snapshot_filters import SORTS

ROWS = re.compile(r'^SELECT .* FROM "snapshots_(snapshot|volume)"', re.S)
COLUMNS = re.compile(r"^SELECT .*? FROM ", re.S)


def run(size: int) -> None:
    """Print the plans of all cases, and of each order with and without one filter."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(email=EMAIL))
    known = facts(Team.objects.get())
    filters = {"": {}, "state": {"state": "Error"}, "volume": {"volume_id": known.volume_id}, "gone": {"listed": "no"}}
    sorts = [f"{sign}{name}" for name in SORTS for sign in ("", "-")]
    orders = [
        Case(f"sort={sort} {name}", f"{LIST_URL}?{urlencode({'sort': sort, **query})}")
        for (name, query), sort in product(filters.items(), sorts)
    ]
    for case in [*cases(known), *orders]:
        _show(client, case)


def _show(client: Client, case: Case) -> None:
    caches["fragments"].clear()
    client.get(case.url)
    with CaptureQueriesContext(connection) as hot:
        client.get(case.url)
    caches["fragments"].clear()
    with CaptureQueriesContext(connection) as cold:
        client.get(case.url)
    print(f"\n{case.name}: {len(cold)} queries, {len(hot)} hot   {case.url}")
    for query in cold.captured_queries:
        if ROWS.match(query["sql"]):
            _explain(query["sql"])


def _explain(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql.replace('%', '%%')}")
        steps = [row[3] for row in cursor.fetchall()]
    print(f"    {COLUMNS.sub('', sql)[:400]}")
    for step in steps:
        mark = "!!" if "TEMP B-TREE" in step or step.startswith("SCAN") else "  "
        print(f"  {mark}    {step}")
