"""A cursor for much data: parameters bound by the server, columns passed as binary arrays made by numpy."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

from hosting.engine.ingest.packing import Cell, array


class Packed(bytes):
    """A parameter that is in PostgreSQL's binary form already; the statement casts it to its type."""


class _PackedDumper(Dumper):
    format = Format.BINARY
    oid = 0

    def dump(self, obj: Any) -> bytes:
        """As it is."""
        return bytes(obj)


def packed(cell: Cell) -> Packed:
    """One column as a parameter: ``%b::bigint[]``."""
    return Packed(array(cell))


@contextmanager
def packed_cursor() -> Iterator[psycopg.Cursor[Any]]:
    """In the transaction that is open; rows come in binary form. Django's own cursors bind on the client."""
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.adapters.register_dumper(Packed, _PackedDumper)
        yield cursor


def rows(cursor: psycopg.Cursor[Any], statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query, in binary form."""
    cursor.execute(statement.encode(), parameters, binary=True)
    return cursor.fetchall()
