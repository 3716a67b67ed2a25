"""Who may do what in intelligence: one predicate per power."""

from typing import Any


def may_run_forecast(user: Any) -> bool:
    """Have a forecast made now."""
    return bool(user.is_active and user.is_staff and user.has_perm("intelligence.run_forecast"))
