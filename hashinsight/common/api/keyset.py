"""Positions in a list: row-value comparison over (column, id), sealed so that a cursor tells nothing.

The id in a cursor is the internal one, which must not be seen: it would tell how many rows others have made
between two of mine. So a cursor is encrypted (AES-SIV, deterministic: equal pages have equal ETags), and bound to
the caller, the list and its order. Anything else is not a cursor.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings
from django.db.models import Field, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

LONGEST_CURSOR = 1000


class BadCursor(Exception):
    """The text is no cursor of this list."""


@dataclass(frozen=True)
class Position:
    """After (or, going back, before) the row with this value and id."""

    value: str
    pk: int
    backwards: bool


def seal(position: Position, *, context: str) -> str:
    """The position as opaque text that only the same context opens."""
    plain = json.dumps([position.value, position.pk, int(position.backwards)], separators=(",", ":")).encode()
    sealed = AESSIV(_key()).encrypt(plain, [context.encode()])
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def unseal(cursor: str, *, context: str) -> Position:
    """The position in a cursor. Raises BadCursor for anything we did not make for this context."""
    if not 0 < len(cursor) <= LONGEST_CURSOR:
        raise BadCursor
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        value, pk, backwards = json.loads(AESSIV(_key()).decrypt(sealed, [context.encode()]))
    except (InvalidTag, binascii.Error, UnicodeError, ValueError) as error:
        raise BadCursor from error
    return Position(value, pk, bool(backwards))


def beyond(queryset: QuerySet[Any], column: str, position: Position, *, descending: bool) -> QuerySet[Any]:
    """Rows strictly past the position in the direction of travel: one index range, no row twice, none left out."""
    field: Field[Any, Any] = queryset.model._meta.get_field(column)
    lookup = TupleLessThan if descending != position.backwards else TupleGreaterThan
    return queryset.filter(lookup(Tuple(column, "id"), (field.to_python(position.value), position.pk)))


def position_of(row: Any, column: str, *, backwards: bool) -> Position:
    """Where a row stands."""
    value = getattr(row, column)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return Position(text, row.pk, backwards)


def _key() -> bytes:
    return hashlib.sha512(b"hashinsight.api.cursor:" + settings.SECRET_KEY.encode()).digest()
