"""Who may do what in intelligence: one predicate per power."""

from typing import Any


def _may(user: Any, permission: str) -> bool:
    return bool(user.is_active and user.is_staff and user.has_perm(f"intelligence.{permission}"))


def may_run_forecast(user: Any) -> bool:
    """Have a forecast made now."""
    return _may(user, "run_forecast")


def may_run_schedulerun(user: Any) -> bool:
    """Have a day of a site planned now."""
    return _may(user, "run_schedulerun")


def may_apply_schedulerun(user: Any) -> bool:
    """Turn schedules into curtailment plans."""
    return _may(user, "apply_schedulerun")
