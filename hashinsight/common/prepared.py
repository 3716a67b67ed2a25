"""Questions asked on every request: put into SQL once, then asked again and again with other values.

Building and compiling a query with sub-queries takes the ORM several times as long as PostgreSQL takes to answer it.
Only for querysets whose SQL is the same whatever the values are.
"""

from collections.abc import Callable
from copy import copy
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable

M = TypeVar("M", bound=Model)


class Prepared(Generic[M]):
    """The first row of a queryset, or None.

    ``build`` gets one value for each of ``examples`` and returns the queryset. The examples stand for the real values
    while the SQL is made, and are recognised in it afterwards: each is of the right type and occurs nowhere else.
    """

    def __init__(self, build: Callable[..., "QuerySet[M]"], *examples: Any) -> None:
        self._build = build
        self._examples = examples
        self._ready: tuple[Any, str, list[Any]] | None = None

    def first(self, *values: Any) -> M | None:
        """Ask with these values, in the order of the examples."""
        compiler, sql, places = self._ready = self._ready or self._prepare()
        parameters = tuple(values[place.number] if isinstance(place, _Place) else place for place in places)
        ask = copy(compiler)
        ask.connection = connections[compiler.using]  # that of this thread
        ask.as_sql = lambda *_args, **_options: (sql, parameters)
        rows: Any = SimpleNamespace(
            db=compiler.using, query=SimpleNamespace(get_compiler=lambda **_options: ask), _known_related_objects={}
        )
        return next(iter(ModelIterable(rows)), None)

    def _prepare(self) -> tuple[Any, str, list[Any]]:
        rows: Any = self._build(*self._examples)[:1]
        compiler = rows.query.get_compiler(using=rows.db)
        sql, parameters = compiler.as_sql()
        places = [self._place(one) for one in parameters]
        missing = set(range(len(self._examples))) - {one.number for one in places if isinstance(one, _Place)}
        if missing:
            raise ValueError(f"{self._examples[min(missing)]!r} is not found in {sql}")
        return compiler, sql, places

    def _place(self, parameter: Any) -> Any:
        for number, example in enumerate(self._examples):
            if type(parameter) is type(example) and parameter == example:
                return _Place(number)
        return parameter


class _Place:
    """Where a value comes in."""

    def __init__(self, number: int) -> None:
        self.number = number
