"""A column whose text is sealed; see ``secrets.py``."""

from functools import partialmethod
from typing import Any

from django.db import models

from hashinsight.common.secrets import Place, open_sealed, seal


class EncryptedField(models.TextField):
    """Holds the sealed text. A model with a field ``token`` gets ``conceal_token(text)`` and ``reveal_token()``.

    The attribute itself is what the database holds, so lists, dumps, history and logs never meet the secret. The
    sealed text is bound to the row's ``public_id``; ``counter`` names an integer column that ``conceal`` counts up
    and that the table must never let fall, then an older secret put back opens no more.
    """

    def __init__(self, *args: Any, counter: str = "", **kwargs: Any) -> None:
        self.counter = counter
        kwargs.setdefault("editable", False)
        kwargs.setdefault("default", "")
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """With the name of the counter."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "counter": self.counter} if self.counter else kwargs

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        """Adds the two methods, as choices add ``get_…_display``."""
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, f"conceal_{name}", partialmethod(_conceal, field=self))
        setattr(cls, f"reveal_{name}", partialmethod(_reveal, field=self))

    def place_of(self, row: Any) -> Place:
        """Where this row's secret stands now."""
        counter = getattr(row, self.counter) if self.counter else 0
        return Place(row._meta.db_table, str(self.column), str(row.public_id), counter)


def _conceal(row: Any, text: str, *, field: EncryptedField) -> None:
    """Seal ``text`` into the column (not saved yet); the empty text empties it."""
    if field.counter:
        setattr(row, field.counter, getattr(row, field.counter) + 1)
    setattr(row, field.attname, seal(text, field.place_of(row)) if text else "")


def _reveal(row: Any, *, field: EncryptedField) -> str:
    """The secret. Raises SecretUnreadable."""
    sealed = getattr(row, field.attname)
    return open_sealed(sealed, field.place_of(row)) if sealed else ""
