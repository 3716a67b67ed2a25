"""Who may do what with market data: one predicate per power."""

from typing import Any


def may_import_market(user: Any) -> bool:
    """Import prices, days and difficulty periods from files, and ask sources at once."""
    return bool(user.is_active and user.is_staff and user.has_perm("marketdata.import_priceseries"))
