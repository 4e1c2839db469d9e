"""Queries that are asked at every request: Django needs 0.4 ms to write one, and SQLite 0.05 ms to answer it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from inspect import signature
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models import QuerySet, Value
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=models.Model)
Given = int | str | datetime


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of a value that is given later, in a written query."""

    name: str


class Prepared(Generic[M]):
    """A query whose text is written at its first use in a connection, and then only given other values.

    `make` returns the query set; its parameters are the values, which it may compare with columns and nothing else.
    """

    def __init__(self, make: Callable[..., QuerySet[M]]) -> None:
        self._make = make

    def all(self, **values: Given) -> list[M]:
        """Ask with these values. The rows are as those of the query set, and were not asked for by anybody else."""
        # Kept with the connection, as the rows' converters belong to it.
        written: dict[Prepared[Any], _Written[Any]] = vars(connection).setdefault("_prepared", {})
        if self not in written:
            written[self] = _Written(
                self._make(**{name: Value(_Place(name)) for name in signature(self._make).parameters})
            )
        return list(written[self].rows(values))

    def first(self, **values: Given) -> M | None:
        """Return the first row, or None. The query should be unique or sliced: all of its rows are read."""
        return next(iter(self.all(**values)), None)


class _Written(Generic[M]):
    """The text of a query for one connection, and how its rows become objects: what `ModelIterable` does each time."""

    def __init__(self, rows: QuerySet[M]) -> None:
        self._compiler = rows.query.get_compiler(connection=connection)
        self._sql, self._params = self._compiler.as_sql()

    def rows(self, values: dict[str, Given]) -> Iterator[M]:
        given = {name: _adapted(value) for name, value in values.items()}
        with connection.cursor() as cursor:
            cursor.execute(self._sql, [given[each.name] if isinstance(each, _Place) else each for each in self._params])
            found = cursor.fetchall()
        if self._converters:
            found = self._compiler.apply_converters(found, self._converters)
        model, columns, names, related, annotations = self._shape
        for row in found:
            one = model.from_db(connection.alias, names, row[columns])
            for each in related:
                each.populate(row, one)
            for name, place in annotations:
                setattr(one, name, row[place])
            yield one

    @cached_property
    def _converters(self) -> dict[int, Any]:
        found: dict[int, Any] = self._compiler.get_converters([column for column, *_rest in self._compiler.select])
        return found

    @cached_property
    def _shape(self) -> tuple[type[M], slice, list[str], list[Any], list[tuple[str, int]]]:
        info, select = self._compiler.klass_info, self._compiler.select
        columns = slice(info["select_fields"][0], info["select_fields"][-1] + 1)
        names = [column.target.attname for column, *_rest in select[columns]]
        related = get_related_populators(info, select, connection.alias)  # type: ignore[call-arg]  # stubs of a later Django
        return info["model"], columns, names, related, [*self._compiler.annotation_col_map.items()]


def _adapted(value: Given) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
