"""Who may do what with notifications: one predicate per power."""

from typing import Any


def _may(user: Any, permission: str) -> bool:
    return bool(user.is_active and user.is_staff and user.has_perm(f"notify.{permission}"))


def may_acknowledge(user: Any) -> bool:
    """Say that one is at it."""
    return _may(user, "acknowledge_alert")


def may_test(user: Any) -> bool:
    """Send a test message to a channel."""
    return _may(user, "test_channel")


def may_switch(user: Any) -> bool:
    """Switch a channel on and off."""
    return _may(user, "switch_channel")


def may_rotate(user: Any) -> bool:
    """Give a channel a new credential or signing secret."""
    return _may(user, "rotate_channel")


def may_redeliver(user: Any) -> bool:
    """Send a message again."""
    return _may(user, "redeliver_delivery")
