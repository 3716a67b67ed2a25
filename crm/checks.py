"""System checks of the commercial truth that look into the database."""

from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import ProgrammingError, transaction

from crm.domain.memberships import differences


@register(Tags.database)
def check_memberships(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Memberships and guardian grants say the same; access needs both, so a difference locks out, never in."""
    if not databases:
        return []
    try:
        with transaction.atomic():
            found = differences()
    except ProgrammingError:  # before the first migration
        return []
    return [
        Warning(text, hint="Grant the membership again, or revoke it, in the admin.", id="crm.W001") for text in found
    ]
