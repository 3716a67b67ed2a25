"""Who may do what to whom, where a permission alone does not say it."""

from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.enums import StaffRole


def is_owner(user: Any) -> bool:
    """An owner of the company, or the superuser of this installation."""
    return bool(user.is_superuser or user.groups.filter(name=StaffRole.OWNER).exists())


def may_manage(by: Any, user: Any) -> bool:
    """Whether ``by`` may change or switch off ``user``, given the permission to change users.

    Superusers are changed by superusers and owners by owners; otherwise whoever may change users could take over
    a stronger account by changing its address or password.
    """
    if by.is_superuser:
        return True
    if user.is_superuser:
        return False
    return is_owner(by) or not is_owner(user)


def may_enter_back_office(user: Any) -> bool:
    """Signed in, switched on, and staff."""
    return bool(user.is_authenticated and user.is_active and user.is_staff)


def second_factor_due(user: Any, at: datetime) -> bool:
    """Whether this person must have a second factor by now: staff where the settings say so, after any grace."""
    if not (settings.MFA_REQUIRED_FOR_STAFF and user.is_staff):
        return False
    return user.second_factor_due_at is None or at >= user.second_factor_due_at
