"""Reading history rows in their canonical form."""

import hashlib
import hmac

from django.conf import settings
from django.db import connection

from hashinsight.audit.engine.chain import Row

CONTEXTS = "pghistory_context"
# Text of a row must not depend on what a server, a login or a session prefers.
PLAIN = (
    "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'iso_8601';"
    " SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'"
)
_COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attname
"""


def keys() -> list[bytes]:
    """The key that signs, then older ones that still verify."""
    words = settings.AUDIT_SEAL_KEYS or [hmac.new(settings.SECRET_KEY.encode(), b"audit seal", "sha256").hexdigest()]
    return [hashlib.sha256(word.encode()).digest() for word in words]


def columns_of(table: str) -> list[str]:
    """Columns of a history table, by name."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [f"public.{connection.ops.quote_name(table)}"])
        return [name for (name,) in cursor.fetchall()]


def read_rows(table: str, columns: list[str], *, after: int, to: int, most: int | None = None) -> list[Row]:
    """Id and SHA-256 of each row in a range, by id; who and why (the context) are part of what is hashed.

    Must run inside a transaction.
    """
    quote = connection.ops.quote_name
    fields = ", ".join(f"t.{quote(name)}" for name in columns)
    statement = (
        f"SELECT t.pgh_id, sha256(convert_to(ROW({fields}, c.metadata)::text, 'UTF8'))"  # noqa: S608  (quoted names)
        f" FROM public.{quote(table)} t LEFT JOIN public.{CONTEXTS} c ON c.id = t.pgh_context_id"
        " WHERE t.pgh_id > %s AND t.pgh_id <= %s ORDER BY t.pgh_id LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(PLAIN)
        cursor.execute(statement, [after, to, most])
        return [(row_id, bytes(digest)) for row_id, digest in cursor.fetchall()]
