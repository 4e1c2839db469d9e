"""Rows as tuples. The ORM asks for each value what to make of it: with several moments that takes most of the time."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import QuerySet

FETCHED = 2_000


def plain_rows(rows: QuerySet[Any], *columns: str) -> Iterator[tuple[Any, ...]]:
    """Return columns of the query set's own table, as `values_list` does: moments, numbers, texts, true or false."""
    if connection.vendor != "sqlite":
        yield from rows.values_list(*columns).iterator(FETCHED)
        return
    try:
        sql, params = rows.values_list(*columns).query.sql_with_params()
    except EmptyResultSet:
        return
    fields = [rows.model._meta.pk if name == "pk" else rows.model._meta.get_field(name) for name in columns]
    # SQLite keeps UTC, and the connection returns moments without saying so.
    moments = [place for place, field in enumerate(fields) if isinstance(field, models.DateTimeField)]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        while found := cursor.fetchmany(FETCHED):
            for values in found:
                row = list(values)
                for place in moments:
                    if row[place] is not None:
                        row[place] = row[place].replace(tzinfo=UTC)
                yield tuple(row)
