"""Customers as the pages of notifications name them.

Customers belong to an app above this one; they are known here by their id, and by ``settings.CUSTOMER_MODEL`` where a
person has to read or type which one is meant.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def customers() -> Any:
    """All of them."""
    return apps.get_model(settings.CUSTOMER_MODEL)._default_manager.all()


def id_by_number(number: str) -> int | None:
    """The customer with this number; None for no number. Raises ValidationError when there is none."""
    wanted = number.strip().upper()
    if not wanted:
        return None
    found: int | None = customers().filter(code=wanted).values_list("pk", flat=True).first()
    if found is None:
        raise ValidationError(_("There is no customer with the number %(number)s.") % {"number": wanted})
    return found


def numbers(ids: Iterable[int | None]) -> dict[int, str]:
    """Customer numbers by id, in one query."""
    return dict(customers().filter(pk__in={one for one in ids if one}).values_list("pk", "code"))


def names(ids: Iterable[int | None]) -> dict[int, str]:
    """Company names by id, in one query."""
    return dict(customers().filter(pk__in={one for one in ids if one}).values_list("pk", "company_name"))
